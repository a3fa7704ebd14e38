/* Where it happened, and when: events of a filter that have coordinates, over the land, by month. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { inWords } from "../dates.js";
import { h, longTable } from "../dom.js";
import { rememberFocus, restoreFocus } from "../focus.js";
import { boxOf, clusters, fitted, frame, grid, holds, label, nearOf, outlines, s } from "../mapping.js";
import { countedWords } from "../periods.js";
import { request } from "../request.js";
import { CLOCKS, FILTERS, go, link, now, taken } from "../state.js";
import { nothing } from "../states.js";
import { filtered, setDays, wayBack } from "../stretch.js";
import { t } from "../strings.js";
import { adding, chips } from "./events.js";

const MOST = 1000;
const WORLD = "-180,-90,180,90";
/** Circles that always have a name. */
const NAMED = 2;

function places(events) {
  const found = new Map();
  for (const event of events) {
    const at = event.location;
    if (at?.lat === null || at?.lat === undefined || at.lon === null || at.lon === undefined) continue;
    const key = `${at.lat},${at.lon}`;
    if (!found.has(key)) found.set(key, { lat: at.lat, lon: at.lon, name: at.name ?? key, events: [] });
    found.get(key).events.push(event);
  }
  return [...found.values()].sort((a, b) => b.events.length - a.events.length);
}

/** The address of this map with a part of the world chosen; null for all of it. */
function zoomedTo(box) {
  const found = now();
  found.delete("near");
  if (box) found.set("bbox", box.join(",")); else found.delete("bbox");
  return `/?${found}`;
}

/** The part of the world that the address chooses; null where it chooses none. */
function chosenBox() {
  /** @type {any} */
  const box = (now().get("bbox") ?? "").split(",").map(Number);
  return box.length === 4 && box.every(Number.isFinite) && box[0] < box[2] && box[1] < box[3] ? box : null;
}

const narrowed = () => [...taken(FILTERS)].filter(([name]) => name !== "near" && name !== "bbox");

/** A place leads to its events; a circle of several places to a closer look at them. */
function mark({ places: all, count, x, y, radius }) {
  const [first] = all;
  const isCluster = all.length > 1;
  const title = isCluster ? t("map.cluster", { name: first.name, places: t("map.places", { n: all.length - 1 }), events: t("map.events", { n: count }) })
    : t("map.place", { name: first.name, n: count });
  const href = isCluster ? zoomedTo(boxOf(all)) : link("events", { ...Object.fromEntries(narrowed()), near: `${first.lat},${first.lon},5` });
  return s("a", { href, "aria-label": title, class: isCluster ? "cluster" : "place" }, s("circle", { cx: x, cy: y, r: radius }, s("title", {}, title)),
    isCluster ? s("text", { x, y: y + 4, "text-anchor": "middle", "aria-hidden": "true" }, String(count)) : "");
}

/** The circles of some places with their names. */
function circles(spots, of) {
  const marks = clusters(spots, of).map((one) => ({ ...one, radius: Math.max(one.places.length > 1 ? 11 : 4, Math.min(nearOf(of) / 2 + 1, 4 + 1.5 * Math.sqrt(one.count))) }));
  const used = marks.map(({ x, y, radius: r }) => [x - r * .8, y - r * .8, x + r * .8, y + r * .8]);
  const names = marks.map((one, n) => {
    const rest = one.places.length - 1;
    return label(rest ? `${one.places[0].name} +${rest}` : `${one.places[0].name} ${one.count}`, [one.x, one.y], one.radius, used, of, n < NAMED);
  });
  return [...marks.map(mark), s("g", { class: "names", "aria-hidden": "true" }, ...names.filter((one) => one !== null))];
}

/**
 * The map. The land is drawn once and moved into the frame; the frame stays while the days change, so that months can be
 * compared, as long as it holds all places.
 */
function board(land) {
  const made = h("figure", { class: "map" });
  const caption = h("figcaption", {}, t("map.caption", { source: land.source }));
  const back = chosenBox() ? h("p", { class: "way-back" }, h("button", { type: "button", "data-key": "all-places", onclick: () => go(zoomedTo(null)) }, t("map.whole"))) : "";
  const outline = s("path", { class: "land", d: outlines(land), "aria-hidden": "true" });
  const marks = s("g", {});
  const map = s("svg", { role: "group", "aria-label": t("map.label") });
  let width = 0;
  /** @type {import("../mapping.js").Place[]} */
  let spots = [];
  /** @type {import("../mapping.js").Frame | null} */
  let of = null;

  function fit() {
    const made = frame(spots, width, chosenBox());
    for (const [name, value] of Object.entries({ width, height: made.height, viewBox: `0 0 ${width} ${made.height}` })) map.setAttribute(name, String(value));
    outline.setAttribute("transform", fitted(land, made));
    map.replaceChildren(outline, grid(made), marks);
    return of = made;
  }

  function show(/** @type {import("../mapping.js").Place[]} */ found) {
    spots = found;
    const before = of;
    if (!width || !spots.length && !before) return;
    const stays = before && (chosenBox() || spots.every((spot) => holds(before, spot)));
    marks.replaceChildren(...circles(spots, stays ? before : fit()));
  }

  new ResizeObserver(() => {
    const room = Math.max(280, Math.min(1160, made.clientWidth - 16));
    if (Math.abs(room - width) < 12 || made.contains(document.activeElement)) return;
    width = room;
    of = null;
    if (map.isConnected) { show(spots); return; }
    fit();
    made.replaceChildren(map, back, caption);
    setTimeout(() => show(spots)); // the land is painted before the circles are placed
  }).observe(made);
  return { made, show };
}

