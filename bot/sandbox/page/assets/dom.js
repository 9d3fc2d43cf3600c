// Elements from data. Text is always a text node: the page never parses markup.

let count = 0;

/** An id that no other element has. */
export const newId = (prefix) => `${prefix}-${++count}`;

/** An element with attributes, listeners (`onclick: …`), properties (`$value: …`) and children; empty ones are omitted. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("$")) node[name.slice(1)] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** The address, if links to it are allowed. */
export function safeUrl(text) {
  try {
    const url = new URL(String(text));
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A conspicuous box for content that the page cannot draw. */
export function unknown(what, node) {
  return el("div", { class: "unknown", role: "alert" },
    el("strong", {}, `This page cannot draw ${what}.`),
    el("pre", {}, JSON.stringify(node, null, 2)));
}

/** Runs `redraw`, and restores the focus to the element with the same key, or to `fallback`. */
export function keepingFocus(root, redraw, fallback) {
  const held = document.activeElement;
  const inside = held && root.contains(held);
  const key = inside ? held.dataset.key : undefined;
  const range = inside && "selectionStart" in held ? [held.selectionStart, held.selectionEnd] : null;
  redraw();
  if (!inside) return;
  const again = key && [...root.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key);
  const next = again || fallback();
  next?.focus({ preventScroll: true });
  if (again && range && range[0] !== null && again.setSelectionRange) again.setSelectionRange(...range);
}

const FOCUSABLE = "a[href], button:not([disabled]), input:not([disabled]), textarea, select, [tabindex='0']";

/** The elements inside that the Tab key reaches, in order. */
export const focusables = (root) =>
  [...root.querySelectorAll(FOCUSABLE)].filter((node) => node.getClientRects().length && node.tabIndex >= 0);

/** Keeps the focus inside on Tab, as a modal must. */
export function trap(root, event) {
  if (event.key !== "Tab") return;
  const all = focusables(root);
  if (!all.length) return event.preventDefault();
  const [first, last] = [all[0], all.at(-1)];
  const leaving = event.shiftKey ? document.activeElement === first : document.activeElement === last;
  if (leaving || !root.contains(document.activeElement)) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}
