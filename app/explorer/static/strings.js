/* Every word that the explorer says, by its key. The catalogue is strings/en.json. */

import words from "./strings/en.json" with { type: "json" };

/** @typedef {keyof typeof words} Key */

/** The language of the catalogue, which writes numbers and dates too. */
export const LANGUAGE = "en";

const plurals = new Intl.PluralRules(LANGUAGE);
const numbers = new Intl.NumberFormat(LANGUAGE);

/**
 * The words of a key that is made from data; undefined where the catalogue has none.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export const lookUp = (key, values) => (Object.hasOwn(words, key) ? t(/** @type {Key} */ (key), values) : undefined);

export const number = (/** @type {number} */ n) => numbers.format(n);

/** What a key says in the form for `n`, where it has several. */
function chosen(/** @type {Key} */ key, /** @type {number} */ n) {
  /** @type {string | Record<string, string> | undefined} */
  const found = words[key];
  if (found === undefined) throw new Error(`strings/en.json: ${key}`);
  return typeof found === "string" ? found : found[plurals.select(n)] ?? found.other;
}

/**
 * The words of a key as a list of texts and of the values, which may be elements, in place of `{name}`.
 * @param {Key} key
 * @param {Record<string, any>} values
 */
export function rich(key, values) {
  return chosen(key, values.n).split(/\{(\w+)\}/).map((/** @type {string} */ part, /** @type {number} */ n) => {
    const value = n % 2 ? values[part] : part;
    return typeof value === "number" ? number(value) : value ?? "";
  });
}

/**
 * The words of a key as text.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export const t = (key, values = {}) => rich(key, values).join("");

/**
 * A code of the record in words; the code itself where the catalogue has none.
 * @param {string} group
 * @param {string | number | null | undefined} code
 */
export const word = (group, code) => (code === null || code === undefined ? "" : lookUp(`code.${group}.${code}`) ?? spaced(String(code)));

/** A code that is made of words, such as `prime-minister`, as these words. */
const spaced = (/** @type {string} */ code) => (/^[a-z]+([-_][a-z]+)+$/.test(code) ? code.replaceAll(/[-_]/g, " ") : code);
