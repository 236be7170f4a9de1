// What an edit changes, word by word.

import { el } from "./dom.js";
import { settings } from "./settings.js";
import { paint } from "./text.js";

const CELLS_MAX = 2_000_000; // of the table; above it the changed middle is shown as one piece

const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

// [kind, text] with kind "same", "out" or "in".
export function diff(before, after) {
  const [one, other] = [words(before), words(after)];
  let head = 0;
  while (head < one.length && head < other.length && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < one.length - head && tail < other.length - head
    && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
  const [left, right] = [one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
  const steps = [["same", one.slice(0, head).join("")]];
  if (left.length * right.length > CELLS_MAX) {
    steps.push(["out", left.join("")], ["in", right.join("")]);
  } else {
    steps.push(...table(left, right));
  }
  steps.push(["same", one.slice(one.length - tail).join("")]);
  const joined = [];
  for (const [kind, text] of steps) {
    if (!text) continue;
    if (joined.at(-1)?.[0] === kind) joined.at(-1)[1] += text;
    else joined.push([kind, text]);
  }
  return joined;
}

function table(left, right) {
  const wide = right.length + 1;
  const longest = new Uint32Array((left.length + 1) * wide);
  for (let row = left.length - 1; row >= 0; row -= 1) {
    for (let column = right.length - 1; column >= 0; column -= 1) {
      longest[row * wide + column] = left[row] === right[column]
        ? longest[(row + 1) * wide + column + 1] + 1
        : Math.max(longest[(row + 1) * wide + column], longest[row * wide + column + 1]);
    }
  }
  const steps = [];
  let [row, column] = [0, 0];
  while (row < left.length && column < right.length) {
    if (left[row] === right[column]) {
      steps.push(["same", left[row]]);
      row += 1;
      column += 1;
    } else if (longest[(row + 1) * wide + column] >= longest[row * wide + column + 1]) {
      steps.push(["out", left[row++]]);
    } else {
      steps.push(["in", right[column++]]);
    }
  }
  return [...steps, ["out", left.slice(row).join("")], ["in", right.slice(column).join("")]];
}

export function showDiff(place, before, after) {
  const tags = { same: "span", out: "del", in: "ins" };
  const steps = diff(before, after);
  place.replaceChildren(...steps.map(([kind, text]) => {
    const node = el(tags[kind]);
    paint(node, text, [], settings);
    return node;
  }));
  return steps.some(([kind]) => kind !== "same");
}
