/* Where it happened: events of a filter that have coordinates, over a plain grid of degrees. */

import { get, nothing } from "../api.js";
import { h, table } from "../dom.js";
import { request } from "../request.js";
import { CLOCKS, FILTERS, link, taken } from "../state.js";
import { adding, chips } from "./events.js";

const SVG = "http://www.w3.org/2000/svg";
function s(tag, given, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function places(events) {
  const found = new Map();
  for (const event of events) {
    const at = event.location;
    if (at?.lat === null || at?.lat === undefined || at.lon === null) continue;
    const key = `${at.lat},${at.lon}`;
    if (!found.has(key)) found.set(key, { lat: at.lat, lon: at.lon, name: at.name ?? key, events: [] });
    found.get(key).events.push(event);
  }
  return [...found.values()].sort((a, b) => b.events.length - a.events.length);
}

function drawn(held) {
  const pad = 4;
  const lons = held.map((p) => p.lon), lats = held.map((p) => p.lat);
  const west = Math.max(-180, Math.min(...lons) - pad), east = Math.min(180, Math.max(...lons) + pad);
  const south = Math.max(-90, Math.min(...lats) - pad), north = Math.min(90, Math.max(...lats) + pad);
  const width = 960, scale = width / (east - west), height = Math.max(200, Math.min(560, (north - south) * scale * 1.3));
  const x = (lon) => (lon - west) * scale, y = (lat) => ((north - lat) / (north - south)) * height;
  const step = [1, 2, 5, 10, 15, 30].find((n) => (east - west) / n <= 12) ?? 30;
  const map = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Map of events; the table below holds the same" });
  for (let lon = Math.ceil(west / step) * step; lon <= east; lon += step) {
    map.append(s("line", { x1: x(lon), x2: x(lon), y1: 0, y2: height }), s("text", { x: x(lon) + 3, y: height - 4 }, `${lon}°`));
  }
  for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
    map.append(s("line", { x1: 0, x2: width, y1: y(lat), y2: y(lat) }), s("text", { x: 3, y: y(lat) - 3 }, `${lat}°`));
  }
  const named = [];
  for (const place of held) {
    const at = [x(place.lon), y(place.lat)];
    const free = named.every(([a, b]) => Math.abs(a - at[0]) > 90 || Math.abs(b - at[1]) > 14);
    if (free) named.push(at);
    const right = at[0] > width - 120;
    const told = `${place.name}: ${place.events.length} ${place.events.length === 1 ? "event" : "events"}`;
    map.append(s("a", { href: link("events", { ...Object.fromEntries(taken(FILTERS)), near: `${place.lat},${place.lon},5` }), "aria-label": told },
      s("circle", { cx: at[0], cy: at[1], r: 5 + 3 * Math.sqrt(place.events.length) }, s("title", {}, told)),
      ...(free ? [s("text", { x: at[0] + (right ? -9 : 9), y: at[1] - 7, "text-anchor": right ? "end" : "start" }, place.name)] : [])));
  }
  return h("figure", { class: "map" }, map);
}

export async function map() {
  const query = taken([...FILTERS, ...CLOCKS]);
  const address = `/v1/events?${new URLSearchParams([["limit", "1000"], ...query])}`;
  const found = await get(address);
  const held = places(found.data);
  const mapped = held.reduce((sum, p) => sum + p.events.length, 0);
  const more = found.links.next ? " These are the newest 1,000; narrow the filter for the rest." : "";
  return [h("h1", {}, "Where it happened"), chips(), adding(),
    found.data.length ? h("p", {}, `${mapped} of ${found.data.length} events have coordinates.${more}`) : nothing(found.meta.reason),
    held.length ? [drawn(held), table("Places", ["place", "events", "latest"], held.map((p) => [p.name, p.events.length,
      h("a", { href: link("event", { id: p.events[0].id }) }, p.events[0].title)]))] : null,
    request(address, found.links)];
}
