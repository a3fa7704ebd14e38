/* Where the reader was: focus and scroll are kept when a view is drawn again. */

let wanted = null;

/** What finds an element again after the view is drawn again. */
function keyOf(element) {
  if (!element || element === document.body) return null;
  const named = element.closest("[data-key]");
  if (named) return `[data-key="${CSS.escape(named.dataset.key)}"]`;
  if (element.id && element.id !== "content") return `#${CSS.escape(element.id)}`;
  const address = element.getAttribute("href");
  return address ? `#content a[href="${CSS.escape(address)}"]` : null;
}

/** Remembers the focused element before the view is drawn again. */
export function rememberFocus() {
  wanted = document.getElementById("content").contains(document.activeElement) ? keyOf(document.activeElement) : null;
}

/** What is to be focused as soon as it is there. */
export function wantFocus(selector) {
  wanted = selector;
}

export const awaitsFocus = () => wanted !== null;

/** Focuses what is wanted, if it is there by now. */
export function restoreFocus() {
  if (!wanted) return;
  const found = document.querySelector(wanted);
  if (!found) return;
  wanted = null;
  found.focus({ preventScroll: !found.matches("[data-reveal]") });
  if (found.matches("[data-reveal]")) found.scrollIntoView({ block: "start" });
}
