// Behind the scenes: the application's objects in the cluster, and its traffic with Slack.

import { el } from "./dom.js";

const GONE_MS = 6000; // how long removed objects stay, crossed out
const SHOWN = 80;

/** The panel. */
export class Panel {
  constructor(node) {
    this.made = new Map();
    this.rows = new Map();
    this.count = el("span", { class: "count" }, "0");
    this.cluster = el("ul", { class: "made", "aria-label": "Made in the cluster" });
    this.trouble = el("p", { class: "error", hidden: true });
    this.traffic = el("ol", { class: "traffic", "aria-label": "Traffic, newest first" });
    node.replaceChildren(
      el("section", { "aria-label": "Cluster" },
        el("h2", {}, "Elasticsearch ", this.count),
        el("p", { class: "hint" }, "Users, roles and API keys that es-access has made. What ends is crossed out, and goes."),
        this.trouble, this.cluster),
      el("section", { "aria-label": "Traffic" },
        el("h2", {}, "Traffic"),
        el("p", { class: "hint" }, "→ what Slack sends to es-access, with the time to its acknowledgement (at most 3 s); ← what es-access calls."),
        this.traffic));
  }

  /** Draws the parts that it shows. */
  update(parts) {
    this.names = parts.get("workspace").names;
    this.#cluster(parts.get("cluster") ?? { users: [], roles: [], keys: [] });
    const all = [...parts].filter(([name]) => name.startsWith("traffic:")).sort(([, one], [, other]) => other.at - one.at);
    this.#traffic(all.slice(0, SHOWN));
  }

  #cluster(found) {
    this.trouble.hidden = !found.error;
    this.trouble.textContent = found.error ?? "";
    if (found.error) return;
    const now = new Map([["user", found.users], ["role", found.roles], ["key", found.keys]]
      .flatMap(([kind, list]) => list.map((one) => [`${kind} ${one.id ?? one.name}`, { kind, ...one }])));
    for (const [name, one] of now) {
      const held = this.made.get(name);
      if (held && !held.gone) continue;
      held?.node.remove();
      const node = el("li", { class: `came ${one.kind}`, "data-made": name },
        el("strong", {}, one.kind === "key" ? "API key" : one.kind), " ", el("code", {}, one.name),
        el("dl", {}, Object.entries(one.more).map(([key, value]) => [el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, this.#said(key, value))])));
      this.cluster.append(node);
      this.made.set(name, { node, gone: false });
    }
    for (const [name, held] of this.made) {
      if (now.has(name) || held.gone) continue;
      held.gone = true;
      held.node.classList.add("gone");
      held.node.append(el("span", { class: "unseen" }, "gone"));
      setTimeout(() => { held.node.remove(); if (this.made.get(name) === held) this.made.delete(name); }, GONE_MS);
    }
    this.count.textContent = String(now.size);
  }

  /** A value of the metadata in readable form. */
  #said(key, value) {
    const name = this.names[value];
    if (name) return `@${name}`;
    const when = key.endsWith("_at") ? new Date(value) : null;
    return when && !Number.isNaN(when.getTime()) ? `${when.toISOString().slice(0, 16).replace("T", " ")} UTC` : value;
  }

  #traffic(all) {
    const rows = all.map(([name, one]) => this.#row(name, one));
    const now = [...this.traffic.children];
    for (const name of this.rows.keys()) if (!all.some(([held]) => held === name)) this.rows.delete(name);
    if (rows.length === now.length && rows.every((row, at) => row === now[at])) return;
    // One by one, so that an open or focused element stays as it is.
    now.filter((row) => !rows.includes(row)).forEach((row) => row.remove());
    rows.forEach((row, at) => { if (this.traffic.children[at] !== row) this.traffic.insertBefore(row, this.traffic.children[at] ?? null); });
  }

  #row(name, one) {
    const face = `${one.milliseconds} ${one.error} ${JSON.stringify(one.answer)?.length}`;
    const held = this.rows.get(name);
    if (held?.face === face) return held.node;
    const took = one.milliseconds === null ? "waiting" : `${one.milliseconds} ms`;
    const summary = el("summary", {},
      el("span", { class: "way", title: one.to_app ? "to es-access" : "from es-access" }, one.to_app ? "→" : "←",
        el("span", { class: "unseen" }, one.to_app ? "to es-access: " : "from es-access: ")),
      el("code", {}, one.name), " ",
      el("span", { class: one.error ? "bad" : "when" }, one.error ? `${one.error}, ${took}` : took));
    const body = el("div");
    const details = el("details", {
      open: held?.node.querySelector("details").open,
      ontoggle: () => { if (details.open && !body.firstChild) body.append(...payloads(one)); },
    }, summary, body);
    const node = el("li", { class: one.to_app ? "to" : "from" }, details);
    this.rows.set(name, { face, node });
    return node;
  }
}

const payloads = (one) => [["Sent", one.payload], ["Answered", one.answer]].flatMap(([title, value]) =>
  [el("h3", {}, title), el("pre", { tabindex: "0", "aria-label": `${title}, as JSON` }, JSON.stringify(value, null, 2))]);
