/* What a result consists of, with counts: each value narrows the result, or is taken back. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { later } from "./part.js";
import { now } from "./state.js";
import { number, t, word } from "./strings.js";

/** @type {[string, import("./strings.js").Key][]} */
const FACES = [["effect", "facets.effect"], ["actor", "facets.actor"], ["type", "facets.type"], ["tag", "facets.tag"], ["publisher", "facets.publisher"], ["country", "facets.country"], ["dataset", "facets.dataset"]];
const SHOWN = 5;

/** The address with a value added to a filter, or taken from it. */
function toggled(name, value, isSet) {
  const pairs = [...now()].filter(([n, v]) => !(isSet && n === name && v === value));
  if (!isSet) pairs.push([name, value]);
  return `/?${new URLSearchParams(pairs)}`;
}

function face(name, title, counts) {
  const set = now().getAll(name);
  const known = counts.filter((one) => one.value !== null);
  const first = known.filter((one, n) => n < SHOWN || set.includes(one.value));
  const line = (one) => {
    const isSet = set.includes(one.value);
    return h("li", {}, h("a", { href: toggled(name, one.value, isSet), "data-key": `facet-${name}-${one.value}`, "aria-current": isSet ? "true" : null },
      one.name ?? word(name, one.value), isSet ? " ×" : ""), " ", h("span", { class: "quiet" }, number(one.count)));
  };
  const rest = known.filter((one) => !first.includes(one));
  const whole = h("ul", {}, first.map(line));
  const more = rest.length ? h("li", {}, h("button", { type: "button", class: "link", onclick: () => { more?.remove(); whole.append(...rest.map(line)); } }, t("facets.more", { n: rest.length }))) : null;
  if (more) whole.append(more);
  return known.length ? h("section", {}, h("h2", {}, title), whole) : null;
}

/** Whether a query names two sides, who are brought together or apart. */
const isOfPair = (query) => new Set(query.getAll("between").flatMap((names) => names.split(","))).size === 2;

/** The counts of a query by some fields; without the effect where one of a pair is a person, who has no signals. */
async function count(query, faces) {
  const names = faces.map(([name]) => name);
  const ask = (by) => get(`/v1/facets?${new URLSearchParams([...query, ["by", by.join(",")]])}`);
  try { return await ask(names); }
  catch (error) {
    if (error.status !== 422 || names[0] !== "effect") throw error;
    return ask(names.slice(1));
  }
}

/** The facets of the events that a query finds. */
export function facets(query) {
  const faces = FACES.slice(isOfPair(query) ? 0 : 1);
  const part = later(t("facets.counting"), async () => {
    const found = await count(query, faces);
    const parts = faces.filter(([name]) => found.data[name]).map(([name, title]) => face(name, t(title), found.data[name])).filter(Boolean);
    return parts.length ? h("details", { class: "facets", open: matchMedia("(min-width: 60rem)").matches },
      h("summary", {}, t("facets.title")), h("div", {}, parts)) : null;
  });
  part.classList.add("facets-place");
  return part;
}
