// One person's modals: those of the application, and confirmation dialogs. The focus stays in the top one.

import { blocks } from "./blocks.js";
import { el, focusables, keepingFocus, newId, trap } from "./dom.js";

/** The modals of one person. They are drawn in `host`; `act(name, body)` runs an action; `context(parts)` makes a ctx. */
export class Modals {
  constructor(host, act, context) {
    Object.assign(this, { host, act, context, drafts: new Map(), own: new Map(), shown: null, back: null });
  }

  /** Draws the top one of these views. */
  show(views) {
    const top = views.at(-1);
    for (const id of this.drafts.keys()) if (!views.some((view) => view.id === id)) this.drafts.delete(id);
    if (!top) return this.#shut();
    const face = JSON.stringify([top.id, top.hash, top.errors, this.own.get(top.id)]);
    if (face === this.face) return;
    const fresh = this.shown !== top.id;
    if (!this.shown) this.back = document.activeElement;
    this.face = face;
    this.shown = top.id;
    const draw = () => this.host.replaceChildren(this.#window(top));
    if (fresh) draw();
    else keepingFocus(this.host, draw, () => this.host.querySelector("[role=dialog]"));
    this.host.hidden = false;
    const wrong = this.host.querySelector("[aria-invalid=true], .wrong input");
    if (wrong) wrong.focus();
    else if (fresh) this.#first()?.focus();
  }

  #first() {
    return this.host.querySelector(".body input, .body textarea") ?? focusables(this.host).at(-1);
  }

  #shut() {
    if (!this.shown) return;
    this.shown = this.face = null;
    this.host.replaceChildren();
    this.host.hidden = true;
    if (this.back?.isConnected) this.back.focus({ preventScroll: true });
    this.back = null;
  }

  #window(view) {
    const title = newId("title");
    const ctx = this.#context(view);
    const close = () => this.act("close", { view: view.id });
    const submit = async (event) => {
      event.preventDefault();
      const errors = problems(view, ctx);
      this.own.set(view.id, errors);
      if (Object.keys(errors).length) return this.again();
      const button = event.currentTarget.querySelector("[type=submit]");
      button.setAttribute("aria-busy", "true");
      await this.act("submit", { view: view.id, values: ctx.filled() });
      button.removeAttribute("aria-busy");
    };
    return el("div", {
      class: "window", role: "dialog", "aria-modal": "true", "aria-labelledby": title, tabindex: "-1",
      onkeydown: (event) => { trap(event.currentTarget, event); if (event.key === "Escape") close(); },
    },
    el("form", { novalidate: true, onsubmit: submit },
      el("header", {}, el("h2", { id: title }, view.title?.text ?? ""),
        el("button", { type: "button", class: "button quiet", "aria-label": "Close", onclick: close }, "✕")),
      el("div", { class: "body" }, blocks(view.blocks, ctx)),
      el("footer", {},
        el("button", { type: "button", class: "button", onclick: close }, view.close?.text ?? "Close"),
        view.submit && el("button", { type: "submit", class: "button primary", "data-key": "submit" }, view.submit.text))));
  }

  #context(view) {
    if (!this.drafts.has(view.id)) this.drafts.set(view.id, {});
    return formContext(view, this.drafts.get(view.id), { ...view.errors, ...this.own.get(view.id) }, this.act, this.context());
  }
}

/** The context of a view's elements: `drafts` are `{block_id: {action_id: value}}`, kept while the view is open. */
export function formContext(view, drafts, errors, act, reader) {
  const inputs = new Set(view.blocks.filter((block) => block.type === "input").map((block) => block.block_id));
  const filled = () => Object.fromEntries(Object.entries(drafts).filter(([block]) => inputs.has(block)));
  const ctx = {
    ...reader, errors, filled,
    value: (block, node) => drafts[block.block_id]?.[node.action_id] ?? undefined,
    changed: (block, node, value) => { drafts[block.block_id] = { [node.action_id]: value }; },
    chosen: (block, node, value) => {
      ctx.changed(block, node, value);
      if (block.type !== "input" || block.dispatch_action) ctx.press(block, node, value);
    },
    press: async (block, node, value) => {
      if (node.confirm && !(await reader.confirm(node.confirm))) return;
      await act("click", { view: view.id, block_id: block.block_id, action_id: node.action_id, value, values: filled() });
    },
    suggest: async (block, node, typed) => {
      const answer = await act("suggest", { view: view.id, block_id: block.block_id, action_id: node.action_id, typed });
      return answer.found ?? {};
    },
  };
  return ctx;
}

/** Validates a form as Slack's own client does; returns the errors by field. */
function problems(view, ctx) {
  const found = {};
  for (const block of view.blocks.filter((one) => one.type === "input")) {
    const node = block.element;
    const value = ctx.value(block, node) ?? initial(node);
    const empty = value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
    if (empty && !block.optional) found[block.block_id] = "Please fill in this field.";
    else if (typeof value === "string" && !empty && value.length < (node.min_length ?? 0)) {
      found[block.block_id] = `At least ${node.min_length} characters, please.`;
    }
  }
  return found;
}

const initial = (node) => Object.entries(node).find(([name]) => name.startsWith("initial_"))?.[1];

/** Shows the dialog of a confirm object; returns whether the person confirmed. */
export function confirmFirst(host, dialog, words) {
  const back = document.activeElement;
  const [title, body] = [newId("title"), newId("text")];
  return new Promise((resolve) => {
    const end = (sure) => {
      box.remove();
      host.hidden = true;
      if (back?.isConnected) back.focus({ preventScroll: true });
      resolve(sure);
    };
    const box = el("div", {
      class: "window small", role: "alertdialog", "aria-modal": "true", "aria-labelledby": title, "aria-describedby": body,
      onkeydown: (event) => { trap(box, event); if (event.key === "Escape") { event.stopPropagation(); end(false); } },
    },
    el("header", {}, el("h2", { id: title }, dialog.title.text)),
    el("div", { class: "body", id: body }, words),
    el("footer", {},
      el("button", { type: "button", class: "button", onclick: () => end(false) }, dialog.deny.text),
      el("button", { type: "button", class: `button ${dialog.style ?? "primary"}`, onclick: () => end(true) }, dialog.confirm.text)));
    host.append(box);
    host.hidden = false;
    box.querySelector("footer button").focus();
  });
}
