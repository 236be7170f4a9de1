// Numbers: how the queue does, and per route what the guard lets through and what it takes.

import { call, may, now } from "./api.js";
import { el, span } from "./dom.js";
import { bind } from "./keys.js";
import { histograms, quantile, samples } from "./prometheus.js";

const EVERY_SECONDS = 5;
const PAGES = 5; // of 200 decided reviews: enough for a share, and quick
const HOURS = 24;
const VERDICTS = ["allow", "redact", "review", "block"];

let timer = 0;

export async function show(place) {
  bind([]);
  const page = el("div", { class: "page" }, el("h1", {}, "Numbers"), el("p", { class: "quiet wait" }, "Counting …"));
  place.replaceChildren(page);
  const look = async () => {
    clearTimeout(timer);
    try {
      const [stats, decided, metrics] = await Promise.all([
        call("GET", "/guard/v1/stats"), decisions(), counters()]);
      if (!page.isConnected) return;
      const open = new Set([...page.querySelectorAll("details[open]")].map((one) => one.id));
      page.replaceChildren(el("h1", {}, "Numbers"), tiles(stats, decided), hours(decided), people(decided), ...routes(metrics));
      for (const id of open) page.querySelector(`#${id}`)?.setAttribute("open", "");
    } finally {
      if (page.isConnected) timer = setTimeout(look, EVERY_SECONDS * 1000);
    }
  };
  await look();
}

export function hide() {
  clearTimeout(timer);
}

async function decisions() {
  const found = [];
  let cursor = "";
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await call("GET", `/guard/v1/reviews?state=decided&order=newest&limit=200&cursor=${cursor}`);
    found.push(...answer.reviews);
    cursor = answer.cursor;
    if (!cursor) break;
  }
  return found.filter((row) => row.reviewer !== "policy");
}

async function counters() {
  if (!may("GET", "/guard/metrics")) return null;
  const answer = await fetch("/guard/metrics", { credentials: "same-origin", cache: "no-store" });
  return answer.ok ? samples(await answer.text()) : null;
}

const middle = (numbers, share) => {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : null;
};
const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");

function tiles(stats, decided) {
  const recent = decided.filter((row) => row.decided_at > now() - 3600);
  const took = decided.map((row) => row.decided_at - row.created_at);
  const approved = decided.filter((row) => row.outcome === "approve").length;
  const tile = (name, value, note) => el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, el("b", {}, value), note ? el("span", { class: "quiet" }, note) : null));
  return el("dl", { class: "tiles" },
    tile("Waiting", stats.states.waiting, stats.beside.senior ? `${stats.beside.senior} for a senior` : ""),
    tile("Oldest", stats.oldest_at ? span(now() - stats.oldest_at) : "–"),
    tile("Held now", stats.states.claimed),
    tile("Last hour", recent.length, "decided"),
    tile("To a decision", took.length ? span(middle(took, 0.5)) : "–", took.length ? `p90 ${span(middle(took, 0.9))}` : ""),
    tile("Overturned", percent(approved, decided.length), decided.length ? `approved, of ${decided.length} decided` : "nothing is decided yet"),
    tile("Expired", stats.states.expired, "nobody decided in time"));
}

function hours(decided) {
  const end = Math.ceil(now() / 3600) * 3600;
  const counts = Array.from({ length: HOURS }, () => 0);
  for (const row of decided) {
    const back = Math.floor((end - row.decided_at) / 3600);
    if (back >= 0 && back < HOURS) counts[HOURS - 1 - back] += 1;
  }
  const most = Math.max(1, ...counts);
  const [wide, high] = [960, 120];
  const bars = counts.map((count, index) => el("svg:rect", {
    class: "bar", x: index * 40 + 4, width: 32, y: high - (count / most) * (high - 18), height: (count / most) * (high - 18),
  }, el("svg:title", {}, `${new Date((end - (HOURS - index) * 3600) * 1000).getHours()} h: ${count}`)));
  const total = counts.reduce((one, other) => one + other, 0);
  return el("section", { class: "card" }, el("h2", {}, "Decisions per hour"),
    el("svg:svg", { class: "hours", viewBox: `0 0 ${wide} ${high + 2}`, role: "img", "aria-label": `Decisions per hour of the last ${HOURS} hours: ${total} in all, at most ${most} in one` },
      bars, el("svg:line", { x1: 0, x2: wide, y1: high, y2: high, class: "axis" })),
    el("p", { class: "quiet ends" }, el("span", {}, "24 h ago"), el("span", {}, `most in an hour: ${most}`), el("span", {}, "now")));
}

