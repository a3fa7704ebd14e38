/* What has to be said with numbers: what they leave out, and on how little they rest. */

import { h } from "./dom.js";
import { fillNames } from "./names.js";
import { t } from "./strings.js";

/**
 * Remarks on numbers; null where there is none.
 * @param {(string | Node)[]} remarks
 */
export function remarked(remarks) {
  if (!remarks.length) return null;
  return h("div", { class: "remarks", role: "note", "aria-label": t("remarks.label") }, remarks.map((one) => h("p", {}, one)));
}

/** The remark that of some groups only some members are recorded; null where `meta` names none. */
export function partlyRecorded(/** @type {{ partly_recorded?: string[] | null }} */ meta) {
  if (!meta.partly_recorded?.length) return null;
  return remarked([fillNames(h("span", {}), meta.partly_recorded, (names) => t("remarks.partly_recorded", { names: names.join(", ") }))]);
}

/**
 * Takes the remarks out of a drawing, which draws them for those who have the picture alone, and returns them.
 * @param {SVGSVGElement} svg
 * @returns {string[]}
 */
export function takeRemarks(svg) {
  const drawn = /** @type {SVGGElement | null} */ (svg.querySelector(".remarks"));
  if (!drawn) return [];
  const less = Number(drawn.dataset.height), height = Number(svg.getAttribute("height")) - less;
  drawn.remove();
  svg.setAttribute("height", String(height));
  svg.viewBox.baseVal.height = height;
  svg.querySelector(".credit")?.setAttribute("transform", `translate(0 ${-less})`);
  return JSON.parse(svg.dataset.remarks ?? "[]");
}
