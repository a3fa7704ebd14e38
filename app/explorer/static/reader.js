/* Reads a drawing of days: what a period shows in words, which events it has, and a closer look at a stretch. */

import { h } from "./dom.js";
import { t } from "./strings.js";

const DAY = 86400000;
/** Pixels that a pointer moves before it chooses a stretch, and milliseconds before a period is spoken. */
const LEAST_DRAG = 8, SPOKEN_AFTER = 350;
/** Periods that a key moves by. @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12, Home: -Infinity, End: Infinity };

let made = 0;

/**
 * Where the plot of a drawing is, in shares of its size, and its days; null where it has none.
 * @param {SVGSVGElement} svg
 */
export function scaleOf(svg) {
  const { x0, x1, y0, y1, t0, t1 } = svg.dataset;
  if (t0 === undefined) return null;
  const width = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
  const first = Date.parse(t0), last = Date.parse(t1 ?? "");
  const left = Number(x0) / width, wide = (Number(x1) - Number(x0)) / width;
  return { left, wide, top: Number(y0) / height, high: (Number(y1) - Number(y0)) / height,
    share: (/** @type {string} */ day) => Math.max(0, Math.min(1, (Date.parse(day) - first) / (last - first))),
    dayAt: (/** @type {number} */ share) => new Date(first + Math.max(0, Math.min(.999999, share)) * (last - first)).toISOString().slice(0, 10) };
}

