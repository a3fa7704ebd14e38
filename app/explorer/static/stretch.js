/* The stretch of days that a chart shows alone: in the address, with a way back. */

import { h } from "./dom.js";
import { inPeriod } from "./periods.js";
import { go, now } from "./state.js";
import { t } from "./strings.js";

/** @typedef {import("./reader.js").Stretch} Stretch */

const DAY = 86400000;
const iso = (/** @type {number} */ time) => new Date(time).toISOString().slice(0, 10);

/** Filters the view by days; `null` for all days. */
export function setDays(/** @type {Stretch | null} */ days, { replace = false } = {}) {
  const found = now();
  for (const name of ["since", "until"]) if (days) found.set(name, name === "since" ? days.since : days.until); else found.delete(name);
  go(`/?${found}`, { replace });
}

/** Draws a curve for some days alone: its answer is about all days, so these are no filter. */
export function setZoom(/** @type {Stretch | null} */ days) {
  const found = now();
  if (days) found.set("zoom", `${days.since}/${days.until}`); else found.delete("zoom");
  go(`/?${found}`);
}

/** The days that a curve is drawn for alone; null for all. */
export function zoomed() {
  const [since, until] = (now().get("zoom") ?? "").split("/");
  const isDay = (/** @type {string | undefined} */ text) => /^\d{4}-\d{2}-\d{2}$/.test(text ?? "") && !Number.isNaN(Date.parse(text ?? ""));
  return isDay(since) && isDay(until) && since <= until ? { since, until } : null;
}

/** The days of the filter, where both ends are days or months. */
export function filtered() {
  const [since, until] = ["since", "until"].map((name) => now().get(name) ?? "");
  if (!since && !until) return null;
  const first = Date.parse(since), end = until.length === 7 ? Date.UTC(Number(until.slice(0, 4)), Number(until.slice(5)), 0) : Date.parse(until);
  return Number.isNaN(first) || Number.isNaN(end) ? { since, until, open: true } : { since: iso(first), until: iso(end) };
}

/**
 * The way back from a stretch: to thrice as many days, and to all.
 * @param {Stretch | null} days
 * @param {(days: Stretch | null) => void} set
 */
export function wayBack(days, set) {
  if (!days) return null;
  const span = Date.parse(days.until) - Date.parse(days.since) + DAY;
  const wider = days.open ? null : { since: iso(Date.parse(days.since) - span), until: iso(Math.min(Date.parse(days.until) + span, Math.max(Date.now(), Date.parse(days.until)))) };
  return h("p", { class: "way-back" }, days.open ? null : [t("reader.alone", { days: inPeriod(days.since, days.until) }), " "],
    wider ? h("button", { type: "button", "data-key": "wider", onclick: () => set(wider) }, t("reader.wider")) : null, " ",
    h("button", { type: "button", "data-key": "all-days", onclick: () => set(null) }, t("reader.all")));
}
