/* Where it happened: events of a filter that have coordinates, over the land. */

import { get } from "../api.js";
import { h, table } from "../dom.js";
import { request } from "../request.js";
import { CLOCKS, FILTERS, link, taken } from "../state.js";
import { nothing } from "../states.js";
import { t } from "../strings.js";
import { adding, chips } from "./events.js";

const SVG = "http://www.w3.org/2000/svg";
const STRETCH = 1.35; /* of latitude, so that the middle latitudes keep their shape */
const MOST = 1000;

function s(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

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

/** The part of the world that holds all places, in the shape of the picture. */
function frame(spots, width) {
  const height = Math.round(Math.max(260, Math.min(560, width * .6)));
  const lons = spots.map((p) => p.lon), lats = spots.map((p) => p.lat);
  const middle = (all) => (Math.min(...all) + Math.max(...all)) / 2;
  const reach = (all, least) => Math.max(least, (Math.max(...all) - Math.min(...all)) * 1.16);
  const scale = Math.min(width / reach(lons, 16), height / (reach(lats, 8) * STRETCH));
  const west = middle(lons) - width / scale / 2;
  const north = Math.min(90, middle(lats) + height / scale / STRETCH / 2);
  return { width, height, scale, west, north, east: west + width / scale, south: north - height / scale / STRETCH,
    x: (lon) => (lon - west) * scale, y: (lat) => (north - lat) * scale * STRETCH };
}

/** Outlines within the frame as one path; a ring is its first point, then steps of 1 / scale degrees. */
function outlines(land, of) {
  const path = [];
  for (const ring of land.rings) {
    let lon = 0, lat = 0, visible = false;
    const points = [];
    for (let n = 0; n < ring.length; n += 2) {
      lon += ring[n]; lat += ring[n + 1];
      const [east, north] = [lon / land.scale, lat / land.scale];
      visible ||= east > of.west && east < of.east && north > of.south && north < of.north;
      points.push(`${of.x(east).toFixed(1)} ${of.y(north).toFixed(1)}`);
    }
    if (visible || within(ring, land.scale, of)) path.push(`M${points.join("L")}Z`);
  }
  return path.join("");
}

/** Whether a ring goes around the frame without a point in it. */
function within(ring, scale, of) {
  let west = 999, east = -999, south = 999, north = -999, lon = 0, lat = 0;
  for (let n = 0; n < ring.length; n += 2) {
    lon += ring[n]; lat += ring[n + 1];
    west = Math.min(west, lon / scale); east = Math.max(east, lon / scale);
    south = Math.min(south, lat / scale); north = Math.max(north, lat / scale);
  }
  return west < of.east && east > of.west && south < of.north && north > of.south;
}

function grid(of) {
  const step = [1, 2, 5, 10, 15, 30].find((n) => (of.east - of.west) / n <= of.width / 90) ?? 30;
  const lines = [];
  for (let lon = Math.ceil(of.west / step) * step; lon <= of.east; lon += step) {
    lines.push(s("line", { x1: of.x(lon), x2: of.x(lon), y1: 0, y2: of.height }), s("text", { x: of.x(lon) + 3, y: of.height - 4 }, `${lon}°`));
  }
  for (let lat = Math.ceil(of.south / step) * step; lat <= of.north; lat += step) {
    lines.push(s("line", { x1: 0, x2: of.width, y1: of.y(lat), y2: of.y(lat) }), s("text", { x: 3, y: of.y(lat) - 3 }, `${lat}°`));
  }
  return s("g", { class: "grid", "aria-hidden": "true" }, ...lines);
}

const LETTER = 6.6, LINE = 14;

/** The places of a name around its circle, the best first: to the right, the left, above, below, and between. */
const AROUND = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];

/** A name where it is free of the names and circles before it; with `always` in its best place at least. */
function label(name, at, radius, taken, frame, always) {
  const long = name.length * LETTER;
  const boxes = AROUND.map(([x, y]) => {
    const reach = x && y ? radius * .75 : radius;
    const left = at[0] + x * (reach + 3) - (x < 0 ? long : x ? 0 : long / 2);
    const middle = at[1] + y * (reach + LINE / 2);
    return [left, middle - LINE / 2, left + long, middle + LINE / 2];
  }).filter((box) => box[0] > 2 && box[2] < frame.width - 2 && box[1] > 0 && box[3] < frame.height);
  const free = boxes.find((box) => !taken.some((other) => other[0] < box[2] && other[2] > box[0] && other[1] < box[3] && other[3] > box[1]));
  const box = free ?? (always ? boxes[0] : null);
  if (!box) return null;
  taken.push(box);
  return s("text", { x: box[0], y: box[1] + LINE / 2 + 4 }, name);
}

function drawn(spots, land, width) {
  const of = frame(spots, width);
  const map = s("svg", { width: of.width, height: of.height, viewBox: `0 0 ${of.width} ${of.height}`, role: "group", "aria-label": t("map.label") });
  map.append(s("path", { class: "land", d: outlines(land, of), "aria-hidden": "true" }), grid(of));
  const marks = spots.map((place) => ({ place, at: [of.x(place.lon), of.y(place.lat)], radius: 4 + 2.5 * Math.sqrt(place.events.length) }));
  const taken = marks.map(({ at, radius: r }) => [at[0] - r * .7, at[1] - r * .7, at[0] + r * .7, at[1] + r * .7]);
  const names = [];
  for (const [n, { place, at, radius }] of marks.entries()) {
    const title = t("map.place", { name: place.name, n: place.events.length });
    const name = label(place.name, at, radius, taken, of, n < 2);
    if (name) names.push(name);
    map.append(s("a", { href: link("events", { ...Object.fromEntries(narrowed()), near: `${place.lat},${place.lon},5` }), "aria-label": title },
      s("circle", { cx: at[0], cy: at[1], r: radius }, s("title", {}, title))));
  }
  map.append(s("g", { class: "names", "aria-hidden": "true" }, ...names));
  return map;
}

const narrowed = () => [...taken(FILTERS)].filter(([name]) => name !== "near" && name !== "bbox");

function figure(spots, land) {
  const made = h("figure", { class: "map" });
  const caption = h("figcaption", {}, t("map.caption", { source: land.source }));
  let width = 0;
  new ResizeObserver(() => {
    const room = Math.max(280, Math.min(1160, made.clientWidth - 16));
    if (Math.abs(room - width) < 12 || made.contains(document.activeElement)) return;
    width = room;
    made.replaceChildren(drawn(spots, land, width), caption);
  }).observe(made);
  return made;
}

export async function map() {
  const query = taken([...FILTERS, ...CLOCKS]);
  const address = `/v1/events?${new URLSearchParams([["limit", String(MOST)], ...query])}`;
  const [found, land] = await Promise.all([get(address), get("/explorer/land.json")]);
  const spots = places(found.data);
  const mapped = spots.reduce((sum, p) => sum + p.events.length, 0);
  const more = found.links.next ? ` ${t("map.newest", { n: MOST })}` : "";
  return [h("h1", {}, t("map.title")), chips(), adding(),
    found.data.length ? h("p", {}, t("map.located", { mapped, n: found.data.length }) + more) : nothing(found.meta.reason),
    spots.length ? [figure(spots, land), table(t("map.table"), [t("map.column_place"), t("map.column_events"), t("map.column_latest")], spots.map((p) => [p.name, p.events.length,
      h("a", { href: link("event", { id: p.events[0].id }) }, p.events[0].title)]))] : null,
    request(address, found.links)];
}
