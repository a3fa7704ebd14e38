/* Dates in words. The record writes them in EDTF, which readers do not have to know. */

import { h } from "./dom.js";
import { LANGUAGE, t, word } from "./strings.js";

const named = (/** @type {"long" | "short"} */ month) => Array.from({ length: 12 }, (_, n) => new Intl.DateTimeFormat(LANGUAGE, { month, timeZone: "UTC" }).format(Date.UTC(2000, n, 15)));
const MONTHS = named("long"), SHORT = named("short");
/** @type {Record<string, import("./strings.js").Key>} */
const SEASONS = { 21: "date.spring", 22: "date.summer", 23: "date.autumn", 24: "date.winter" };
/** @type {Record<string, import("./strings.js").Key>} */
const DOUBTS = { "~": "date.approximate", "?": "date.uncertain", "%": "date.both" };

function one(/** @type {string} */ text) {
  const doubt = DOUBTS[text.at(-1) ?? ""];
  return doubt ? t(doubt, { date: plain(text.slice(0, -1)) }) : plain(text);
}

function plain(/** @type {string} */ text) {
  const [year, month, day] = text.split("-");
  if (/^\d{3}X$/.test(year)) return t("date.decade", { year: `${year.slice(0, 3)}0` });
  if (/^\d{2}XX$/.test(year)) return t("date.century", { first: `${year.slice(0, 2)}00`, last: `${year.slice(0, 2)}99` });
  if (SEASONS[month]) return t(SEASONS[month], { year });
  if (month === undefined || month === "XX") return year;
  if (day === undefined || day === "XX") return t("date.month", { month: MONTHS[Number(month) - 1], year });
  return t("date.day", { day: String(Number(day)), month: SHORT[Number(month) - 1], year });
}

/** A date in words: `2020-11-10/2024-06` is “10 Nov 2020 – June 2024”. */
export function inWords(/** @type {string | null | undefined} */ text) {
  if (!text) return "";
  const [first, last] = text.split("/");
  if (last === undefined) return one(first);
  if (last === "..") return t("date.since", { date: one(first) });
  const [from, to] = [one(first), one(last)];
  const month = to.slice(to.indexOf(" "));
  return t("date.span", { first: /^\d+ /.test(to) && from.endsWith(month) ? from.slice(0, -month.length) : from, last: to });
}

/** The same as an element that keeps what the record wrote. */
export function dated(/** @type {string} */ text) {
  return h("time", { datetime: /^\d{4}(-\d{2}){0,2}$/.test(text) ? text : null, title: text }, inWords(text));
}

/** An instant of the record in words, in UTC: “3 Oct 2023, 14:05 UTC”. */
export function moment(/** @type {string} */ text) {
  const time = new Date(text ?? "");
  if (Number.isNaN(time.valueOf())) return h("time", { datetime: text, title: text }, text);
  const [day, clock] = time.toISOString().split("T");
  return h("time", { datetime: text, title: text }, t("date.moment", { day: one(day), time: clock.slice(0, 5) }));
}

/** The steps of a membership: what was done, and when. */
export const steps = (/** @type {{ step: string, date: string }[]} */ all) => all.map((s) => t("list.step", { step: word("step", s.step), date: inWords(s.date) })).join(", ");
