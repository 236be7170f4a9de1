// Steps of the queue as they happen, in every view.

import { line } from "./api.js";
import { $ } from "./dom.js";

const NAMES = ["queued", "claimed", "released", "decided", "undone", "committed", "expired", "escalated"];

export const steps = new EventTarget(); // "step" with detail {event, item, who, …}

let source = null;

export function listen() {
  const sign = $("#live");
  source?.close();
  source = new EventSource("/guard/v1/events");
  source.onopen = () => {
    sign.textContent = "live";
    sign.className = "live on";
    line.dispatchEvent(new Event("reached"));
    steps.dispatchEvent(new CustomEvent("step", { detail: { event: "opened" } })); // what was missed
  };
  source.onerror = () => {
    sign.textContent = "not live";
    sign.className = "live";
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  for (const name of NAMES) {
    source.addEventListener(name, (event) => {
      const detail = { event: name, ...JSON.parse(event.data) };
      steps.dispatchEvent(new CustomEvent("step", { detail }));
    });
  }
}
