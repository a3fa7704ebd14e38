/* Elements from data. Text is always text, so no title can become markup. */

import { t, word } from "./strings.js";

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child What an element can contain. */

/**
 * An element with attributes and children; an attribute that begins with `on` listens.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return made;
}

/** A code of the record in words, with the code on demand. */
export const coded = (/** @type {string} */ group, /** @type {string | null} */ code) => h("span", { title: code }, word(group, code));

/** Rows of a table that a phone shows before the reader asks for the rest. */
const ON_PHONE = 12;
/** Rows of a long table that are shown at first. */
const SHOWN = 50;

/**
 * A table; `asked` is a “?” after its caption.
 * @param {string} caption
 * @param {string[]} columns
 * @param {Child[][]} rows
 * @param {Node | null} [asked]
 * @returns {HTMLElement}
 */
export function table(caption, columns, rows, asked = null) {
  const numeric = columns.map((_, n) => typeof rows[0]?.[n] === "number");
  const more = rows.length > ON_PHONE ? h("button", { type: "button", class: "on-phone", onclick: () => { whole.classList.add("whole"); more?.remove(); } }, t("table.show_all", { n: rows.length })) : null;
  const whole = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption, asked),
      h("thead", {}, h("tr", {}, columns.map((c, n) => h("th", { scope: "col", class: numeric[n] ? "number" : null }, c)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, n) =>
        h("td", { class: typeof cell === "number" ? "number" : null, "data-label": columns[n] }, cell instanceof Node || Array.isArray(cell) ? cell : String(cell ?? "–"))))))), more);
  return whole;
}

/**
 * A table of which the first rows are shown, until the reader or paper asks for all; `make` gives the cells of a row.
 * @template Row
 * @param {string} caption
 * @param {string[]} columns
 * @param {Row[]} all
 * @param {(row: Row) => Child[]} make
 * @param {Row[]} [first]
 * @returns {HTMLElement}
 */
export function longTable(caption, columns, all, make, first = all.slice(0, SHOWN)) {
  const shown = (/** @type {Row[]} */ rows) => table(caption, columns, rows.map(make));
  if (first.length === all.length) return shown(all);
  /** @type {HTMLElement} */
  const whole = h("div", {}, shown(first), h("button", { type: "button", "data-whole": true, onclick: () => whole.replaceChildren(shown(all)) }, t("table.show_all", { n: all.length })));
  return whole;
}

export function field(/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ value, more = {}) {
  return h("div", {}, h("label", { for: `f-${name}` }, label),
    h("input", { id: `f-${name}`, name, value, ...more }));
}

/**
 * A field of which one of some values is chosen; each is a value, or a value with its words.
 * @param {string} name
 * @param {string} label
 * @param {(string | [string, string])[]} options
 * @param {string} [value]
 */
export function choice(name, label, options, value) {
  return h("div", {}, h("label", { for: `f-${name}` }, label),
    h("select", { id: `f-${name}`, name }, options.map((option) => {
      const [own, words] = Array.isArray(option) ? option : [option, option || t("form.any")];
      return h("option", { value: own, selected: own === value }, words);
    })));
}

/**
 * The element of an id that the page is known to have.
 * @param {string} id
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`#${id}`);
  return found;
}

/** The field of an id that the page is known to have. */
export const fieldById = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id));

/** Says a text to those who hear the page. */
export function say(/** @type {string} */ text) {
  byId("status").textContent = text;
}
