// The page: the people shown, the clock, the panel, and the stream that keeps all of it up to date.

import { el } from "./dom.js";
import { Live, runAction } from "./live.js";
import { Panel } from "./panel.js";
import { Person } from "./person.js";

const HOUR = 3600;
const byId = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search).get("as")?.split(",").filter(Boolean) ?? [];
const panel = new Panel(byId("panel"));
let shown = wanted; // names of people
let columns = [];
let current = 0; // index of the column on a narrow screen; the panel comes last
let last = null;

const live = new Live((parts) => { last = parts; draw(); }, (connected) => {
  const line = byId("connection");
  line.hidden = connected;
  line.textContent = connected ? "" : "The sandbox does not answer. Trying again …";
});

function draw() {
  const workspace = last.get("workspace");
  if (!workspace) return;
  const names = workspace.people.map((one) => one.name);
  const choice = shown.filter((name) => names.includes(name));
  if (!choice.length) choice.push(...names.slice(0, 2));
  if (choice.join() !== columns.map((one) => one.name).join() || choice.join() !== live.names.join()) return follow(choice);
  about(workspace);
  for (const column of columns) {
    const me = workspace.people.find((one) => one.name === column.name);
    column.update(workspace, last.get(`person:${me.id}`));
  }
  panel.update(last);
}

function follow(names) {
  shown = names;
  const kept = new Map(columns.map((one) => [one.name, one]));
  columns = names.map((name) => kept.get(name) ?? new Person(name, (other) => swap(name, other), switches));
  byId("people").replaceChildren(...columns.map((one) => one.node));
  byId("people").dataset.count = String(columns.length);
  live.follow(names);
}

/** Shows somebody else in the column of `name`; a person who has a column already swaps places. */
function swap(name, other) {
  follow(shown.map((one) => (one === name ? other : one === other ? name : one)));
  if (last) draw();
}

function about(workspace) {
  const moved = workspace.moved_seconds / HOUR;
  const clock = moved ? `, its clock ${Number(moved.toFixed(1))} h ahead` : "";
  const off = workspace.app.connections ? "" : " · es-access is not connected";
  byId("about").textContent = `Elasticsearch ${workspace.node.version} at ${workspace.node.url}, es-access${clock}${off}`;
  const jump = (label, seconds) => el("button", {
    type: "button", class: "button", onclick: () => runAction("clock", { person: workspace.people[0].id, seconds }),
  }, label);
  if (!byId("clock").firstChild) byId("clock").append(jump("One hour later", HOUR + 1), jump("One day later", 24 * HOUR));
  document.title = `${workspace.app.name} · sandbox`;
  switches();
}

/** The switch of a narrow screen, with unread marks. */
function switches() {
  const all = [...columns.map((one) => ({ label: one.me?.real_name ?? one.name, unread: one.unread ?? 0 })), { label: "Behind the scenes", unread: 0 }];
  const face = JSON.stringify([all, current]);
  const bar = byId("switch");
  columns.forEach((one, at) => one.node.classList.toggle("current", at === current));
  byId("panel").classList.toggle("current", current >= columns.length);
  if (bar.dataset.face === face) return;
  bar.dataset.face = face;
  const focused = [...bar.children].indexOf(document.activeElement);
  bar.replaceChildren(...all.map(({ label, unread }, at) => el("button", {
    type: "button", class: "button", "aria-pressed": String(at === current), onclick: () => { current = at; switches(); draw(); },
  }, label, unread > 0 && el("span", { class: "count" }, String(unread), el("span", { class: "unseen" }, " unread")))));
  bar.children[focused]?.focus();
}

// F6 moves to the next person and to the panel, also out of a modal, which keeps the focus on Tab.
document.addEventListener("keydown", (event) => {
  if (event.key !== "F6") return;
  event.preventDefault();
  const all = [...columns.map((one) => one.node), byId("panel")];
  const at = all.findIndex((node) => node.contains(document.activeElement));
  const to = (at + (event.shiftKey ? -1 : 1) + all.length) % all.length;
  current = to;
  switches();
  const window = all[to].querySelector("[role=dialog] input, [role=dialog] button");
  (window ?? all[to].querySelector(".composer input") ?? all[to]).focus();
});
document.addEventListener("visibilitychange", () => { if (last && !document.hidden) draw(); });

live.follow(shown);
