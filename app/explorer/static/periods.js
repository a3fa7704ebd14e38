/* What a period of a chart says in words: of a timeline, and of a curve. */

import { inWords } from "./dates.js";
import { t } from "./strings.js";

const lastOfMonth = (/** @type {string} */ day) => new Date(Date.parse(day) + 86400000).getUTCDate() === 1;

/** The days from one to another in words: a month, a year, or from when to when. */
export function inPeriod(/** @type {string} */ start, /** @type {string} */ end) {
  if (start === end) return inWords(start);
  if (start.endsWith("-01-01") && end === `${start.slice(0, 4)}-12-31`) return start.slice(0, 4);
  if (start.endsWith("-01") && lastOfMonth(end)) {
    return start.slice(0, 7) === end.slice(0, 7) ? inWords(start.slice(0, 7)) : inWords(`${start.slice(0, 7)}/${end.slice(0, 7)}`);
  }
  return inWords(`${start}/${end}`);
}

export const signed = (/** @type {number} */ x) => `${x > 0 ? "+" : ""}${x.toFixed(2)}`.replace(/^-(?=0\.00$)/, "").replace("-", "−");

/** A bucket of a timeline; `ofPair` where it counts what brought two together or apart. */
export function countedWords(/** @type {import("./reader.js").Period} */ row, /** @type {boolean} */ ofPair) {
  const title = inPeriod(row.start, row.end);
  if (!row.covered && !row.count) return { title, lines: [t("reader.uncovered")] };
  const within = row.count - row.spans;
  const good = row.cooperation - row.spans_cooperation, bad = row.conflict - row.spans_conflict;
  const counts = { n: within, good, bad, neither: within - good - bad };
  const lines = [within ? t(ofPair ? "reader.pair_events" : "reader.events", counts) : t("reader.no_events")];
  if (row.spans) lines.push(t("reader.spans", { n: row.spans }));
  if (!row.covered) lines.push(t("reader.uncovered"));
  return { title, lines: [...lines, ...row.top.slice(0, 3).map((/** @type {{ title: string }} */ event) => event.title)] };
}

/** A point of a curve; `breaks` are the ranges in which a break may lie. */
export function curveWords(/** @type {import("./reader.js").Period} */ row, /** @type {{ start: string, end: string }[]} */ breaks = []) {
  const title = inPeriod(row.start, row.end);
  const acts = row.n || row.positive || row.negative;
  if (!row.covered && !acts) return { title, lines: [t("reader.uncovered")] };
  if (row.index === null) return { title, lines: [t("reader.no_index")] };
  const isWithin = row.low <= row.index && row.index <= row.high;
  const lines = [isWithin ? t("reader.index", { index: signed(row.index), low: signed(row.low), high: signed(row.high) }) : t("reader.kept"),
    acts ? t("reader.signals", { n: row.n, publishers: t("reader.publishers", { n: row.sources }) }) : t("reader.no_act")];
  if (!row.covered) lines.push(t("reader.partly"));
  if (breaks.some((span) => span.start <= row.end && row.start <= span.end)) lines.push(t("reader.break"));
  return { title, lines };
}

/** How far down the plot a point of a curve is, as a share; null where nothing is drawn. */
export function curveHeight(/** @type {import("./reader.js").Period} */ row) {
  const drawn = row.index !== null && row.low <= row.index && row.index <= row.high;
  return drawn && (row.n || row.positive || row.negative) ? (1 - row.index) / 2 : null;
}
