// From view to view by the address bar.

export const moves = new EventTarget();

export function go(address) {
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  moves.dispatchEvent(new Event("move"));
}

addEventListener("popstate", () => moves.dispatchEvent(new Event("move")));

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/guard/review']");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
