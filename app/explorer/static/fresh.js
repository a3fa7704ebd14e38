/* How current a dataset is that is kept so from its source, in words. */

import { inWords, moment } from "./dates.js";
import { h } from "./dom.js";
import { LANGUAGE, rich, t } from "./strings.js";

/** @typedef {{ newest: string | null, asked_at: string | null, current_at: string | null, waiting: number, missing: number }} Followed */

const ages = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "always" });
/** @type {[number, Intl.RelativeTimeFormatUnit][]} */
const UNITS = [[86_400, "day"], [3600, "hour"], [60, "minute"]];

/** How long ago an instant was, such as “12 minutes ago”. */
function age(/** @type {string} */ text) {
  const seconds = Math.max(0, (Date.now() - Date.parse(text)) / 1000);
  const [size, unit] = UNITS.find(([least]) => seconds >= 2 * least) ?? UNITS[2];
  return ages.format(-Math.round(seconds / size), unit);
}

/** A slot is written to the minute, without its zone; a day alone is a day. */
const instant = (/** @type {string} */ text) => (text.length === 16 ? `${text}Z` : text);

/**
 * Sentences on the newest part, what is missing, and when the source was asked last; nothing where a dataset is not followed.
 * @param {{ followed: Followed | null, missing_slots: number }} of
 */
export function freshness(of) {
  const { followed } = of;
  if (!followed) return null;
  const { newest, asked_at: asked, current_at: current } = followed;
  const said = [newest
    ? rich("fresh.newest", { newest: newest.length === 10 ? inWords(newest) : moment(instant(newest)), age: age(instant(newest)) })
    : [t("fresh.none")]];
  if (of.missing_slots) said.push([t("fresh.slots", { n: of.missing_slots })]);
  if (followed.waiting) said.push([t("fresh.waiting", { n: followed.waiting })]);
  if (followed.missing) said.push([t("fresh.missing", { n: followed.missing })]);
  if (!of.missing_slots && !followed.waiting && !followed.missing) said.push([t("fresh.whole")]);
  if (asked && asked === current) said.push([t("fresh.current", { age: age(asked) })]);
  else if (asked) said.push([t(current ? "fresh.behind" : "fresh.failed", { age: age(asked), since: current ? age(current) : "" })]);
  return h("p", { class: "quiet" }, said.flatMap((one) => [...one, " "]));
}
