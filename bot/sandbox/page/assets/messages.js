// The messages of one conversation, redrawn only if they changed.

import { blocks } from "./blocks.js";
import { el, keepingFocus } from "./dom.js";
import { menu } from "./menu.js";
import { moment, mrkdwn } from "./text.js";

/** The list of messages. `act(name, body)` runs an action, `context()` returns the reader. */
export class Messages {
  constructor(act, context) {
    Object.assign(this, { act, context, drawn: new Map(), tries: new Map() });
    this.atEnd = true;
    // A hidden list has no height, and keeps its position until it is shown again.
    const look = () => { if (this.node.clientHeight) this.atEnd = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 60; };
    this.node = el("ol", { class: "messages", tabindex: "0", onscroll: look });
  }

  /** Draws the messages of a conversation, with replies under their parent. */
  show(conversation, reader) {
    this.node.setAttribute("aria-label", conversation.is_im ? `Messages with ${reader.app.name}` : `Messages in ${conversation.name}`);
    if (this.channel !== conversation.id) {
      this.drawn.clear();
      this.atEnd = true;
    }
    this.channel = conversation.id;
    const known = new Set(conversation.messages.map((one) => one.ts));
    const roots = conversation.messages.filter((one) => !known.has(one.thread_ts));
    const rows = roots.map((one) => this.#row(one, conversation.messages.filter((each) => each.thread_ts === one.ts), reader));
    const now = [...this.node.children];
    if (rows.length !== now.length || rows.some((row, at) => row !== now[at])) {
      keepingFocus(this.node, () => this.node.replaceChildren(...rows), () => this.node);
    }
    for (const ts of this.drawn.keys()) if (!known.has(ts)) this.drawn.delete(ts);
    if (this.atEnd) this.node.scrollTop = this.node.scrollHeight;
  }

  #row(message, replies, reader) {
    const face = JSON.stringify([message, replies, this.tries.get(message.ts), reader.names]);
    const held = this.drawn.get(message.ts);
    if (held?.face === face) return held.node;
    const draw = () => [this.#article(message, reader), replies.length > 0 && el("ol", { class: "thread", "aria-label": "Answers in the thread" },
      replies.map((one) => el("li", {}, this.#article(one, reader))))].filter(Boolean);
    if (!held) {
      const node = el("li", {}, draw());
      this.drawn.set(message.ts, { face, node });
      return node;
    }
    held.face = face;
    keepingFocus(held.node, () => held.node.replaceChildren(...draw()), () => held.node.querySelector("article"));
    return held.node;
  }

  #article(message, reader) {
    const ofApp = message.author === reader.app.id;
    const name = ofApp ? reader.app.name : reader.names[message.author] ?? message.author;
    const ctx = { ...this.context(), ...this.#context(message) };
    return el("article", { class: message.private ? "message private" : "message", tabindex: "-1", "data-ts": message.ts, "aria-label": `${name}` },
      el("header", {},
        el("span", { class: ofApp ? "avatar app" : "avatar", "aria-hidden": "true" }, ofApp ? "ES" : name.slice(0, 1).toUpperCase()),
        el("strong", {}, name), ofApp && el("span", { class: "badge" }, "APP"),
        el("span", { class: "when" }, moment(Number(message.ts), "{time}", reader)),
        message.edited && el("span", { class: "when" }, "(edited)"),
        message.private && el("span", { class: "when" }, "Only visible to you"),
        this.#menu(message, reader)),
      el("div", { class: "content" }, message.blocks.length ? blocks(message.blocks, ctx) : el("div", { class: "block" }, mrkdwn(message.text, reader))),
      message.tryable && this.#trying(message));
  }

  #menu(message, reader) {
    const offered = reader.shortcuts.filter((one) => one.kind === "message");
    if (!offered.length || message.private) return null;
    const pick = (one) => this.act("message_shortcut", { callback_id: one.callback_id, channel: this.channel, ts: message.ts });
    return menu({
      label: "Shortcuts for this message", text: "⋮", key: `${message.ts}/menu`,
      items: offered.map((one) => ({ label: one.name, onpick: () => pick(one) })),
    });
  }

  #context(message) {
    const place = { channel: this.channel, ts: message.ts };
    const about = (block, node) => ({ ...place, block_id: block.block_id, action_id: node.action_id });
    const press = async (block, node, value) => {
      if (node.confirm && !(await this.context().confirm(node.confirm))) return;
      await this.act("click", { ...about(block, node), value });
    };
    return {
      errors: {}, value: () => undefined, changed: () => {}, press, chosen: press,
      suggest: async (block, node, typed) => (await this.act("suggest", { ...about(block, node), typed })).found ?? {},
    };
  }

  #trying(message) {
    const run = async () => {
      const answer = await this.act("try", { channel: this.channel, ts: message.ts });
      if (!answer.ok) return;
      this.tries.set(message.ts, [...(this.tries.get(message.ts) ?? []), answer].slice(-4));
      this.onchange?.();
    };
    const tries = this.tries.get(message.ts) ?? [];
    const copy = () => navigator.clipboard?.writeText(tries.at(-1)?.line ?? lineOf(message) ?? "");
    return el("div", { class: "trying", role: "group", "aria-label": "Try the credential" },
      el("button", { type: "button", class: "button", "data-key": `${message.ts}/try`, onclick: run }, "▶ Try it"),
      el("button", { type: "button", class: "button quiet", "data-key": `${message.ts}/copy`, onclick: copy }, "Copy the line"),
      el("span", { class: "hint" }, "The sandbox runs this message's curl line against its own Elasticsearch."),
      el("div", { role: "log", class: "answers", "aria-label": "Answers of Elasticsearch" }, tries.map((one) => el("div", {},
        el("strong", { class: one.status === 200 ? "good" : "bad" }, `HTTP ${one.status} ${WORDS[one.status] ?? ""}`),
        el("pre", { tabindex: "0" }, one.answer)))));
  }
}

const WORDS = { 0: "no answer", 200: "OK", 401: "refused: the credential is not (any more) known", 403: "refused: not allowed" };

/** The curl line in the message now. */
function lineOf(message) {
  const parts = message.blocks.flatMap((block) => (block.type === "rich_text" ? block.elements : []));
  return parts.filter((part) => part.type === "rich_text_preformatted")
    .map((part) => part.elements.map((one) => one.text ?? "").join("")).find((line) => line.startsWith("curl "));
}
