// Why: a reason by one key, and words of one's own.

import { el, key } from "./dom.js";

const REASONS = {
  reject: ["harmful or abusive", "a false claim", "private data", "of no use", "another reason"],
  skip: ["not my language", "needs somebody who knows the field", "too upsetting for me", "another reason"],
};
const TITLES = { reject: "Reject: why?", skip: "Skip: why? Others can take it." };
const SEND = { reject: "Reject", skip: "Skip" };

export function chooser(outcome, draft, { send, draft: keep, close }) {
  const begun = draft?.outcome === outcome ? draft.reason ?? "" : "";
  const at = Math.max(0, REASONS[outcome].findIndex((reason) => begun.startsWith(reason)));
  const words = el("input", { id: "why-words", autocomplete: "off", maxlength: "500" });
  words.value = begun.startsWith(REASONS[outcome][at]) ? begun.slice(REASONS[outcome][at].length).replace(/^: /, "") : begun;
  const radios = REASONS[outcome].map((reason, index) => el("input", {
    type: "radio", name: "why", id: `why-${index}`, value: reason, checked: index === at }));
  const reason = () => {
    const chosen = radios.find((radio) => radio.checked).value;
    return words.value.trim() ? `${chosen}: ${words.value.trim()}` : chosen;
  };
  const node = el("form", {
    class: "chooser", "aria-labelledby": "why-title",
    on: {
      submit: (event) => { event.preventDefault(); send(reason()); },
      input: () => keep(reason()),
      keydown: (event) => {
        const number = Number(event.key);
        if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          close();
        } else if (event.target !== words && number >= 1 && number <= radios.length) {
          event.preventDefault();
          radios[number - 1].checked = true;
          radios[number - 1].focus();
          keep(reason());
        } else if (event.key === "Enter" && event.target.type === "radio") {
          event.preventDefault();
          send(reason());
        }
      },
    },
  },
  el("fieldset", {}, el("legend", { id: "why-title" }, TITLES[outcome]),
    radios.map((radio, index) => el("label", { for: `why-${index}` }, radio, key(String(index + 1)), ` ${REASONS[outcome][index]}`))),
  el("label", { for: "why-words" }, "In your words (not needed)"), words,
  el("div", { class: "buttons" },
    el("button", { class: "main", type: "submit" }, `${SEND[outcome]} `, key("Enter")),
    el("button", { type: "button", on: { click: close } }, "Back ", key("Esc"))));
  return { node, close, focus: () => radios.find((radio) => radio.checked).focus(), problem: () => {} };
}
