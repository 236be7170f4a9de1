// What a reviewer has chosen, kept in this browser; and drafts, so that none is ever lost.

const KEPT = "guard.settings";
const DRAFT = "guard.draft.";
const DRAFT_DAYS = 7; // as long as an item is kept once it was decided

export const settings = { keys: true, hidden: true, blur: false };
export const changed = new EventTarget();

try {
  Object.assign(settings, JSON.parse(localStorage.getItem(KEPT) ?? "{}"));
} catch { /* a browser that keeps nothing has the defaults */ }

export function set(name, value) {
  settings[name] = value;
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch { /* it holds until the page is closed */ }
  changed.dispatchEvent(new Event("change"));
}

export const drafts = {
  get(item) {
    try {
      return JSON.parse(localStorage.getItem(DRAFT + item) ?? "null")?.draft ?? null;
    } catch {
      return null;
    }
  },
  // Whether it was kept.
  put(item, draft) {
    try {
      localStorage.setItem(DRAFT + item, JSON.stringify({ at: Date.now(), draft }));
      return true;
    } catch {
      return false;
    }
  },
  drop(item) {
    localStorage.removeItem(DRAFT + item);
  },
  sweep() {
    for (const name of Object.keys(localStorage).filter((one) => one.startsWith(DRAFT))) {
      try {
        if (JSON.parse(localStorage.getItem(name)).at > Date.now() - DRAFT_DAYS * 86_400_000) continue;
      } catch { /* unreadable: it goes */ }
      localStorage.removeItem(name);
    }
  },
};
