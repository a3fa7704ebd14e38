/* Takes a view along: link, citation, text, table, picture, frame, print. */

import { get } from "./api.js";
import { h, say } from "./dom.js";
import { later } from "./part.js";
import { copied } from "./request.js";
import { now } from "./state.js";
import { t } from "./strings.js";
import { watchParts } from "./watch.js";

const VIEWS = ["actor", "alliance", "alliances", "compare", "event", "events", "map", "shift"];
/** Forms of a citation, each with its name; that of the first is in the catalogue. @type {[string, string | null][]} */
const FORMATS = [["footnote", null], ["bibtex", "BibTeX"], ["ris", "RIS"], ["csl", "CSL-JSON"]];
/** @type {[string, string | null][]} */
const SOURCE_FORMATS = [...FORMATS.slice(1), ["csv", t("share.sources_csv")]];
const FRAME = { width: 680, height: 520 };
const absolute = (address) => new URL(address, location.origin).href;

/** The address of this view, without the version: it shows the newest record. */
function newest() {
  const found = now();
  for (const name of ["as_of", "lineage"]) found.delete(name);
  return absolute(`/?${found}`);
}

function citationOf(more) {
  return `/v1/citation?${new URLSearchParams([["view", `${now()}`], ...Object.entries(more)])}`;
}

/** The first table of the view with its links, to be pasted as a table or as text. */
function readTable() {
  const shown = /** @type {HTMLTableElement | null} */ (document.querySelector("#content table"));
  if (!shown) return null;
  const rows = [...shown.rows].map((row) => [...row.cells]);
  // biome-ignore lint/performance/useDomNodeTextContent: the lines that a reader sees become "; ".
  const words = (cell) => cell.innerText.trim().replaceAll(/\s*\n\s*/g, "; ");
  const copy = h("table", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => {
    const links = [.../** @type {NodeListOf<HTMLAnchorElement>} */ (cell.querySelectorAll("a[href]"))].map((a) => h("a", { href: a.href }, a.textContent));
    const rest = links.length && words(cell) === links.map((a) => a.textContent).join("; ");
    return h(cell.tagName === "TH" ? "th" : "td", {}, rest ? links.flatMap((a, n) => [n ? "; " : "", a]) : [words(cell), ...links.flatMap((a) => [" ", h("a", { href: a.href }, "↗")])]);
  }))));
  return { html: copy, text: rows.map((cells) => cells.map(words).join("\t")).join("\n"), n: rows.length - 1 };
}

async function copyTable(click, found, citation) {
  const part = readTable();
  if (!part) return;
  const count = document.querySelector("#content .loaded")?.firstChild?.textContent ?? "";
  const words = `${found.description}\n\n${part.text}\n\n${count ? `${count.trim()}\n` : ""}${citation}`;
  const page = h("div", {}, h("p", {}, found.description), part.html, count ? h("p", {}, count) : null, h("p", {}, citation));
  const item = { "text/plain": new Blob([words], { type: "text/plain" }), "text/html": new Blob([page.innerHTML], { type: "text/html" }) };
  try { await navigator.clipboard.write([new ClipboardItem(item)]); say(t("share.table_copied", { n: part.n })); click.target.textContent = t("request.copied"); }
  catch { say(t("request.copy_refused")); }
}

/** @param {import("./strings.js").Key} title */
function section(title, ...parts) {
  return h("section", {}, h("h3", {}, t(title)), parts);
}

const NAMES = { "text/csv": "CSV", "application/json": "JSON", "application/pdf": "PDF" };
const nameOf = (link) => NAMES[link.media_type] ?? t(link.media_type.includes("atom") ? "share.feed" : "share.spreadsheet");

function linked(links) {
  return h("p", {}, links.flatMap(([address, name], n) => [n ? " · " : "", h("a", { href: address }, name)]));
}

/** The code of a frame; the element writes itself, so that quotes in a title are escaped. */
function frameCode(found) {
  return h("iframe", { src: absolute(found.embed), title: found.title, ...FRAME, loading: "lazy" }).outerHTML;
}

async function contents(close) {
  const { data: found } = await get(citationOf({}));
  const picture = found.picture && ((form) => `${found.picture}${found.picture.includes("?") ? "&" : "?"}format=${form}`);
  const brief = found.data.find((link) => link.media_type === "text/html");
  return [
    section("share.link", copied(t("share.this_state"), found.permalink), copied(t("share.newest"), newest())),
    section("share.text", copied(t("share.with_source"), `${found.description}\n${found.footnote}`),
      readTable() ? h("p", {}, h("button", { type: "button", onclick: (click) => copyTable(click, found, found.footnote) }, t("share.copy_table")), " ", h("span", { class: "quiet" }, t("share.table_hint"))) : null),
    section("share.citation", FORMATS.map(([form, name]) => copied(name ?? t("share.footnote"), found[form])),
      h("p", {}, t("share.files"), " "), linked(FORMATS.slice(1).map(([form, name]) => [citationOf({ format: form }), name])),
      found.sources ? [h("p", {}, t("share.sources")), linked(SOURCE_FORMATS.map(([form, name]) => [citationOf({ of: "sources", format: form }), name]))] : null),
    picture ? section("share.image", linked([[`${picture("png")}&width=800`, "PNG"], [`${picture("svg")}&width=800`, "SVG"]])) : null,
    found.data.length ? section("share.data", linked(found.data.filter((link) => link !== brief).map((link) => [link.address, nameOf(link)]))) : null,
    watchParts() ? section("watch.title", watchParts()) : null,
    found.embed ? section("share.embed", copied(t("share.frame"), frameCode(found)), h("p", { class: "quiet" }, t("share.frame_hint"))) : null,
    section("share.print", brief ? h("p", {}, h("a", { href: brief.address, target: "_blank", rel: "noopener" }, t("share.brief"))) : null,
      h("button", { type: "button", onclick: () => { close(); print(); } }, t("share.print_view"))),
  ];
}

function open() {
  const close = () => dialog.close();
  const dialog = h("dialog", { class: "share", "aria-labelledby": "share-title", onclose: () => dialog.remove() },
    h("header", {}, h("h2", { id: "share-title" }, t("share.title")), h("button", { type: "button", onclick: close }, t("share.close"))),
    later(t("share.loading"), () => contents(close)));
  document.body.append(dialog);
  dialog.showModal();
}

/** The button that opens the dialog; null for a view that has nothing to cite. */
export function shareButton() {
  return VIEWS.includes(now().get("view") ?? "") ? h("p", { class: "share-open" }, h("button", { type: "button", "data-key": "share", "aria-haspopup": "dialog", onclick: open }, t("share.title"))) : null;
}

/** What a reader sees after "show all" belongs on paper too. */
addEventListener("beforeprint", () => {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button[data-whole]"))) button.click();
});
