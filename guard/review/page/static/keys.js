// Keys for the view in front. Dead in text boxes and dialogs, and where the reviewer turns them off.

import { $, el, key } from "./dom.js";
import { settings } from "./settings.js";

let bindings = [];

// [key, what it does, run, disabled()]: what the keys of this view do.
export function bind(list) {
  bindings = list;
}

const typing = (node) => node?.closest?.("textarea, select, input, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const box = typing(event.target);
  if ((box && box.type !== "checkbox") || $("dialog[open]") || !settings.keys) return;
  if (event.key === "?") {
    event.preventDefault();
    help();
    return;
  }
  const wanted = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const bound = bindings.find(([name]) => name === wanted);
  if (!bound || event.repeat) return;
  event.preventDefault();
  if (!bound[3]?.()) bound[2]();
});

export function help() {
  const dialog = $("#help");
  dialog.replaceChildren(
    el("h2", { id: "help-title" }, "Keys"),
    el("dl", { class: "keys" }, [...bindings, ["?", "this list"]].map(([name, what]) => [
      el("dt", {}, el("kbd", {}, name)), el("dd", {}, what)])),
    el("p", { class: "quiet" }, "Keys are off inside text boxes. Ctrl+Enter sends from a box, Esc leaves it."
      + (settings.keys ? "" : " Just now they are off everywhere: the menu at your name turns them on.")),
    el("form", { method: "dialog" }, el("button", { class: "main" }, "Close ", key("Esc"))),
  );
  dialog.showModal();
}