const after = (/** @type {string} */ day) => new Date(Date.parse(day) + DAY).toISOString().slice(0, 10);
const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(3)}%`;

/**
 * A period of a drawing, with whatever its words need.
 * @typedef {{ start: string, end: string, [field: string]: any }} Period
 *
 * @typedef {{ since: string, until: string, open?: boolean }} Stretch
 *
 * @typedef {{ name: string, words: (row: Period) => { title: string, lines: string[] }, open?: (row: Period) => void,
 *   zoom?: (days: Stretch) => void, height?: (row: Period) => number | null, key?: string, chosen?: Stretch | null }} Reading
 */

/**
 * Lays a reader over a drawing. `rows` have a first and a last day, `start` and `end`; `words` makes a title and
 * lines of one; `open` shows its events; `zoom` draws a stretch. `height` is the share of the plot at which a ring is
 * drawn, null for none; `chosen` are days that are marked.
 * @param {SVGSVGElement} svg
 * @param {Period[]} rows
 * @param {Reading} reading
 */
export function reader(svg, rows, reading) {
  const scale = scaleOf(svg);
  return scale && rows.length ? layOver(scale, rows, reading) : null;
}

/**
 * @param {NonNullable<ReturnType<typeof scaleOf>>} scale
 * @param {Period[]} rows
 * @param {Reading} reading
 */
function layOver(scale, rows, { name, words, open, zoom, height = () => null, key = name, chosen = null }) {
  const help = h("p", { class: "hidden", id: `reader-${made += 1}` }, t("reader.keys"));
  const band = h("div", { class: "band", hidden: true }), ring = h("div", { class: "ring", hidden: true });
  const brush = h("div", { class: "brush", hidden: true });
  const said = h("p", { class: "hidden", "aria-live": "polite" });
  const tip = h("div", { class: "tip", hidden: true });
  const plot = h("div", { class: "plot", role: "slider", tabindex: 0, "aria-label": t("reader.label", { name }), "aria-describedby": help.id,
    "aria-valuemin": 0, "aria-valuemax": rows.length - 1, "data-key": `reader-${key}` }, band, ring, brush);
  Object.assign(plot.style, { left: percent(scale.left), width: percent(scale.wide), top: percent(scale.top), height: percent(scale.high) });
  const kept = h("div", { class: "brush" });
  plot.append(kept);
  let at = rows.length - 1, frame = 0, touched = -1;
  /** @type {number | null} */
  let from = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let clock;
  /** @type {{ x: number, index: number, chosen: Stretch | null, shown: number } | null} */
  let drag = null;
  plot.setAttribute("aria-valuenow", String(at));
  plot.setAttribute("aria-valuetext", words(rows[at]).title);

  const indexAt = (/** @type {string} */ day) => {
    const found = rows.findIndex((row) => row.end >= day);
    return found < 0 ? rows.length - 1 : found;
  };
  const place = (/** @type {HTMLElement} */ part, /** @type {string} */ first, /** @type {string} */ last) => Object.assign(part.style, { left: percent(scale.share(first)), width: percent(scale.share(after(last)) - scale.share(first)) });

  /**
   * Marks days that are chosen elsewhere; null for none.
   * @param {Stretch | null} days
   */
  function mark(days) {
    kept.hidden = !days || Boolean(days.open);
    if (days && !days.open) place(kept, days.since, days.until);
  }
  mark(chosen);

  function show(/** @type {number} */ index, { quietly = false } = {}) {
    at = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[at], { title, lines } = words(row);
    place(band, row.start, row.end);
    band.hidden = false;
    const level = height(row);
    ring.hidden = level === null;
    if (level !== null) Object.assign(ring.style, { left: percent(scale.share(row.end)), top: percent(level) });
    tip.classList.toggle("low", level !== null && level < .5);
    tip.replaceChildren(h("strong", {}, title), ...lines.map((line) => h("span", {}, line)));
    tip.hidden = false;
    const middle = scale.left + scale.wide * scale.share(row.start);
    tip.classList.toggle("before", middle > .5);
    Object.assign(tip.style, middle > .5 ? { right: percent(1 - middle), left: "auto" } : { left: percent(scale.left + scale.wide * scale.share(after(row.end))), right: "auto" });
    plot.setAttribute("aria-valuenow", String(at));
    plot.setAttribute("aria-valuetext", title);
    clearTimeout(clock);
    if (quietly) return;
    clock = setTimeout(() => { said.textContent = lines.join(". "); }, SPOKEN_AFTER);
    plot.dispatchEvent(new CustomEvent("read", { bubbles: true, detail: row.end }));
  }

  function hide() {
    for (const part of [band, ring, tip]) part.hidden = true;
    clearTimeout(clock);
  }

  /** Shows the stretch that is chosen so far, from one period to another. */
  function choose(/** @type {number} */ one, /** @type {number} */ other) {
    const [first, last] = [rows[Math.min(one, other)], rows[Math.max(one, other)]];
    place(brush, first.start, last.end);
    brush.hidden = false;
    return { since: first.start, until: last.end };
  }

  function release() {
    from = null;
    brush.hidden = true;
  }

  const shareOf = (/** @type {PointerEvent} */ event) => {
    const box = plot.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  const indexOf = (/** @type {PointerEvent} */ event) => indexAt(scale.dayAt(shareOf(event)));

  plot.addEventListener("pointermove", (event) => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const index = indexOf(event);
      if (drag && zoom && Math.abs(event.clientX - drag.x) > LEAST_DRAG) drag.chosen = choose(drag.index, index);
      if (index !== at || tip.hidden) show(index);
    });
  });
  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, index: indexOf(event), chosen: null, shown: touched };
  });
  plot.addEventListener("pointercancel", () => { drag = null; release(); });
  plot.addEventListener("pointerup", (event) => {
    cancelAnimationFrame(frame);
    const done = drag;
    drag = null;
    if (!done) return;
    const index = indexOf(event);
    if (zoom && Math.abs(event.clientX - done.x) > LEAST_DRAG) { const chosen = choose(done.index, index); release(); zoom(chosen); return; }
    show(index);
    if (event.pointerType === "mouse" || done.shown === index) open?.(rows[index]);
    else touched = index; /* a first tap reads, a second one on the same period follows */
  });
  plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !drag && document.activeElement !== plot) { hide(); release(); } });
  plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) show(at); });
  plot.addEventListener("blur", () => { hide(); release(); });
  plot.addEventListener("keydown", (press) => {
    if (press.key === "Enter") {
      press.preventDefault();
      if (from !== null && zoom) { const chosen = choose(from, at); release(); zoom(chosen); } else open?.(rows[at]);
    } else if (press.key === "Escape") {
      if (from !== null) release(); else hide();
    } else if (STEPS[press.key] !== undefined && !press.altKey && !press.ctrlKey && !press.metaKey) {
      press.preventDefault();
      const before = at;
      show(at + STEPS[press.key]);
      if (!press.shiftKey || !zoom) { release(); return; }
      const begun = from ??= before;
      const { since, until } = choose(begun, at);
      clearTimeout(clock);
      said.textContent = t("reader.chosen", { since: words({ ...rows[Math.min(begun, at)] }).title, until: words(rows[Math.max(begun, at)]).title, days: `${since}/${until}` });
    }
  });
  return { parts: [plot, tip, said, help], showDay: (/** @type {string} */ day) => show(indexAt(day), { quietly: true }), hide, mark };
}
