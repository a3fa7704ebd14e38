/* Three hints for a first visit, one at a time; none blocks, and each is gone for good when it is dismissed. */

import { byId, h } from "./dom.js";
import { t } from "./strings.js";

const KEY = "hints";
const NEVER = "never";
/** @type {[string, import("./strings.js").Key, string[]][]} */
const HINTS = [
  ["covered", "hint.covered", ["events", "shift", "compare", "actor"]],
  ["evidence", "hint.evidence", ["shift"]],
  ["take", "hint.take", ["events", "event", "shift", "compare", "actor", "alliance", "alliances", "map"]],
];

/** The hints that were dismissed; all where nothing can be kept, so that no hint comes again and again. */
function dismissed() {
  try {
    localStorage.setItem(`${KEY}-tried`, "1");
    localStorage.removeItem(`${KEY}-tried`);
    return (localStorage.getItem(KEY) ?? "").split(" ");
  } catch { return [NEVER]; }
}

/** Shows the first hint for a view that was not dismissed, in a place before the content. */
export function showHint(/** @type {string} */ view) {
  const place = byId("hint");
  const gone = dismissed();
  const next = gone.includes(NEVER) ? -1 : HINTS.findIndex(([name, , views]) => views.includes(view) && !gone.includes(name));
  place.hidden = next < 0;
  if (next < 0) { place.replaceChildren(); return; }
  const [name, words] = HINTS[next];
  const end = (/** @type {string} */ kept) => {
    localStorage.setItem(KEY, [...gone, kept].join(" ").trim());
    place.hidden = true;
    byId("content").focus();
  };
  place.setAttribute("aria-label", t("hint.label", { n: next + 1, of: HINTS.length }));
  place.replaceChildren(h("p", {}, h("strong", {}, `${t("hint.label", { n: next + 1, of: HINTS.length })}: `), t(words)),
    h("button", { type: "button", onclick: () => end(name) }, t("hint.next")),
    h("button", { type: "button", onclick: () => end(NEVER) }, t("hint.never")));
  place.onkeydown = (key) => { if (key.key === "Escape") end(name); };
}
