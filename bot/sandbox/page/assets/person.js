// One person's Slack: conversations, Home, composer, modals.

import { blocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { el, keepingFocus, newId } from "./dom.js";
import { runAction } from "./live.js";
import { menu } from "./menu.js";
import { Messages } from "./messages.js";
import { confirmFirst, formContext, Modals } from "./modal.js";
import { text } from "./text.js";

const TOAST_MS = 12_000;
const HOME = "home";

/** The column of one person. It calls `onperson(name)` to show somebody else here, `onunread()` when unread marks change. */
export class Person {
  constructor(name, onperson, onunread) {
    Object.assign(this, { name, onperson, onunread, tab: null, seen: new Map(), noticed: null, homeDrafts: {}, heard: null });
    this.toasts = el("div", { class: "toasts" });
    this.windows = el("div", { class: "windows", hidden: true });
    this.dialogs = el("div", { class: "windows", hidden: true });
    this.messages = new Messages((what, body) => this.act(what, body), () => this.context());
    this.messages.onchange = () => this.draw();
    this.modals = new Modals(this.windows, (what, body) => this.act(what, body), () => this.context());
    this.modals.again = () => this.draw();
    this.composer = new Composer((words) => this.act("write", { channel: this.tab, text: words }));
    this.top = el("header", { class: "who" });
    this.tabs = el("div", { role: "tablist", class: "tabs", "aria-label": "Conversations", onkeydown: (event) => this.#tabKey(event) });
    this.home = el("div", { class: "home", role: "tabpanel", "aria-label": "Home", tabindex: "0", hidden: true });
    this.talk = el("div", { class: "talk", role: "tabpanel", "aria-label": "Conversation" }, this.messages.node, this.composer.node);
    this.node = el("section", { class: "person", tabindex: "-1" },
      this.top, this.tabs, this.talk, this.home, this.toasts, this.windows, this.dialogs);
  }

  /** Runs an action as this person, and shows errors. */
  async act(what, body) {
    const answer = await runAction(what, { person: this.me.id, ...body });
    if (answer.shown) this.toast(answer.shown);
    return answer;
  }

  /** The reader and the confirmation dialog, for drawing. */
  context() {
    const reader = this.reader;
    return { reader, confirm: (dialog) => confirmFirst(this.dialogs, dialog, text(dialog.text, reader)) };
  }

  /** Draws what this person sees now. */
  update(workspace, sight) {
    this.me = workspace.people.find((one) => one.name === this.name);
    if (!this.me || !sight) return;
    const { conversations } = sight;
    this.reader = { ...workspace, tz: this.me.tz, conversations };
    this.sight = sight;
    this.workspace = workspace;
    if (!conversations.some((one) => one.id === this.tab) && this.tab !== HOME) this.tab = conversations[0].id;
    this.#notices();
    this.#announce();
    this.draw();
  }

  draw() {
    this.#head();
    this.#tabs();
    const conversation = this.sight.conversations.find((one) => one.id === this.tab);
    this.talk.hidden = !conversation;
    this.home.hidden = Boolean(conversation);
    if (conversation) {
      this.messages.show(conversation, this.reader);
      this.composer.show(conversation.is_im ? `to ${this.reader.app.name}` : `in #${conversation.name}`, this.workspace.commands);
    } else this.#home();
    this.modals.show(this.sight.views);
  }

  #head() {
    const { people, shortcuts } = this.workspace;
    const face = JSON.stringify([people, this.me, shortcuts]);
    if (face === this.headFace) return;
    this.headFace = face;
    this.node.setAttribute("aria-label", `${this.me.real_name}'s Slack`);
    this.node.dataset.person = this.me.name;
    const global = shortcuts.filter((one) => one.kind === "global");
    this.top.replaceChildren(
      el("h2", { class: "unseen" }, `${this.me.real_name}'s Slack`),
      el("span", { class: "avatar", "aria-hidden": "true" }, this.me.real_name.slice(0, 1)),
      el("select", { "aria-label": "Person", onchange: (event) => this.onperson(event.target.value) },
        people.map((one) => el("option", { value: one.name, $selected: one.name === this.name }, one.real_name))),
      el("span", { class: "when" }, this.me.tz.split("/").at(-1).replaceAll("_", " ")),
      global.length ? menu({
        label: "Shortcuts", text: "⚡", key: "shortcuts",
        items: global.map((one) => ({ label: one.name, onpick: () => this.act("shortcut", { callback_id: one.callback_id }) })),
      }) : "");
  }

  #tabs() {
    const named = this.sight.conversations.map((one) => [one.id, one.is_im ? this.reader.app.name : `# ${one.name}`]);
    const im = named.findIndex(([id]) => this.sight.conversations.find((one) => one.id === id)?.is_im);
    if (this.workspace.home_tab) named.splice(im + 1, 0, [HOME, "Home"]);
    const all = named.map(([id, label]) => ({ id, label, unread: this.#unread(id) }));
    this.unread = all.reduce((sum, one) => sum + one.unread, 0);
    this.onunread();
    const face = JSON.stringify([all, this.tab]);
    if (face === this.tabFace) return;
    this.tabFace = face;
    keepingFocus(this.tabs, () => this.tabs.replaceChildren(...all.map(({ id, label, unread }) => el("button", {
      type: "button", role: "tab", "aria-selected": String(id === this.tab), tabindex: id === this.tab ? "0" : "-1",
      "data-key": `tab/${id}`, class: unread ? "unread" : undefined, onclick: () => this.#open(id),
    }, label, unread > 0 && el("span", { class: "count" }, String(unread), el("span", { class: "unseen" }, " unread"))))),
    () => this.tabs.querySelector("[aria-selected=true]"));
  }

  #tabKey(event) {
    const all = [...this.tabs.children];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: (at + 1) % all.length, ArrowLeft: (at - 1 + all.length) % all.length }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[to].focus();
    all[to].click();
  }

  #open(id) {
    this.tab = id;
    const conversation = this.sight.conversations.find((one) => one.id === id);
    if (id === HOME) this.act("home", { tab: "home" });
    else if (conversation?.is_im && this.workspace.home_tab) this.act("home", { tab: "messages" });
    this.draw();
  }

  /** The number of unread messages. Those present at the first drawing count as read. */
  #unread(id) {
    const conversation = this.sight.conversations.find((one) => one.id === id);
    if (!conversation) return 0;
    const looking = id === this.tab && this.node.getClientRects().length > 0 && !document.hidden;
    if (looking || !this.seen.has(id)) this.seen.set(id, conversation.messages.at(-1)?.ts ?? "");
    return conversation.messages.filter((one) => one.ts > this.seen.get(id) && one.author !== this.me.id).length;
  }

  #home() {
    const view = this.sight.home;
    const face = JSON.stringify([view?.hash, view?.errors, this.reader.names]);
    if (face === this.homeFace) return;
    this.homeFace = face;
    const ctx = view && formContext(view, this.homeDrafts, view.errors, (what, body) => this.act(what, body), this.context());
    keepingFocus(this.home, () => this.home.replaceChildren(
      ...(view ? blocks(view.blocks, ctx) : [el("p", { class: "hint" }, "The application has published nothing here yet.")])), () => this.home);
  }

  #notices() {
    const all = this.sight.notices;
    for (const words of all.slice(this.noticed ?? all.length)) this.toast(words);
    this.noticed = all.length;
  }

  /** Announces new messages to a screen reader. */
  #announce() {
    const newest = this.sight.conversations.flatMap((one) => one.messages).map((one) => one.ts).sort().at(-1) ?? "";
    if (this.heard !== null && newest > this.heard) {
      const came = this.sight.conversations.flatMap((one) => one.messages).filter((one) => one.ts > this.heard && one.author !== this.me.id);
      const said = document.getElementById("said");
      if (came.length) said.textContent = `To ${this.me.real_name}: ${came.map((one) => plain(one)).join(". ")}`;
    }
    this.heard = newest;
  }

  /** Shows a sentence that disappears by itself; a repeated one is shown once. */
  toast(words) {
    if ([...this.toasts.children].some((one) => one.dataset.words === words)) return;
    const close = () => toast.remove();
    const toast = el("div", { class: "toast", role: "alert", "data-words": words, id: newId("toast") }, el("span", {}, words),
      el("button", { type: "button", class: "button quiet", "aria-label": "Dismiss", onclick: close }, "✕"));
    this.toasts.append(toast);
    setTimeout(close, TOAST_MS);
  }
}

/** A message's text for a screen reader, or its first heading. */
function plain(message) {
  const [first] = message.text.split("\n");
  return (first || "a new message").replace(/<[^>]*>/g, "").slice(0, 200);
}
