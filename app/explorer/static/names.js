/* Names of actors by their codes, each asked for once. */

import { get } from "./api.js";

/** @type {Map<string, Promise<string>>} */
const known = new Map();
/** The names that are here already. @type {Map<string, string>} */
const here = new Map();

/** The name of an actor; its code, or what was written, where there is none. */
export function nameOf(/** @type {string} */ code) {
  if (!known.has(code)) {
    known.set(code, get(`/v1/actors/resolve?${new URLSearchParams({ q: code, limit: "1" })}`).then(
      ({ data: [one] }) => {
        const name = one && one.score === 100 ? one.name : code;
        here.set(code, name);
        return name;
      },
      () => { known.delete(code); return code; },
    ));
  }
  return known.get(code);
}

/**
 * Fills an element with words about actors: by names at once where they are known, else by codes until they are.
 * @param {HTMLElement} element
 * @param {string[]} texts each one or several codes, separated by commas
 * @param {(names: string[]) => string} write
 */
export function fillNames(element, texts, write) {
  const codes = texts.flatMap((text) => text.split(",").map((code) => code.trim()));
  if (codes.every((code) => here.has(code))) {
    element.replaceChildren(write(texts.map((text) => text.split(",").map((code) => nameNow(code.trim())).join(" + "))));
    return element;
  }
  element.replaceChildren(write(texts));
  Promise.all(texts.map(async (text) => (await namesOf([text])).join(" + "))).then((names) => element.replaceChildren(write(names)));
  return element;
}

/** The names of several, as written `ARM,RUS`, in their order. */
export const namesOf = (/** @type {string[]} */ codes) => Promise.all(codes.flatMap((text) => text.split(",")).map((code) => nameOf(code.trim())));

/** The name of an actor, if it is known already; else its code. */
export const nameNow = (/** @type {string} */ code) => here.get(code) ?? code;

/** Milliseconds for which a view waits for the names in its title and its fields. */
const MOST_WAIT = 600;

/**
 * Waits for the names of what an address asks, so that what is written with them is not written twice, and moves nothing;
 * not for long, because codes say it too.
 * @param {string[]} codes
 */
export function awaitNames(codes) {
  const asked = namesOf(codes.filter(Boolean));
  return Promise.race([asked, new Promise((resolve) => { setTimeout(resolve, MOST_WAIT); })]);
}

/**
 * Fills an element with words about datasets: by codes at once, by names as soon as they are known.
 * @param {HTMLElement} element
 * @param {string[]} codes
 * @param {(names: string[]) => string} write
 */
export function fillDatasets(element, codes, write) {
  element.replaceChildren(write(codes));
  get("/v1/datasets").then(({ data }) => {
    const names = new Map(data.map((/** @type {{ code: string, name: string }} */ one) => [one.code, one.name]));
    element.replaceChildren(write(codes.map((code) => names.get(code) ?? code)));
  }, () => { /* the codes say it too */ });
  return element;
}
