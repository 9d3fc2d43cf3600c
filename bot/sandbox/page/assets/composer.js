// The composer: commands with their hint, and plain messages to the application.

import { el, newId } from "./dom.js";

/** The form. `send(text)` returns the sandbox's answer. */
export class Composer {
  constructor(send) {
    const [id, hint] = [newId("composer"), newId("hint")];
    this.sent = [];
    this.at = 0;
    this.input = el("input", {
      type: "text", id, autocomplete: "off", spellcheck: "false", "aria-describedby": hint, "data-key": "composer",
      oninput: () => this.#hint(), onkeydown: (event) => this.#key(event),
    });
    this.hint = el("span", { id: hint, class: "hint" });
    this.label = el("label", { for: id, class: "unseen" });
    this.node = el("form", {
      class: "composer",
      onsubmit: async (event) => {
        event.preventDefault();
        const text = this.input.value.trim();
        if (!text) return;
        this.input.value = "";
        this.sent.push(text);
        this.at = this.sent.length;
        this.#hint();
        await send(text);
      },
    }, this.label, this.input, el("button", { type: "submit", class: "button primary" }, "Send"), this.hint);
  }

  /** Sets the conversation and the available commands. */
  show(where, commands) {
    this.commands = commands;
    this.label.textContent = `Write ${where}`;
    this.input.placeholder = commands.length ? `Type ${commands[0].name} …` : `Write ${where}`;
    this.#hint();
  }

  #fitting() {
    const [typed] = this.input.value.split(" ");
    return typed.startsWith("/") ? this.commands.filter((one) => one.name.startsWith(typed)) : [];
  }

  #hint() {
    const typed = this.input.value;
    const fitting = this.#fitting();
    const said = fitting.map((one) => `${one.name} ${one.hint}`).join("   ");
    this.hint.textContent = said || (typed.startsWith("/") ? "The application has no such command" : "Commands begin with /");
    this.hint.classList.toggle("on", Boolean(said));
  }

  #key(event) {
    const [only] = this.#fitting();
    if (event.key === "Tab" && !event.shiftKey && only && !this.input.value.includes(" ")) {
      event.preventDefault();
      this.input.value = `${only.name} `;
      this.#hint();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const to = this.at + (event.key === "ArrowUp" ? -1 : 1);
      if (to < 0 || to > this.sent.length) return;
      event.preventDefault();
      this.at = to;
      this.input.value = this.sent[to] ?? "";
      this.#hint();
    }
  }
}
