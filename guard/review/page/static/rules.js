// The rules in force, with their own examples: what each finds, lets pass and is known to miss.

import { call } from "./api.js";
import { el } from "./dom.js";
import { bind } from "./keys.js";
import { settings } from "./settings.js";
import { paint } from "./text.js";

const KINDS = [["match", "found"], ["pass", "let pass"], ["miss", "known to be missed"]];

export async function show(place) {
  bind([]);
  const { rules } = await call("GET", "/guard/review/rules");
  const list = el("div", { class: "rules" });
  const count = el("p", { class: "quiet", role: "status" });
  const search = el("input", { id: "rule-search", type: "search", autocomplete: "off" });
  const refresh = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rules.filter((rule) => words.every((word) => `${rule.id} ${rule.category} ${rule.message}`.toLowerCase().includes(word)));
    count.textContent = `${found.length} of ${rules.length} rules`;
    list.replaceChildren(...found.map(line));
  };
  search.addEventListener("input", refresh);
  place.replaceChildren(el("div", { class: "page" }, el("h1", {}, "Rules"),
    el("label", { for: "rule-search" }, "Search by name, category or message"), search, count, list));
  refresh();
}

export function hide() {}

function line(rule) {
  const node = el("details", { class: "card rule-card" }, el("summary", {},
    el("b", {}, rule.id), el("span", { class: "chip" }, rule.category), el("span", { class: "score" }, rule.score.toFixed(2)),
    rule.shadow ? el("span", { class: "chip" }, "shadow") : null, el("span", { class: "quiet" }, rule.message)));
  node.addEventListener("toggle", () => {
    if (node.open && node.children.length === 1) node.append(examples(rule));
  });
  return node;
}

function examples(rule) {
  return el("div", {}, el("p", { class: "quiet" }, `${rule.kind}, ${rule.place}`), KINDS.map(([kind, title]) => {
    const given = rule.examples[kind];
    return given.length ? [el("h2", {}, title), el("ul", { class: "plain" }, given.map((example) => {
      const place = el("span", { class: "text inline" });
      paint(place, example.text, example.marks.map(([start, end], id) => ({ start, end, id })), settings);
      return el("li", {}, place, example.context.length ? el("span", { class: "quiet" }, ` with the source “${example.context.join("” “")}”`) : null);
    }))] : null;
  }));
}
