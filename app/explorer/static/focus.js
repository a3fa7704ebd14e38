/* Where the reader was: focus and scroll are kept when a view is drawn again. */

import { byId } from "./dom.js";

/** @type {string | null} */
let wanted = null;

/**
 * What finds an element again after the view is drawn again.
 * @param {Element | null} element
 */
function keyOf(element) {
  if (!element || element === document.body) return null;
  const named = /** @type {HTMLElement | null} */ (element.closest("[data-key]"));
  if (named?.dataset.key) return `[data-key="${CSS.escape(named.dataset.key)}"]`;
  if (element.id && element.id !== "content") return `#${CSS.escape(element.id)}`;
  const address = element.getAttribute("href");
  return address ? `#content a[href="${CSS.escape(address)}"]` : null;
}

/** Remembers the focused element before the view is drawn again. */
export function rememberFocus() {
  wanted = byId("content").contains(document.activeElement) ? keyOf(document.activeElement) : null;
}

/** What is to be focused as soon as it is there. */
export function wantFocus(/** @type {string} */ selector) {
  wanted = selector;
}

export const awaitsFocus = () => wanted !== null;

/** Focuses what is wanted, if it is there by now. */
export function restoreFocus() {
  if (!wanted) return;
  const found = /** @type {HTMLElement | null} */ (document.querySelector(wanted));
  if (!found) return;
  wanted = null;
  found.focus({ preventScroll: !found.matches("[data-reveal]") });
  if (found.matches("[data-reveal]")) found.scrollIntoView({ block: "start" });
}
