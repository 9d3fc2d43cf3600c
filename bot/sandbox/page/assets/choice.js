// One widget for every select of Block Kit: a combobox with a listbox, searched here or by the application.
// Keys as in the ARIA Authoring Practices: arrows, Home, End, Enter, Escape; Backspace removes the last of several.

import { el, newId } from "./dom.js";

const TYPING_MS = 150; // between the last key and the request to the application

/** The widget. It offers `groups` or the result of `search(typed)`, and calls `onchange(options)` with the choice. */
export class Choice {
  constructor({ key, label, describedby, invalid, placeholder, multiple, max, groups, search, minimum, chosen, onchange }) {
    Object.assign(this, { multiple, max: max ?? Infinity, offered: groups, search, minimum: minimum ?? 0, onchange });
    this.chosen = [...chosen];
    this.active = -1;
    this.asked = 0;
    const listId = newId("list");
    this.input = el("input", {
      type: "text", role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false",
      "aria-controls": listId, "aria-label": label, "aria-describedby": describedby, "aria-invalid": invalid ? "true" : undefined,
      placeholder: placeholder || (search ? "Type to search" : "Choose"), "data-key": key,
      onkeydown: (event) => this.#key(event), oninput: () => this.#typed(), onclick: () => this.#open(""),
      onblur: () => this.#left(),
    });
    this.list = el("ul", {
      role: "listbox", id: listId, "aria-label": label, "aria-multiselectable": multiple ? "true" : undefined, hidden: true,
      onmousedown: (event) => event.preventDefault(), // so that the input keeps the focus
    });
    this.tokens = el("span", { class: "tokens" });
    this.status = el("span", { class: "unseen", role: "status" });
    this.node = el("div", { class: "choice" }, this.tokens, this.input, this.list, this.status);
    this.#show();
  }

  #show() {
    this.tokens.replaceChildren(...(this.multiple ? this.chosen : []).map((option) =>
      el("button", {
        type: "button", class: "token", "aria-label": `Remove ${option.text.text}`, onclick: () => this.#toggle(option),
      }, option.text.text, el("span", { "aria-hidden": "true" }, " ×"))));
    this.input.value = this.multiple ? "" : this.chosen[0]?.text.text ?? "";
  }

  async #open(typed) {
    this.input.setAttribute("aria-expanded", "true");
    this.list.hidden = false;
    if (!this.search) return this.#list(filtered(this.offered, typed));
    const asked = ++this.asked;
    if (typed.length < this.minimum) return this.#list([], `Type ${this.minimum} or more characters`);
    this.#list([], "Searching …");
    const groups = await this.search(typed);
    if (asked === this.asked && !this.list.hidden) this.#list(groups);
  }

  #list(groups, why = "Nothing fits") {
    this.options = [];
    const rows = groups.flatMap((group) => {
      const options = group.options.map((option) => this.#row(option));
      if (!group.label) return options;
      const id = newId("group");
      return [el("li", { role: "group", "aria-labelledby": id }, el("span", { id, class: "group" }, group.label),
        el("ul", { role: "presentation" }, options))];
    });
    this.list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none", role: "presentation" }, why)]));
    this.status.textContent = this.options.length ? `${this.options.length} to choose from` : why;
    this.#move(this.multiple ? -1 : this.options.findIndex(({ option }) => same(option, this.chosen[0])));
  }

  #row(option) {
    const at = this.options.length;
    const selected = this.chosen.some((one) => same(one, option));
    const node = el("li", { role: "option", id: newId("option"), "aria-selected": String(selected), onclick: () => this.#pick(at) },
      el("span", {}, option.text.text), option.description && el("small", {}, option.description.text));
    this.options.push({ option, node });
    return node;
  }

  #move(to) {
    this.options[this.active]?.node.classList.remove("active");
    this.active = to;
    const now = this.options[to]?.node;
    now?.classList.add("active");
    now?.scrollIntoView({ block: "nearest" });
    if (now) this.input.setAttribute("aria-activedescendant", now.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #typed() {
    clearTimeout(this.timer);
    const typed = this.input.value;
    this.timer = setTimeout(() => this.#open(typed), this.search ? TYPING_MS : 0);
  }

  #key(event) {
    const open = !this.list.hidden;
    const last = (this.options?.length ?? 0) - 1;
    const moves = { ArrowDown: Math.min(this.active + 1, last), ArrowUp: Math.max(this.active - 1, 0), Home: 0, End: last };
    if (event.key in moves && (open || event.key.startsWith("Arrow"))) {
      event.preventDefault();
      if (open) this.#move(moves[event.key]);
      else this.#open("");
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      if (this.active >= 0) this.#pick(this.active);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    } else if (event.key === "Backspace" && this.multiple && !this.input.value && this.chosen.length) {
      this.#toggle(this.chosen.at(-1));
    }
  }

  #pick(at) {
    const { option } = this.options[at];
    if (this.multiple) return this.#toggle(option);
    this.chosen = [option];
    this.#close();
    this.onchange(this.chosen);
  }

  #toggle(option) {
    const without = this.chosen.filter((one) => !same(one, option));
    if (without.length === this.chosen.length && without.length >= this.max) {
      this.status.textContent = `No more than ${this.max}`;
      return;
    }
    this.chosen = without.length < this.chosen.length ? without : [...without, option];
    this.#close();
    this.input.focus();
    this.onchange(this.chosen);
  }

  #close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.#show();
  }

  #left() {
    const emptied = !this.multiple && this.input.value === "" && this.chosen.length;
    if (emptied) this.chosen = [];
    this.#close();
    if (emptied) this.onchange(this.chosen);
  }
}

const same = (one, other) => one !== undefined && other !== undefined && one.value === other.value;

function filtered(groups, typed) {
  const wanted = typed.toLowerCase();
  const fits = (option) => option.text.text.toLowerCase().includes(wanted);
  return groups.map((group) => ({ ...group, options: group.options.filter(fits) })).filter((group) => group.options.length);
}
