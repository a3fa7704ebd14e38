/* Says which request made a view: to copy, to cite, to download. */

import { h, say } from "./dom.js";
import { rich, t } from "./strings.js";

const LISTS = ["json", "ndjson", "csv", "xlsx", "parquet", "arrow", "geojson", "ics", "atom", "jsonfeed", "jsonld", "timelinejs", "vis"];
const DRAWN = ["json", "csv", "vega", "svg", "png"];

function forms(/** @type {URL} */ url) {
  if (url.pathname === "/v1/events") return LISTS;
  const drawn = /^\/v1\/(timeline|alignment|shifts|actors\/[^/]+|actors\/[^/]+\/relations|alliances\/[^/]+\/history)$/;
  return drawn.test(url.pathname) && url.pathname !== "/v1/actors/resolve" ? DRAWN : ["json"];
}

/** One line for each tool, over the whole answer: a table where there is one, else the document. */
function written(/** @type {URL} */ url) {
  const plain = new URL(url);
  plain.searchParams.delete("limit");
  const quoted = (/** @type {URL} */ address) => address.href.replaceAll("'", "%27").replaceAll('"', "%22");
  if (forms(url).includes("csv")) {
    plain.searchParams.set("format", "csv");
    const address = quoted(plain);
    return { curl: `curl -o entente.csv '${address}'`,
      Python: `import pandas as pd; table = pd.read_csv("${address}")`,
      R: `table <- read.csv("${address}")`, [t("request.spreadsheet")]: address };
  }
  const address = quoted(plain);
  return { curl: `curl '${address}'`,
    Python: `import json, urllib.request; body = json.load(urllib.request.urlopen("${address}"))`,
    R: `body <- jsonlite::fromJSON("${address}")` };
}

/** A text with a button that copies it. */
export function copied(/** @type {string} */ label, /** @type {string} */ text) {
  return h("div", {}, h("p", {}, h("strong", {}, label), " ",
    h("button", { type: "button", "aria-label": t("request.copy_label", { label }), onclick: async (/** @type {{ target: HTMLElement }} */ click) => {
      try { await navigator.clipboard.writeText(text); say(t("request.copied_label", { label })); click.target.textContent = t("request.copied"); }
      catch { say(t("request.copy_refused")); }
    } }, t("request.copy"))), h("pre", { tabindex: 0, role: "group", "aria-label": label }, text));
}

/**
 * `links` of the answer give the permalink: the same data for ever.
 * @param {string} address
 * @param {{ permalink?: string | null } | null} [links]
 */
export function request(address, links, title = t("request.title")) {
  const url = new URL(address, location.origin);
  url.searchParams.delete("format");
  const parts = Object.entries(written(url)).map(([label, text]) => copied(label, text));
  if (links?.permalink) parts.push(copied(t("request.permalink"), new URL(links.permalink, location.origin).href));
  const whole = new URL(url);
  whole.searchParams.delete("limit");
  const downloads = forms(url).map((form) => {
    const at = new URL(LISTS.length === forms(url).length ? whole : url);
    if (forms(url).length > 1) at.searchParams.set("format", form); // else there is no such parameter
    return [h("a", { href: at.pathname + at.search }, form), " "];
  });
  return h("details", { class: "request" }, h("summary", {}, rich("request.summary", { title, address: h("code", {}, decodeURIComponent(url.pathname + url.search)) })),
    parts, h("p", {}, h("strong", {}, t("request.download")), " ", downloads));
}