function table(names, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": names[0] }, el("table", {},
    el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, index) => el("td", { class: index ? "number" : false }, cell)))))));
}

function people(decided) {
  if (!decided.length) return el("p", { class: "quiet" }, "No decisions yet.");
  const tally = new Map();
  for (const row of decided) {
    for (const rule of row.rules) {
      const count = tally.get(rule) ?? { all: 0, approve: 0, edit: 0, reject: 0 };
      count.all += 1;
      count[row.outcome] = (count[row.outcome] ?? 0) + 1;
      tally.set(rule, count);
    }
  }
  const rows = [...tally].sort((one, other) => other[1].all - one[1].all).slice(0, 20)
    .map(([rule, count]) => [rule, count.all, percent(count.approve, count.all), percent(count.edit, count.all), percent(count.reject, count.all)]);
  return el("section", { class: "card" }, el("h2", {}, "What people make of each rule"),
    el("p", { class: "quiet" }, `The latest ${decided.length} decisions. Approved means: a false alarm.`),
    table(["Rule", "Decided", "Approved", "Edited", "Rejected"], rows));
}

function routes(metrics) {
  if (!metrics) return [el("p", { class: "quiet" }, "What the guard says and how long it takes is for seniors, admins and auditors.")];
  const verdicts = new Map();
  for (const { labels, value } of metrics.filter((one) => one.name === "guard_verdicts_total")) {
    const count = verdicts.get(labels.route) ?? {};
    count[labels.verdict] = (count[labels.verdict] ?? 0) + value;
    verdicts.set(labels.route, count);
  }
  const times = histograms(metrics, "guard_seconds", "route");
  const ms = (seconds) => (seconds === null ? "–" : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`);
  return [
    el("section", { class: "card" }, el("h2", {}, "What the guard says, by route"),
      el("p", { class: "quiet" }, "Replies and checks since the guard started."),
      verdicts.size ? [...verdicts].map(([route, count]) => shares(route, count)) : el("p", { class: "quiet" }, "Nothing was judged yet."),
      el("p", { class: "legend" }, VERDICTS.map((verdict) => el("span", {}, el("i", { class: verdict }), verdict)))),
    el("section", { class: "card" }, el("h2", {}, "What it adds, by route"),
      el("p", { class: "quiet" }, "The guard's own time for a reply, the upstream's left out; read off buckets."),
      times.size ? table(["Route", "Replies", "p50", "p95", "p99"], [...times].map(([route, buckets]) => [
        route, buckets.at(-1)[1], ...[0.5, 0.95, 0.99].map((share) => ms(quantile(buckets, share)))])) : el("p", { class: "quiet" }, "No reply yet.")),
  ];
}

function shares(route, count) {
  const all = VERDICTS.reduce((sum, verdict) => sum + (count[verdict] ?? 0), 0);
  let x = 0;
  const parts = VERDICTS.map((verdict) => {
    const width = (100 * (count[verdict] ?? 0)) / all;
    const part = el("svg:rect", { class: verdict, x, width, y: 0, height: 10 });
    x += width;
    return part;
  });
  const words = VERDICTS.filter((verdict) => count[verdict]).map((verdict) => `${verdict} ${percent(count[verdict], all)}`).join(", ");
  return el("div", { class: "share" }, el("span", {}, el("b", {}, route), ` ${all}`),
    el("svg:svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": `${route}: ${words}` }, parts),
    el("span", { class: "quiet" }, words));
}
