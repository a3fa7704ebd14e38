/* The parts of a map: what of the world is shown, the land, and names that lie on no other. */

const SVG = "http://www.w3.org/2000/svg";
const STRETCH = 1.35; /* of latitude, so that the middle latitudes keep their shape */

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {Record<string, string | number | null>} attributes
 * @param {...(Node | string)} children
 */
export function s(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * @typedef {{ id: string, title: string }} PlacedEvent
 * @typedef {{ lat: number, lon: number, name: string, events: PlacedEvent[] }} Place
 * @typedef {{ width: number, height: number, scale: number, west: number, north: number, east: number, south: number, x: (lon: number) => number, y: (lat: number) => number }} Frame
 * @typedef {[number, number, number, number]} Box
 */

/**
 * The part of the world that holds all places, in the shape of the picture.
 * @param {Place[]} spots
 * @param {number} width
 * @param {Box | null} box
 * @returns {Frame}
 */
export function frame(spots, width, box = null) {
  const height = Math.round(Math.max(260, Math.min(560, width * .6)));
  const lons = box ? [box[0], box[2]] : spots.map((p) => p.lon), lats = box ? [box[1], box[3]] : spots.map((p) => p.lat);
  const middle = (/** @type {number[]} */ all) => (Math.min(...all) + Math.max(...all)) / 2;
  const reach = (/** @type {number[]} */ all, /** @type {number} */ least) => Math.max(least, (Math.max(...all) - Math.min(...all)) * 1.16);
  const scale = Math.min(width / reach(lons, box ? .02 : 16), height / (reach(lats, box ? .01 : 8) * STRETCH));
  const west = middle(lons) - width / scale / 2;
  const north = Math.min(90, middle(lats) + height / scale / STRETCH / 2);
  return { width, height, scale, west, north, east: west + width / scale, south: north - height / scale / STRETCH,
    x: (lon) => (lon - west) * scale, y: (lat) => (north - lat) * scale * STRETCH };
}

/** Whether a place is in a frame, with some room for its circle. */
export const holds = (/** @type {Frame} */ of, /** @type {Place} */ place) => place.lon > of.west && place.lon < of.east && place.lat > of.south && place.lat < of.north;

/**
 * The land as one path in its own units, a ring being its first point and then steps; a frame only moves and scales it.
 * @param {{ rings: number[][] }} land
 */
export const outlines = (land) => land.rings.map((ring) => `M${ring[0]} ${ring[1]}l${ring.slice(2).join(" ")}z`).join("");

/** How the path of the land is moved and scaled into a frame. */
export function fitted(/** @type {{ scale: number }} */ land, /** @type {Frame} */ of) {
  const [wide, high] = [of.scale / land.scale, of.scale * STRETCH / land.scale];
  return `matrix(${wide} 0 0 ${-high} ${-of.west * of.scale} ${of.north * of.scale * STRETCH})`;
}

const degrees = (/** @type {number} */ n) => `${Number(n.toFixed(1))}°`.replace("-", "−");

/** Meridians and parallels of a frame, with their degrees. */
export function grid(/** @type {Frame} */ of) {
  const step = [.1, .2, .5, 1, 2, 5, 10, 15, 30].find((n) => (of.east - of.west) / n <= of.width / 90) ?? 30;
  const lines = [];
  for (let lon = Math.ceil(of.west / step) * step; lon <= of.east; lon += step) {
    lines.push(s("line", { x1: of.x(lon), x2: of.x(lon), y1: 0, y2: of.height }), s("text", { x: of.x(lon) + 3, y: of.height - 4 }, degrees(lon)));
  }
  for (let lat = Math.ceil(of.south / step) * step; lat <= of.north; lat += step) {
    lines.push(s("line", { x1: 0, x2: of.width, y1: of.y(lat), y2: of.y(lat) }), s("text", { x: 3, y: of.y(lat) - 3 }, degrees(lat)));
  }
  return s("g", { class: "grid", "aria-hidden": "true" }, ...lines);
}

const LETTER = 6.6, LINE = 14;

/** The places of a name around its circle, the best first: to the right, the left, above, below, and between. */
const AROUND = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];

/** The area that two boxes share. */
const shared = (/** @type {number[]} */ a, /** @type {number[]} */ b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

/**
 * A name where it is free of the names and circles before it; with `always` in its best place at least.
 * @param {string} name
 * @param {[number, number]} at
 * @param {number} radius
 * @param {number[][]} taken
 * @param {Frame} frame
 * @param {boolean} always
 */
export function label(name, at, radius, taken, frame, always) {
  const long = name.length * LETTER;
  const boxes = AROUND.map(([x, y]) => {
    const reach = x && y ? radius * .75 : radius;
    const left = at[0] + x * (reach + 3) - (x < 0 ? long : x ? 0 : long / 2);
    const middle = at[1] + y * (reach + LINE / 2);
    return [left, middle - LINE / 2, left + long, middle + LINE / 2];
  }).filter((box) => box[0] > 2 && box[2] < frame.width - 2 && box[1] > 0 && box[3] < frame.height);
  const covered = boxes.map((box) => taken.reduce((sum, other) => sum + shared(box, other), 0));
  const least = Math.min(...covered);
  const box = least === 0 || always ? boxes[covered.indexOf(least)] : null;
  if (!box) return null;
  taken.push(box);
  return s("text", { x: box[0], y: box[1] + LINE / 2 + 4 }, name);
}

/** Pixels within which places are one circle with their number, on a map as wide as this or wider, and on a phone. */
const NEAR = 32, NEAR_ON_PHONE = 24, WIDE = 500;

export const nearOf = (/** @type {Frame} */ of) => (of.width < WIDE ? NEAR_ON_PHONE : NEAR);

/**
 * Places that would lie on each other are gathered around the largest of them; `places` are in order of size.
 * @param {Place[]} places
 * @param {Frame} of
 */
export function clusters(places, of) {
  /** @type {{ x: number, y: number, places: Place[] }[]} */
  const found = [];
  for (const place of places) {
    const x = of.x(place.lon), y = of.y(place.lat);
    const near = found.find((one) => Math.hypot(one.x - x, one.y - y) < nearOf(of));
    if (near) near.places.push(place); else found.push({ x, y, places: [place] });
  }
  return found.map((one) => ({ ...one, count: one.places.reduce((sum, place) => sum + place.events.length, 0) })).sort((a, b) => b.count - a.count);
}

const DEGREE = 1000;

/** The part of the world that holds some places, as `bbox`, with some room around them. */
export function boxOf(/** @type {Place[]} */ places) {
  const lons = places.map((p) => p.lon), lats = places.map((p) => p.lat);
  const room = Math.max(.02, .15 * Math.max(Math.max(...lons) - Math.min(...lons), Math.max(...lats) - Math.min(...lats)));
  const round = (/** @type {number} */ x, /** @type {number} */ least, /** @type {number} */ most) => Math.round(Math.max(least, Math.min(most, x)) * DEGREE) / DEGREE;
  return [round(Math.min(...lons) - room, -180, 180), round(Math.min(...lats) - room, -90, 90), round(Math.max(...lons) + room, -180, 180), round(Math.max(...lats) + room, -90, 90)];
}