const monthOf = (at) => `${Math.floor(at / 12)}-${String(at % 12 + 1).padStart(2, "0")}`;
const numberOf = (day) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;

/** A slider over the months, and all days at its beginning; `set` shows the month of the address. */
function slider(rows) {
  const first = numberOf(rows[0].start), last = numberOf(rows.at(-1).end);
  const words = (at) => (at ? inWords(monthOf(first + at - 1)) : t("map.all_months"));
  const shown = h("output", { for: "month" });
  const input = h("input", { id: "month", type: "range", min: 0, max: last - first + 1, step: 1 });
  const read = () => { const at = Number(input.value); shown.textContent = words(at); input.setAttribute("aria-valuetext", words(at)); return at; };
  input.addEventListener("input", read);
  input.addEventListener("change", () => { const at = read(), month = monthOf(first + at - 1); setDays(at ? { since: month, until: month } : null, { replace: true }); });
  const set = () => {
    const since = now().get("since") ?? "", until = now().get("until") ?? "";
    const value = since && since.slice(0, 7) === until.slice(0, 7) ? numberOf(since) - first + 1 : 0;
    input.value = String(value);
    input.setAttribute("aria-valuetext", words(value));
    shown.textContent = value || !since ? words(value) : inWords(`${since}/${until || ".."}`);
  };
  set();
  return { made: h("div", { class: "months" }, h("label", { for: "month" }, t("map.month"), " ", shown), input), set };
}

/** The same filter over time: the slider and the bars choose the days that the map shows; `set` shows those of the address. */
function time(query, rows) {
  if (!rows.length) return { made: null, set: () => {} };
  const months = slider(rows), tools = h("div", {});
  const figure = chart(`/v1/timeline?${query}`, { tools, reading: (body) => ({
    name: t("map.when"), key: "map", words: (row) => countedWords(row, body.meta.basis === "signals"),
    open: (row) => setDays({ since: row.start, until: row.end }), zoom: setDays, chosen: filtered() }) });
  const set = () => { months.set(); tools.replaceChildren(wayBack(filtered(), setDays) ?? ""); figure.reader?.mark(filtered()); };
  set();
  return { made: h("section", {}, h("h2", {}, t("map.when")), months.made, figure), set };
}

/** What of the address stays while the days change. */
const still = (query) => `${new URLSearchParams([...query].filter(([name]) => name !== "since" && name !== "until"))}`;

/** The events of a query that have a place, and how many there are with and without one. */
async function ask(query) {
  const placed = query.has("bbox") ? query : new URLSearchParams([...query, ["bbox", WORLD]]);
  const address = `/v1/events?${new URLSearchParams([["limit", String(MOST)], ...placed])}`;
  const [found, all] = await Promise.all([get(`${address}&count=exact&fields=id,title,location`),
    get(`/v1/events?${new URLSearchParams([...query, ["limit", "1"], ["count", "exact"], ["fields", "id"]])}`)]);
  return { address, found, all, spots: places(found.data) };
}

/** Fills the parts of the map that the days change. */
function fill(/** @type {Parts} */ parts, { address, found, all, spots }) {
  const more = found.links.next ? ` ${t("map.newest", { n: MOST })}` : "";
  parts.chips.replaceChildren(chips() ?? "");
  parts.said.replaceChildren(all.meta.count ? h("p", {}, t("map.located", { mapped: found.meta.count, n: all.meta.count }) + more) : nothing(all.meta.reason));
  parts.board.show(spots);
  parts.when.set();
  parts.listed.replaceChildren(spots.length ? longTable(t("map.table"), [t("map.column_place"), t("map.column_events"), t("map.column_latest")], spots, (p) => [p.name, p.events.length,
    h("a", { href: link("event", { id: p.events[0].id }) }, p.events[0].title)]) : "", request(address, found.links));
}

/** @typedef {{ chips: HTMLElement, said: HTMLElement, listed: HTMLElement, board: ReturnType<typeof board>, when: ReturnType<typeof time>, still: string }} Parts */

/** The map that is on the page. @type {Parts | null} */
let current = null;

export async function map() {
  const query = taken([...FILTERS, ...CLOCKS]);
  const ever = new URLSearchParams([...query].filter(([name]) => name !== "since" && name !== "until"));
  const [answer, series, land] = await Promise.all([ask(query), get(`/v1/timeline?${ever}`), get("/explorer/land.json")]);
  const parts = { chips: h("div", {}), said: h("div", {}), listed: h("div", {}), board: board(land), when: time(ever, series.data), still: still(query) };
  fill(parts, answer);
  current = answer.spots.length ? parts : null;
  return [h("h1", {}, t("map.title")), parts.chips, adding(), parts.said, answer.spots.length ? parts.board.made : null, parts.when.made, parts.listed];
}

/** Shows other days on the map that is on the page; false where more than the days of the address is another. */
map.update = async () => {
  const query = taken([...FILTERS, ...CLOCKS]), parts = current;
  if (!parts?.listed.isConnected || parts.still !== still(query)) return false;
  const before = location.search;
  const answer = await ask(query);
  if (location.search !== before) return true;
  rememberFocus();
  fill(parts, answer);
  restoreFocus();
  return true;
};
