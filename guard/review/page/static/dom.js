// Nodes by DOM calls alone: a text is always a text node, never markup.

export function el(tag, attributes = {}, ...children) {
  const node = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") {
      for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (selector, within = document) => within.querySelector(selector);

export function key(name) {
  return el("kbd", { "aria-hidden": "true" }, name);
}

// Says something to those who hear the page.
export function say(text) {
  const place = $("#said");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

export function span(seconds) {
  const left = Math.max(0, Math.floor(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${left % 60} s`;
  if (left < 86400) return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
  return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
}

export function when(seconds) {
  const at = new Date(seconds * 1000);
  const today = new Date().toDateString() === at.toDateString();
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return today ? time : `${at.toLocaleDateString()} ${time}`;
}

export const DONE = {
  approve: "approved", edit: "edited and released", reject: "rejected", block: "blocked",
  release: "released", redact: "released with all findings masked", skip: "skipped",
};
export const done = (outcome) => DONE[outcome] ?? outcome;
