/* Dyads side by side, over the same days and on the same scale. */

import { get } from "../api.js";
import { combobox } from "../combobox.js";
import { field, h } from "../dom.js";
import { form } from "../forms.js";
import { awaitNames, fillNames } from "../names.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";
import { setDays, wayBack, filtered } from "../stretch.js";
import { t } from "../strings.js";
import { curve } from "./shift.js";

const MOST = 9;
/** How people write a pair, the plainest first: a hyphen may belong to a code. */
const BETWEEN = [">", "→", ",", "–", "—", " toward ", " vs ", "-"];

/** @typedef {{ actor: string, toward: string }} Pair */

/**
 * The two sides of a pair as it was written; null where it has no two.
 * @param {string} text
 * @returns {Pair | null}
 */
function sides(text) {
  for (const mark of BETWEEN) {
    const parts = text.split(mark).map((side) => side.trim());
    if (parts.length === 2 && parts.every(Boolean)) return { actor: parts[0], toward: parts[1] };
  }
  return null;
}

/** The pairs of the address; older addresses name them `dyad1` and `dyad2`. */
function written() {
  const found = now();
  return ["pair", "dyad1", "dyad2"].flatMap((name) => found.getAll(name)).filter(Boolean);
}

function asked(/** @type {Pair} */ { actor, toward }) {
  return new URLSearchParams([["actor", actor], ["toward", toward], ["granularity", "month"],
    ...taken(["since", "until", "dataset", "as_of", "known_by"])]);
}

/** The days of all pairs together, so that each is drawn over the same; a pair that fails has none. */
async function span(/** @type {Pair[]} */ pairs) {
  const found = await Promise.allSettled(pairs.map((pair) => get(`/v1/alignment?${asked(pair)}`)));
  const rows = found.flatMap((one) => (one.status === "fulfilled" ? one.value.data : []));
  if (!rows.length) return [];
  return [["since", rows.map((r) => r.start).sort()[0]], ["until", rows.map((r) => r.end).sort().at(-1)]];
}

/** A pair by its names; what was written where it is none. */
const named = (/** @type {Pair | null} */ pair, /** @type {string} */ text) => (pair
  ? fillNames(h("span", {}), [pair.actor, pair.toward], ([actor, toward]) => t("pair.toward", { actor, toward })) : t("compare.wrong", { text }));

function panel(/** @type {Pair} */ pair, days) {
  const { actor, toward } = pair;
  return h("section", {}, fillNames(h("h2", {}), [actor, toward], ([who, whom]) => t("pair.toward", { actor: who, toward: whom })), later(t("compare.drawing"), async () => {
    const query = asked(pair);
    for (const [name, value] of await days) query.set(name, value);
    return [curve(query, { days: null, zoom: setDays, key: `curve-${actor}-${toward}` }), request(`/v1/alignment?${query}`), h("p", {}, h("a", { href: link("shift", pair) }, t("compare.shifts")))];
  }));
}

/** Charts side by side; what is read in one is shown in all. */
function side(panels) {
  const all = h("div", { class: "multiples" }, panels);
  const figures = () => /** @type {NodeListOf<import("../chart.js").ChartFigure>} */ (all.querySelectorAll("figure"));
  all.addEventListener("read", (read) => {
    const { target, detail } = /** @type {CustomEvent<string> & { target: Node }} */ (read);
    for (const figure of figures()) if (!figure.contains(target)) figure.reader?.showDay(detail);
  });
  const hide = () => { for (const figure of figures()) figure.reader?.hide(); };
  all.addEventListener("pointerleave", hide);
  all.addEventListener("focusout", (out) => { if (!all.contains(/** @type {Node | null} */ (out.relatedTarget))) hide(); });
  return all;
}

function without(n) {
  const found = now();
  const kept = written().filter((_, at) => at !== n);
  for (const name of ["pair", "dyad1", "dyad2"]) found.delete(name);
  for (const one of kept) found.append("pair", one);
  go(`/?${found}`);
}

export async function compare() {
  const found = now();
  if (!written().length || found.has("dyad1") || found.has("dyad2")) {
    const pairs = written().length ? written() : ["ARM>RUS", "ARM>EU"];
    for (const name of ["pair", "dyad1", "dyad2"]) found.delete(name);
    for (const text of pairs) { const pair = sides(text); found.append("pair", pair ? `${pair.actor}>${pair.toward}` : text); }
    history.replaceState(history.state, "", `/?${found}`);
  }
  const texts = written().slice(0, MOST);
  const pairs = texts.map(sides);
  const known = pairs.filter((pair) => pair !== null);
  const days = span(known);
  await awaitNames(known.flatMap((pair) => [pair.actor, pair.toward]));
  return [
    h("h1", {}, t("compare.title")),
    h("ul", { class: "chips", "aria-label": t("compare.pairs") }, texts.map((text, n) => h("li", { class: pairs[n] ? null : "wrong" },
      named(pairs[n], text),
      h("button", { type: "button", "data-key": `pair-${Math.min(n, texts.length - 2)}`, "aria-label": t("names.remove", { name: text }), onclick: () => without(n) }, "×")))),
    form(t("compare.add_pair"), [
      combobox({ name: "actor", label: t("shift.who"), size: 14 }), combobox({ name: "toward", label: t("shift.toward"), size: 14 }),
      field("since", t("filter.since"), now().get("since") ?? "", { size: 9 }), field("until", t("filter.until"), now().get("until") ?? "", { size: 9 }),
      h("button", { "data-key": "add-pair" }, t("compare.add")),
    ], (filled) => {
      const set = Object.fromEntries(filled);
      const next = now();
      for (const name of ["since", "until"]) if (set[name]) next.set(name, set[name]); else next.delete(name);
      if (set.actor && set.toward) next.append("pair", `${set.actor}>${set.toward}`);
      go(`/?${next}`);
    }),
    h("p", { class: "quiet" }, t("compare.scale")), wayBack(filtered(), setDays), side(known.map((pair) => panel(pair, days))),
  ];
}
