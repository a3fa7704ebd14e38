/* A part of a view that asks for its own answer, and how often it may ask. */

import { h } from "./dom.js";
import { restoreFocus } from "./focus.js";
import { countdown, failed } from "./states.js";

const MOST_TRIES = 3;
/** Seconds; a service that asks to wait longer is asked again by the reader alone. */
const LONGEST_WAIT = 60;

/**
 * @template Made
 * Loads once; again only where the service says when, three times at most, with the seconds counted
 * down in `place`. Throws the last failure.
 * @param {() => Promise<Made>} load
 * @param {HTMLElement} place
 */
export async function patiently(load, place) {
  for (let tried = 0; ; tried += 1) {
    try {
      return await load();
    } catch (error) {
      if (!error.wait || error.wait > LONGEST_WAIT || tried === MOST_TRIES) throw error;
      if (!await countdown(error.wait, place)) throw error;
    }
  }
}

/**
 * A part of a view that is still being asked for.
 * @param {string} waiting
 * @param {() => Promise<any>} make
 * @returns {HTMLElement}
 */
export function later(waiting, make) {
  const part = h("div", {});
  const load = async () => {
    part.setAttribute("aria-busy", "true");
    part.replaceChildren(h("p", { class: "quiet" }, waiting));
    try {
      part.replaceChildren(...[await patiently(make, part)].flat(Infinity).filter(Boolean));
    } catch (error) {
      part.replaceChildren(failed(error, load) ?? "");
    }
    part.removeAttribute("aria-busy");
    restoreFocus();
  };
  load();
  return part;
}
