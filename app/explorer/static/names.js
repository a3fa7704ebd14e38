/* Names of actors by their codes, each asked for once. */

import { get } from "./api.js";

/** @type {Map<string, Promise<string>>} */
const known = new Map();

/** The name of an actor; its code, or what was written, where there is none. */
export function nameOf(/** @type {string} */ code) {
  if (!known.has(code)) {
    known.set(code, get(`/v1/actors/resolve?${new URLSearchParams({ q: code, limit: "1" })}`).then(
      ({ data: [one] }) => (one && one.score === 100 ? one.name : code),
      () => { known.delete(code); return code; },
    ));
  }
  return known.get(code);
}

/**
 * Fills an element with words about actors: by codes at once, by names as soon as they are known.
 * @param {HTMLElement} element
 * @param {string[]} texts each one or several codes, separated by commas
 * @param {(names: string[]) => string} write
 */
export function fillNames(element, texts, write) {
  element.replaceChildren(write(texts));
  Promise.all(texts.map(async (text) => (await namesOf([text])).join(" + "))).then((names) => element.replaceChildren(write(names)));
  return element;
}

/** The names of several, as written `ARM,RUS`, in their order. */
export const namesOf = (/** @type {string[]} */ codes) => Promise.all(codes.flatMap((text) => text.split(",")).map((code) => nameOf(code.trim())));
