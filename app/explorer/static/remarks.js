/* What has to be said with numbers: what they leave out, and on how little they rest. */

import { h } from "./dom.js";
import { fillDatasets, fillNames } from "./names.js";
import { t } from "./strings.js";

/**
 * Remarks on numbers; null where there is none.
 * @param {(string | Node)[]} remarks
 */
export function remarked(remarks) {
  if (!remarks.length) return null;
  return h("div", { class: "remarks", role: "note", "aria-label": t("remarks.label") }, remarks.map((one) => h("p", {}, one)));
}

/** What an answer leaves out, as far as its `meta` names groups and datasets; null where it names none. */
export function leftOut(/** @type {{ partly_recorded?: string[] | null, closed?: string[] | null }} */ meta) {
  const partly = meta.partly_recorded?.length ? fillNames(h("span", {}), meta.partly_recorded, (names) => t("remarks.partly_recorded", { names: names.join(", ") })) : null;
  const closed = meta.closed?.length ? fillDatasets(h("span", {}), meta.closed, (names) => t("remarks.closed", { names: names.join(", ") })) : null;
  return remarked([partly, closed].filter((one) => one !== null));
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
