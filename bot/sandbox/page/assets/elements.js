// The interactive elements of Block Kit. A choice goes to `ctx`: at once, or into the form's drafts.

import { Choice } from "./choice.js";
import { el, newId, safeUrl, unknown } from "./dom.js";
import { menu } from "./menu.js";
import { text } from "./text.js";

const FIELDS = { plain_text_input: "text", number_input: "number", email_text_input: "email", url_text_input: "url" };
const PICKERS = {
  datepicker: ["date", "initial_date"], timepicker: ["time", "initial_time"],
  datetimepicker: ["datetime-local", "initial_date_time"],
};
const PEOPLE = {
  users_select: "initial_user", multi_users_select: "initial_users",
  conversations_select: "initial_conversation", channels_select: "initial_channel",
};

/** An element as a node. `about` has the `label`, `labelled`, `describedby` and `invalid` of an input block. */
export function element(block, node, ctx, about = {}) {
  const kind = node.type;
  if (kind === "button") return button(block, node, ctx);
  if (kind === "overflow") return overflow(block, node, ctx);
  if (kind in FIELDS) return field(block, node, ctx, about);
  if (kind in PICKERS) return picker(block, node, ctx, about);
  if (kind === "radio_buttons" || kind === "checkboxes") return boxes(block, node, ctx, about);
  if (/^(multi_)?(static|external)_select$/.test(kind) || kind in PEOPLE) return select(block, node, ctx, about);
  return unknown(`an element of type “${kind}”`, node);
}

export const keyOf = (block, node) => `${block.block_id}/${node.action_id}`;

const placeholder = (node) => node.placeholder?.text ?? "";

function button(block, node, ctx) {
  const href = node.url && safeUrl(node.url);
  const press = () => ctx.press(block, node, null);
  const attributes = {
    class: `button ${node.style ?? ""}`, "data-key": keyOf(block, node), "aria-label": node.accessibility_label, onclick: press,
  };
  if (href) return el("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer" }, node.text.text);
  return el("button", { ...attributes, type: "button" }, node.text.text);
}

function overflow(block, node, ctx) {
  const items = node.options.map((option) => ({ label: option.text.text, onpick: () => ctx.press(block, node, option) }));
  return menu({ label: "More actions", text: "⋯", key: keyOf(block, node), items });
}

function field(block, node, ctx, about) {
  const many = node.type === "plain_text_input" && node.multiline;
  const on = node.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const tells = block.dispatch_action === true;
  const press = (value) => ctx.press(block, node, value);
  let timer = 0;
  return el(many ? "textarea" : "input", {
    type: many ? undefined : FIELDS[node.type], rows: many ? 3 : undefined, id: about.id, "data-key": keyOf(block, node),
    step: node.is_decimal_allowed ? "any" : undefined, min: node.min_value, max: node.max_value,
    minlength: node.min_length, maxlength: node.max_length ?? 3000, placeholder: placeholder(node), autocomplete: "off",
    "aria-describedby": about.describedby, "aria-invalid": about.invalid ? "true" : undefined,
    "aria-required": block.optional ? undefined : "true",
    $value: ctx.value(block, node) ?? node.initial_value ?? "",
    oninput: (event) => {
      ctx.changed(block, node, event.target.value);
      clearTimeout(timer);
      const { value } = event.target;
      if (tells && on.includes("on_character_entered")) timer = setTimeout(() => press(value), 300);
    },
    onkeydown: (event) => {
      if (event.key !== "Enter" || many || !tells || !on.includes("on_enter_pressed")) return;
      event.preventDefault();
      press(event.target.value);
    },
  });
}

