/* Charts drawn by the service, from the same definition as its PNG and its Vega-Lite spec. */

import { Failure, get } from "./api.js";
import { h } from "./dom.js";
import { restoreFocus } from "./focus.js";
import { patiently } from "./part.js";
import { reader } from "./reader.js";
import { remarked, takeRemarks } from "./remarks.js";
import { failed } from "./states.js";
import { t } from "./strings.js";

/** @typedef {HTMLElement & { reader?: ReturnType<typeof reader> }} ChartFigure */

const STEP = 40, LEAST = 280, MOST = 1160;

/** The width that is asked for: in steps, so that the same picture serves many windows. */
const wide = (/** @type {HTMLElement} */ figure) => Math.max(LEAST, Math.min(MOST, Math.floor((figure.clientWidth - 16) / STEP) * STEP));

/** Only what draws: no scripts, no links, nothing that fetches, and no words but the one label. */
function drawing(/** @type {string} */ text) {
  const read = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (read.nodeName !== "svg") throw new Failure(500, { detail: t("failure.chart") });
  for (const unsafe of read.querySelectorAll("script, foreignObject, a, image, use")) unsafe.remove();
  const svg = /** @type {SVGSVGElement} */ (/** @type {Element} */ (document.importNode(read, true)));
  for (const part of svg.querySelectorAll("[role], [aria-label], [aria-roledescription]")) {
    for (const name of ["role", "aria-label", "aria-roledescription"]) part.removeAttribute(name);
  }
  return svg;
}

const MOST_TRIES = 3;

/** Asks again where the service says when; nothing counts down, because the drawing is there already. */
async function getPatiently(/** @type {string} */ address) {
  for (let tried = 0; ; tried += 1) {
    try { return await get(address); }
    catch (error) {
      if (!error.wait || tried === MOST_TRIES) throw error;
      await new Promise((resolve) => { setTimeout(resolve, error.wait * 1000); });
    }
  }
}

/**
 * Lays a reader over a drawing, as soon as the rows that it shows are here; the drawing does not wait for them.
 * @param {ChartFigure} figure
 * @param {HTMLElement} place
 * @param {SVGSVGElement} svg
 * @param {URL} url
 * @param {(body: any) => import("./reader.js").Reading} reading
 */
async function addReader(figure, place, svg, url, reading) {
  const plain = new URL(url);
  for (const own of ["format", "width"]) plain.searchParams.delete(own);
  try {
    const body = await getPatiently(plain.pathname + plain.search);
    const added = place.isConnected ? reader(svg, body.data, reading(body)) : null;
    if (!added) return;
    place.append(...added.parts);
    figure.reader = added;
    restoreFocus();
  } catch { /* the drawing says the same without a pointer */ }
}

/**
 * A figure with the chart of an address, drawn as wide as there is room, with its words below. With `reading`, which
 * makes the options of a reader from the answer, its periods can be read, opened and chosen; `tools` are below it. What has to be
 * said with its numbers is below its words, unless `remarks` is false because the view says it elsewhere.
 * @param {string} address
 * @param {{ reading?: ((body: any) => import("./reader.js").Reading) | null, tools?: HTMLElement | null, remarks?: boolean }} [how]
 * @returns {ChartFigure}
 */
export function chart(address, { reading = null, tools = null, remarks = true } = {}) {
  /** @type {ChartFigure} */
  const figure = h("figure", { class: "chart", "aria-busy": "true" });
  const url = new URL(address, location.origin);
  url.searchParams.set("format", "svg");
  let drawn = 0, broken = false, loading = false;
  const load = async () => {
    const width = drawn = wide(figure);
    url.searchParams.set("width", String(width));
    broken = false;
    loading = true;
    try {
      const svg = drawing(await patiently(() => get(url.pathname + url.search, "image/svg+xml"), figure));
      const place = h("div", { class: "drawing" }, svg);
      const said = takeRemarks(svg);
      const label = said.reduce((text, one) => text.replace(` ${one}`, ""), svg.getAttribute("aria-label") ?? "");
      svg.setAttribute("aria-label", label);
      figure.replaceChildren(place, h("figcaption", {}, label, reading ? h("span", { class: "how" }, ` ${t("reader.hint")}`) : null), (remarks && remarked(said)) || "", tools ?? "");
      if (reading) await addReader(figure, place, svg, url, reading);
    } catch (error) {
      broken = true;
      figure.replaceChildren(failed(error, load) ?? "");
      figure.classList.toggle("same", !figure.firstElementChild);
    }
    loading = false;
    figure.removeAttribute("aria-busy");
    if (!broken && figure.isConnected && wide(figure) !== drawn) load();
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  new ResizeObserver(() => {
    if (!figure.isConnected || broken || loading || wide(figure) === drawn) return;
    clearTimeout(waiting);
    waiting = setTimeout(load, drawn ? 200 : 0);
  }).observe(figure);
  return figure;
}
