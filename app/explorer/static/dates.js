/* Dates in words. The record writes them in EDTF, which readers do not have to know. */

import { h } from "./dom.js";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const SEASONS = { 21: "spring", 22: "summer", 23: "autumn", 24: "winter" };
const DOUBTS = { "~": "about ", "?": "perhaps ", "%": "perhaps about " };

function one(text) {
  const doubt = DOUBTS[text.at(-1)] ?? "";
  const plain = doubt ? text.slice(0, -1) : text;
  const [year, month, day] = plain.split("-");
  if (/^\d{3}X$/.test(year)) return `${doubt}the ${year.slice(0, 3)}0s`;
  if (/^\d{2}XX$/.test(year)) return `${doubt}${year.slice(0, 2)}00 to ${year.slice(0, 2)}99`;
  if (SEASONS[month]) return `${doubt}${SEASONS[month]} ${year}`;
  if (month === undefined || month === "XX") return doubt + year;
  const name = MONTHS[Number(month) - 1];
  return doubt + (day === undefined || day === "XX" ? `${name} ${year}` : `${Number(day)} ${name.slice(0, 3)} ${year}`);
}

/** A date in words: `2020-11-10/2024-06` is “10 Nov 2020 – June 2024”. */
export function inWords(text) {
  if (!text) return "";
  const [first, last] = text.split("/");
  if (last === undefined) return one(first);
  if (last === "..") return `since ${one(first)}`;
  const [from, to] = [one(first), one(last)];
  const month = to.slice(to.indexOf(" "));
  return /^\d+ /.test(to) && from.endsWith(month) ? `${from.slice(0, -month.length)} – ${to}` : `${from} – ${to}`;
}

/** The same as an element that keeps what the record wrote. */
export function dated(text) {
  return h("time", { datetime: /^\d{4}(-\d{2}){0,2}$/.test(text) ? text : null, title: text }, inWords(text));
}
