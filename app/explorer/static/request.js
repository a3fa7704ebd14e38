/* Says which request made a view: to copy, to cite, to download. */

import { h, say } from "./dom.js";

const LISTS = ["json", "ndjson", "csv", "xlsx", "parquet", "arrow", "geojson", "ics", "atom", "jsonld", "timelinejs", "vis"];
const DRAWN = ["json", "csv", "vega", "svg", "png"];

function forms(url) {
  if (url.pathname === "/v1/events") return LISTS;
  const drawn = /^\/v1\/(timeline|alignment|shifts|actors\/[^/]+|actors\/[^/]+\/relations|alliances\/[^/]+\/history)$/;
  return drawn.test(url.pathname) && url.pathname !== "/v1/actors/resolve" ? DRAWN : ["json"];
}

function written(url) {
  const pairs = [...url.searchParams].map(([k, v]) => `    (${JSON.stringify(k)}, ${JSON.stringify(v)}),\n`).join("");
  const plain = url.href;
  return {
    curl: `curl '${plain.replaceAll("'", "%27")}'`,
    Python: pairs
      ? `import httpx2\n\nanswer = httpx2.get("${url.origin}${url.pathname}", params=[\n${pairs}])\nanswer.raise_for_status()\nbody = answer.json()`
      : `import httpx2\n\nanswer = httpx2.get("${plain}")\nanswer.raise_for_status()\nbody = answer.json()`,
    R: `library(jsonlite)\n\nbody <- fromJSON("${plain.replaceAll('"', "%22")}")`,
  };
}

function copied(label, text) {
  return h("div", {}, h("p", {}, h("strong", {}, label), " ",
    h("button", { type: "button", "aria-label": `Copy ${label}`, onclick: async (click) => {
      try { await navigator.clipboard.writeText(text); say(`${label} copied`); click.target.textContent = "Copied"; }
      catch { say("Copying is not allowed here; select the text instead."); }
    } }, "Copy")), h("pre", { tabindex: 0, role: "region", "aria-label": label }, text));
}

/** `links` of the answer give the permalink: the same data for ever. */
export function request(address, links, title = "The request that made this") {
  const url = new URL(address, location.origin);
  url.searchParams.delete("format");
  const parts = Object.entries(written(url)).map(([label, text]) => copied(label, text));
  if (links?.permalink) parts.push(copied("Permalink", new URL(links.permalink, location.origin).href));
  const whole = new URL(url);
  whole.searchParams.delete("limit");
  const downloads = forms(url).map((form) => {
    const at = new URL(LISTS.length === forms(url).length ? whole : url);
    at.searchParams.set("format", form);
    return [h("a", { href: at.pathname + at.search }, form), " "];
  });
  return h("details", { class: "request" }, h("summary", {}, `${title}: `, h("code", {}, decodeURIComponent(url.pathname + url.search))),
    parts, h("p", {}, h("strong", {}, "Download"), " ", downloads));
}
