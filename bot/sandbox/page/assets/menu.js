// A button that opens a menu: arrows move, Enter picks, Escape closes.

import { el, newId } from "./dom.js";

/** The button with its menu. `items` are `{label, onpick}`. */
export function menu({ label, text, key, items }) {
  const id = newId("menu");
  const close = (focus) => {
    list.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (focus) opener.focus();
  };
  const open = () => {
    list.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    list.querySelector("button").focus();
  };
  const opener = el("button", {
    type: "button", class: "button quiet", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id, "aria-label": label,
    title: label, "data-key": key, onclick: () => (list.hidden ? open() : close(true)),
  }, text);
  const list = el("div", { role: "menu", id, "aria-label": label, hidden: true }, items.map((item) =>
    el("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => { close(true); item.onpick(); } }, item.label)));
  return el("span", {
    class: "menu",
    onkeydown: (event) => {
      if (list.hidden) return;
      const all = [...list.children];
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to !== undefined) { event.preventDefault(); all.at(to % all.length).focus(); }
      if (event.key === "Escape") { event.stopPropagation(); close(true); }
      if (event.key === "Tab") close(false);
    },
    onfocusout: (event) => { if (!event.currentTarget.contains(event.relatedTarget)) close(false); },
  }, opener, list);
}
