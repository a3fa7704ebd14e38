/* Forms that write the address: nothing is sent before each name is an actor's. */

import { resolveNames } from "./combobox.js";
import { h } from "./dom.js";

/**
 * A form; `use` gets what was filled in as pairs of name and value.
 * @param {string} label
 * @param {import("./dom.js").Child[]} fields
 * @param {(pairs: [string, string][]) => void} use
 */
export function form(label, fields, use) {
  return h("form", { class: "fields", "aria-label": label, onsubmit: async (/** @type {SubmitEvent} */ submit) => {
    submit.preventDefault();
    const own = /** @type {HTMLFormElement} */ (submit.target);
    if (!await resolveNames(own)) return;
    use([...new FormData(own)].map(([name, value]) => [name, String(value).trim()]));
  } }, fields);
}
