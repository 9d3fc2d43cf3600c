// Slack's text as nodes: mrkdwn, rich text, mentions, and times in the reader's own zone.

import { el, safeUrl, unknown } from "./dom.js";

const DAY = 24 * 3600 * 1000;
const TOKEN = new RegExp([
  "```([\\s\\S]+?)```", "`([^`\\n]+)`", "<([^<>]+)>",
  "(?<![\\w*])\\*([^*\\n]+)\\*(?![\\w*])", "(?<![\\w_])_([^_\\n]+)_(?![\\w_])", "(?<![\\w~])~([^~\\n]+)~(?![\\w~])",
].join("|"), "g");

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A text object (`plain_text` or `mrkdwn`) as nodes. */
export const text = (node, reader) => (node.type === "plain_text" ? [node.text] : mrkdwn(node.text, reader));

/** Slack's mrkdwn as nodes, for this reader (`names`, `tz`). */
export function mrkdwn(source, reader) {
  const nodes = [];
  let at = 0;
  for (const found of source.matchAll(TOKEN)) {
    nodes.push(unescape(source.slice(at, found.index)));
    at = found.index + found[0].length;
    const [, pre, code, token, bold, italic, strike] = found;
    if (pre !== undefined) nodes.push(el("pre", {}, unescape(pre)));
    else if (code !== undefined) nodes.push(el("code", {}, unescape(code)));
    else if (token !== undefined) nodes.push(tokenNode(token, reader));
    else if (bold !== undefined) nodes.push(el("strong", {}, mrkdwn(bold, reader)));
    else if (italic !== undefined) nodes.push(el("em", {}, mrkdwn(italic, reader)));
    else nodes.push(el("s", {}, mrkdwn(strike, reader)));
  }
  nodes.push(unescape(source.slice(at)));
  return nodes.filter((node) => node !== "");
}

function tokenNode(token, reader) {
  const bar = token.indexOf("|");
  const [body, label] = bar < 0 ? [token, ""] : [token.slice(0, bar), unescape(token.slice(bar + 1))];
  if (body.startsWith("@")) return mention("@", reader.names[body.slice(1)] ?? (label || body.slice(1)));
  if (body.startsWith("#")) return mention("#", reader.names[body.slice(1)] ?? (label || body.slice(1)));
  if (body.startsWith("!subteam^")) return mention("@", reader.names[body.slice(9)] ?? (label || body.slice(9)));
  if (body.startsWith("!date^")) {
    const [seconds, template, link] = body.slice(6).split("^");
    return moment(Number(seconds), template, reader, label, link);
  }
  if (["!here", "!channel", "!everyone"].includes(body)) return mention("@", body.slice(1));
  return link(body, label) ?? unknown(`the token <${token}>`, token);
}

const mention = (sign, name) => el("span", { class: "mention" }, `${sign}${name.replace(/^@/, "")}`);

function link(address, label, style) {
  const href = safeUrl(unescape(address));
  if (!href) return null;
  return styled(el("a", { href, target: "_blank", rel: "noopener noreferrer" }, label || unescape(address)), style);
}

/** A time in the format of Slack's tokens, in the reader's zone; its title has the exact time. */
export function moment(seconds, template, reader, fallback = "", address = undefined) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return el("span", {}, fallback);
  const part = (options) => new Intl.DateTimeFormat("en-US", { timeZone: reader.tz, ...options }).format(when);
  const long = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const values = {
    date_num: () => new Intl.DateTimeFormat("en-CA", { timeZone: reader.tz }).format(when),
    date_slash: () => part({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date: () => part(long),
    date_short: () => part(short),
    date_long: () => part({ weekday: "long", ...long }),
    date_pretty: () => pretty(when, reader.tz) ?? part(long),
    date_short_pretty: () => pretty(when, reader.tz) ?? part(short),
    date_long_pretty: () => pretty(when, reader.tz) ?? part({ weekday: "long", ...long }),
    time: () => part({ hour: "numeric", minute: "2-digit" }),
    time_secs: () => part({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when),
  };
  const wrong = [...template.matchAll(/\{(\w+)\}/g)].find(([, name]) => !(name in values));
  if (wrong) return unknown(`the date token ${wrong[0]}`, template);
  const words = template.replace(/\{(\w+)\}/g, (_, name) => values[name]());
  const shown = el("time", { datetime: when.toISOString(), title: `${part({ dateStyle: "full", timeStyle: "long" })}` }, words);
  const href = address && safeUrl(address);
  return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, shown) : shown;
}

function pretty(when, tz) {
  const day = (date) => new Intl.DateTimeFormat("en-CA", { timeZone: tz }).format(date);
  const names = [["today", 0], ["yesterday", -DAY], ["tomorrow", DAY]];
  return names.find(([, off]) => day(new Date(Date.now() + off)) === day(when))?.[0];
}

function ago(when) {
  const minutes = Math.round((when - Date.now()) / 60000);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return Math.abs(minutes) < 90 ? words.format(minutes, "minute") : words.format(Math.round(minutes / 60), "hour");
}

/** A rich_text block as nodes. */
export const richText = (block, reader) => block.elements.map((part) => paragraph(part, reader));

function paragraph(part, reader) {
  const inner = () => part.elements.map((one) => inline(one, reader));
  switch (part.type) {
    case "rich_text_section": return el("div", { class: "paragraph" }, inner());
    case "rich_text_preformatted": return el("pre", { tabindex: "0" }, inner());
    case "rich_text_quote": return el("blockquote", {}, inner());
    case "rich_text_list": return el(part.style === "ordered" ? "ol" : "ul",
      { class: `indent-${Math.min(part.indent ?? 0, 8)}`, start: part.offset ? part.offset + 1 : undefined },
      part.elements.map((one) => el("li", {}, one.elements.map((each) => inline(each, reader)))));
    default: return unknown(`a part of type “${part.type}”`, part);
  }
}

function inline(part, reader) {
  switch (part.type) {
    case "text": return styled(part.text, part.style);
    case "link": return link(part.url, part.text, part.style) ?? styled(part.text ?? part.url, part.style);
    case "user": return mention("@", reader.names[part.user_id] ?? part.user_id);
    case "usergroup": return mention("@", reader.names[part.usergroup_id] ?? part.usergroup_id);
    case "channel": return mention("#", reader.names[part.channel_id] ?? part.channel_id);
    case "broadcast": return mention("@", part.range);
    case "emoji": return emoji(part);
    case "date": return styled(moment(Number(part.timestamp), part.format, reader, part.fallback, part.url), part.style);
    case "color": return el("code", {}, part.value);
    default: return unknown(`an element of type “${part.type}”`, part);
  }
}

const emoji = (part) => part.unicode
  ? String.fromCodePoint(...part.unicode.split("-").map((code) => Number.parseInt(code, 16)))
  : `:${part.name}:`;

function styled(node, style = {}) {
  let shown = node;
  for (const [name, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
    if (style?.[name]) shown = el(tag, {}, shown);
  }
  return shown;
}
