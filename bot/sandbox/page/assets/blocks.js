// Block Kit as nodes. An unknown block is drawn as an error, so that it is noticed.

import { el, newId, unknown } from "./dom.js";
import { element } from "./elements.js";
import { richText, text } from "./text.js";

/** Blocks as nodes. `ctx` holds the reader, the values and the handlers of clicks. */
export const blocks = (list, ctx) => list.map((block) => (DRAW[block.type] ?? other)(block, ctx));

const other = (block) => unknown(`a block of type “${block.type}”`, block);

const DRAW = {
  header: (block, ctx) => el("h3", { class: "block header" }, text(block.text, ctx.reader)),
  divider: () => el("hr", { class: "block" }),
  section: (block, ctx) => el("div", { class: "block section" },
    el("div", { class: "words" },
      block.text && el("div", {}, text(block.text, ctx.reader)),
      block.fields && el("div", { class: "fields" }, block.fields.map((one) => el("div", {}, text(one, ctx.reader))))),
    block.accessory && (block.accessory.type === "image" ? picture(block.accessory) : element(block, block.accessory, ctx))),
  context: (block, ctx) => el("div", { class: "block context" },
    block.elements.map((one) => (one.type === "image" ? picture(one) : el("span", {}, text(one, ctx.reader))))),
  actions: (block, ctx) => el("div", { class: "block actions" }, block.elements.map((one) => element(block, one, ctx))),
  rich_text: (block, ctx) => el("div", { class: "block rich" }, richText(block, ctx.reader)),
  markdown: (block) => el("div", { class: "block plain" }, block.text),
  image: (block) => el("figure", { class: "block" }, picture(block), block.title && el("figcaption", {}, block.title.text)),
  input,
};

// The page never loads a picture from outside: its alternative text replaces it.
const picture = (node) => el("span", { class: "picture", role: "img", "aria-label": node.alt_text }, `🖼 ${node.alt_text}`);

const GROUPED = ["radio_buttons", "checkboxes"];
const SELECTS = /_select$/;

function input(block, ctx) {
  const [id, labelled, hinted, wrong] = ["field", "label", "hint", "error"].map(newId);
  const error = ctx.errors[block.block_id];
  const described = [block.hint && hinted, error && wrong].filter(Boolean).join(" ") || undefined;
  const own = !GROUPED.includes(block.element.type) && !SELECTS.test(block.element.type);
  const label = `${block.label.text}${block.optional ? " (optional)" : ""}`;
  const about = { id: own ? id : undefined, label, labelled, describedby: described, invalid: Boolean(error) };
  return el("div", { class: `block input${error ? " wrong" : ""}`, "data-block": block.block_id },
    el(own ? "label" : "span", { class: "label", id: labelled, for: own ? id : undefined },
      block.label.text, block.optional && el("span", { class: "optional" }, " (optional)")),
    element(block, block.element, ctx, about),
    error && el("p", { class: "error", id: wrong, role: "alert" }, error),
    block.hint && el("p", { class: "hint", id: hinted }, block.hint.text));
}
