/* A “?” after a term: what the glossary says of it, fetched when it is first asked for. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { patiently } from "./part.js";
import { t } from "./strings.js";

let made = 0;
/** What the glossary says, by anchor. @type {Promise<Record<string, { term: string, text: string, href: string }>> | null} */
let glossary = null;

async function fill(/** @type {HTMLElement} */ box, /** @type {string} */ anchor) {
  try {
    glossary ??= patiently(() => get("/help/glossary.json"), box);
    const found = (await glossary)[anchor];
    box.replaceChildren(h("strong", {}, found.term), `: ${found.text} `, h("a", { href: found.href }, t("term.more")));
  } catch {
    glossary = null;
    box.replaceChildren(t("term.failed"));
  }
}

/** Puts the box below its button, within the window. */
function place(/** @type {HTMLElement} */ box, /** @type {HTMLElement} */ button) {
  const at = button.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.min(at.bottom + 4, Math.max(8, innerHeight - box.offsetHeight - 8))}px`;
}

/** The button for a term of the glossary, by its anchor there, and the box that it opens. */
export function term(/** @type {string} */ anchor, /** @type {string} */ word) {
  const id = `term-${made += 1}`;
  const box = h("span", { id, popover: "auto", class: "explained" });
  const button = h("button", { type: "button", class: "ask", popovertarget: id, "aria-label": t("term.ask", { term: word }) }, "?");
  box.addEventListener("toggle", async (/** @type {ToggleEvent} */ toggle) => {
    if (toggle.newState !== "open") return;
    place(box, button);
    await fill(box, anchor);
    place(box, button);
  });
  return h("span", { class: "asked" }, " ", button, box);
}