function picker(block, node, ctx, about) {
  const [type, initial] = PICKERS[node.type];
  const seconds = node.type === "datetimepicker";
  const value = ctx.value(block, node) ?? node[initial];
  return el("input", {
    type, id: about.id, "data-key": keyOf(block, node), "aria-describedby": about.describedby,
    "aria-label": about.id ? undefined : placeholder(node) || node.type, "aria-invalid": about.invalid ? "true" : undefined,
    $value: seconds && value ? toLocal(value, ctx.reader.tz) : value ?? "",
    onchange: (event) => ctx.chosen(block, node, seconds ? fromLocal(event.target.value, ctx.reader.tz) : event.target.value),
  });
}

const toLocal = (seconds, timeZone) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }).format(seconds * 1000).replace(" ", "T");

function fromLocal(words, timeZone) {
  if (!words) return "";
  const wanted = Date.parse(`${words}:00Z`) / 1000;
  // The zone's time for a guess shows the guess's error; a second round corrects guesses near a clock change.
  let guess = wanted;
  for (let round = 0; round < 2; round += 1) guess += wanted - Date.parse(`${toLocal(guess, timeZone)}:00Z`) / 1000;
  return guess;
}

function boxes(block, node, ctx, about) {
  const one = node.type === "radio_buttons";
  const name = newId("boxes");
  let held = ctx.value(block, node) ?? (one ? node.initial_option : node.initial_options) ?? (one ? null : []);
  const has = (option) => (one ? held?.value === option.value : held.some((each) => each.value === option.value));
  const change = (option, checked) => {
    const others = one ? [] : held.filter((each) => each.value !== option.value);
    held = one ? option : checked ? [...others, option] : others;
    ctx.chosen(block, node, held);
  };
  return el("div", {
    class: "boxes", role: one ? "radiogroup" : "group", "aria-labelledby": about.labelled, "aria-describedby": about.describedby,
    "aria-label": about.labelled ? undefined : "Choices", "aria-invalid": one && about.invalid ? "true" : undefined,
  }, node.options.map((option) => el("label", {},
    el("input", {
      type: one ? "radio" : "checkbox", name, $checked: has(option), "data-key": `${keyOf(block, node)}/${option.value}`,
      onchange: (event) => change(option, event.target.checked),
    }),
    el("span", {}, text(option.text, ctx.reader), option.description && el("small", {}, text(option.description, ctx.reader))))));
}

function select(block, node, ctx, about) {
  const multiple = node.type.startsWith("multi_");
  const byId = node.type in PEOPLE;
  const groups = byId ? [{ options: known(node.type, ctx.reader) }] : groupsOf(node);
  const wrapped = (value) => (byId && typeof value === "string" ? groups[0].options.find((one) => one.value === value) : value);
  const initial = byId ? node[PEOPLE[node.type]] : multiple ? node.initial_options : node.initial_option;
  const held = ctx.value(block, node) ?? initial;
  const list = (Array.isArray(held) ? held : [held]).map(wrapped).filter(Boolean);
  const bare = (option) => (byId ? option.value : option);
  return new Choice({
    key: keyOf(block, node), label: about.label ?? (placeholder(node) || "Choose"), describedby: about.describedby,
    invalid: about.invalid, placeholder: placeholder(node), multiple, max: node.max_selected_items, groups,
    search: node.type.endsWith("external_select") ? (typed) => ctx.suggest(block, node, typed).then(groupsOf) : null,
    minimum: node.min_query_length ?? 3, chosen: list,
    onchange: (chosen) => ctx.chosen(block, node, multiple ? chosen.map(bare) : chosen.length ? bare(chosen[0]) : ""),
  }).node;
}

function groupsOf(answer) {
  if (answer.option_groups) return answer.option_groups.map((group) => ({ label: group.label.text, options: group.options }));
  return [{ options: answer.options ?? [] }];
}

function known(kind, reader) {
  const option = (value, words) => ({ value, text: { type: "plain_text", text: words } });
  if (kind.includes("users")) return reader.people.map((one) => option(one.id, `@${one.name}`));
  return reader.conversations.filter((one) => !one.is_im).map((one) => option(one.id, `#${one.name}`));
}
