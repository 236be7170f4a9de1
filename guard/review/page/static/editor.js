// Edit: a text box, what changes shown word by word, and what the guard says of it, all while typing.

import { call, Refused } from "./api.js";
import { showDiff } from "./diff.js";
import { el, key } from "./dom.js";

const PAUSE_MS = 500; // of typing, before the guard is asked
const LIVE_CHARS = 50_000; // longer texts are checked when they are sent, not while typing

export function editor(item, begun, { send, draft, close }) {
  const channels = Object.keys(item.leaving ?? item.texts);
  const before = Object.fromEntries(channels.map((channel) => [channel, (item.leaving ?? item.texts)[channel]]));
  const texts = { ...before, ...begun };
  const box = el("textarea", { id: "edit-box", rows: "10", spellcheck: "true" });
  const shown = el("div", { class: "text diff", tabindex: "0", role: "group", "aria-label": "What changes" });
  const verdict = el("p", { class: "quiet", role: "status" });
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
  let channel = channels[0];
  let timer = 0;
  let asked = 0;

  const edits = () => Object.fromEntries(channels.filter((one) => texts[one] !== before[one]).map((one) => [one, texts[one]]));

  async function check() {
    const number = ++asked;
    const text = texts[channel];
    if (text.length > LIVE_CHARS) {
      verdict.textContent = "Too long to check while you type; it is checked when you release it.";
      return;
    }
    try {
      const answer = await call("POST", "/guard/v1/check", { text, context: item.sources, route: item.route });
      if (number !== asked) return;
      const seen = [...new Set(answer.findings.map((finding) => finding.category))].join(", ");
      verdict.textContent = seen ? `The guard would say ${answer.verdict} to this text: ${seen}.` : "The guard finds nothing in this text.";
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (number === asked) verdict.textContent = "";
    }
  }

  function refresh() {
    if (!showDiff(shown, before[channel], texts[channel])) shown.textContent = "Nothing is changed yet.";
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  }

  function release() {
    const changed = edits();
    if (!Object.keys(changed).length) {
      told("Nothing is changed: approve it as it is, or edit it.");
      return;
    }
    problem.hidden = true;
    send(changed);
  }

  function told(message) {
    problem.textContent = message;
    problem.hidden = false;
  }

  const choose = channels.length > 1 ? [
    el("label", { for: "edit-channel" }, "Text"),
    el("select", {
      id: "edit-channel",
      on: { change: (event) => { channel = event.target.value; box.value = texts[channel]; refresh(); } },
    }, channels.map((one) => el("option", { value: one }, one))),
  ] : null;

  box.value = texts[channel];
  box.addEventListener("input", () => {
    texts[channel] = box.value;
    draft(edits());
    refresh();
  });
  const node = el("form", {
    class: "editor",
    on: {
      submit: (event) => { event.preventDefault(); release(); },
      keydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          release();
        } else if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          if (Object.keys(edits()).length) {
            node.querySelector("button.main").focus();
          } else {
            shut();
          }
        }
      },
    },
  },
  choose,
  el("div", { class: "two" },
    el("div", {}, el("label", { for: "edit-box" }, "Edited text"), box),
    el("div", {}, el("h2", {}, "What changes"), shown)),
  verdict, problem,
  el("div", { class: "buttons" },
    el("button", { class: "main", type: "submit" }, "Release the edited text ", key("Ctrl+Enter")),
    el("button", { type: "button", on: { click: shut } }, "Drop the edit")));

  function shut() {
    clearTimeout(timer);
    asked += 1;
    close();
  }

  refresh();
  return { node, close: shut, focus: () => box.focus(), problem: told };
}
