// Shows text that may be hostile: as text nodes, its findings marked, what hides made visible.
//
// The text in the page always equals the text given: labels of hidden characters are drawn by the
// style sheet from an attribute. Spans come in code points and become UTF-16 here.

import { el } from "./dom.js";

const MARKS_MAX = 3000; // hidden characters marked in one text; a longer list helps nobody
const WEAK = 0.5; // a finding below it alone is underlined, not filled: whole sentences may be doubted
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00A0\u00AD\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2000-\u200A\u2800\u3164\uFE00-\uFE0F\uFFA0\uFFFC\u{E0100}-\u{E01EF}]+/gu;
const WORD = /[\p{L}\p{M}]+/gu;
const OTHER = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/gu;
const LATIN = /\p{Script=Latin}/u;
const PLAIN = new Set(["\n", "\t", "\r\n"]);
const JOINS = /^[\u200C\u200D\uFE0E\uFE0F]$/u; // part of emoji and of Arabic and Indic words
const JOINED = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\uFE0F]$/u;
const NAMES = {
  0x1b: "ESC", 0x0: "NUL", 0xd: "CR", 0xa0: "NBSP", 0xad: "SHY", 0x200b: "ZWSP", 0x200c: "ZWNJ",
  0x200d: "ZWJ", 0x200e: "LRM", 0x200f: "RLM", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF",
  0x202d: "LRO", 0x202e: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI",
  0x2069: "PDI", 0x2028: "LS", 0x2029: "PS", 0xfeff: "BOM",
};

// A function from code points to UTF-16 offsets of this text.
export function offsets(text) {
  if (!/[\uD800-\uDBFF][\uDC00-\uDFFF]/.test(text)) return (point) => Math.min(point, text.length);
  const starts = [];
  for (let at = 0; at < text.length; at += text.codePointAt(at) > 0xffff ? 2 : 1) starts.push(at);
  starts.push(text.length);
  return (point) => starts[Math.min(point, starts.length - 1)];
}

function label(run) {
  const names = [];
  for (const character of run) {
    const point = character.codePointAt(0);
    const known = NAMES[point] ?? `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
    const last = names.at(-1);
    if (last && last[0] === known) last[1] += 1;
    else names.push([known, 1]);
  }
  const shown = names.slice(0, 3).map(([known, count]) => (count > 1 ? `${known}×${count}` : known));
  return shown.join(" ") + (names.length > 3 ? " …" : "");
}

// [start, end, class, label] of what hides in a text, in order.
export function unseen(text) {
  const found = [];
  for (const match of text.matchAll(HIDDEN)) {
    if (found.length >= MARKS_MAX) break;
    let start = match.index;
    for (const part of match[0].split(/(\r\n|\n|\t)/)) {
      const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? "";
      if (part && !PLAIN.has(part) && !(JOINS.test(part) && JOINED.test(before))) {
        found.push([start, start + part.length, "hid", label(part)]);
      }
      start += part.length;
    }
  }
  for (const match of text.matchAll(WORD)) {
    if (found.length >= MARKS_MAX) break;
    if (!LATIN.test(match[0])) continue;
    for (const letter of match[0].matchAll(OTHER)) {
      const start = match.index + letter.index;
      const point = letter[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      found.push([start, start + letter[0].length, "alike", `U+${point}`]);
    }
  }
  return found.sort((one, other) => one[0] - other[0]);
}

// Puts `text` into `place`; `marks` are {start, end, id, kind} in code points.
export function paint(place, text, marks, { hidden = true } = {}) {
  const at = offsets(text);
  const spans = marks
    .map((mark) => ({ ...mark, start: at(mark.start), end: at(mark.end) }))
    .filter((mark) => mark.end > mark.start);
  const secrets = hidden ? unseen(text) : [];
  const cuts = new Set([0, text.length]);
  for (const mark of spans) cuts.add(mark.start).add(mark.end);
  for (const [start, end] of secrets) cuts.add(start).add(end);
  const borders = [...cuts].sort((one, other) => one - other);
  const opening = [...spans].sort((one, other) => one.start - other.start);
  const nodes = [];
  let active = [];
  let next = 0;
  let secret = 0;
  for (let index = 0; index + 1 < borders.length; index += 1) {
    const [start, end] = [borders[index], borders[index + 1]];
    active = active.filter((mark) => mark.end > start);
    while (next < opening.length && opening[next].start <= start) active.push(opening[next++]);
    active = active.filter((mark) => mark.end > start);
    let node = document.createTextNode(text.slice(start, end));
    while (secret < secrets.length && secrets[secret][1] <= start) secret += 1;
    const hides = secrets[secret];
    if (hides && hides[0] <= start && hides[1] >= end) {
      node = el("span", { class: hides[2], "data-label": hides[3], title: hides[3] }, node);
    }
    if (active.length) {
      node = el("mark", {
        class: active[0].kind ?? (active.every((mark) => mark.score < WEAK) ? "weak" : false),
        "data-ids": active.map((mark) => mark.id).join(" "),
      }, node);
    }
    nodes.push(node);
  }
  place.replaceChildren(...nodes);
}

// The part of a text at a finding, short, for a list.
export function excerpt(text, finding, most = 60) {
  const at = offsets(text);
  const words = text.slice(at(finding.start), at(finding.end)).replace(/\s+/gu, " ");
  return words.length > most ? `${words.slice(0, most)}…` : words;
}
