/* Events by any filter: the filter as chips that mirror the address, so that a link is a finding. */

import { chart } from "../chart.js";
import { combobox } from "../combobox.js";
import { inWords } from "../dates.js";
import { choice, field, h, say } from "../dom.js";
import { facets } from "../facets.js";
import { form } from "../forms.js";
import { list } from "../list.js";
import { awaitNames, fillNames } from "../names.js";
import { request } from "../request.js";
import { countedWords } from "../periods.js";
import { CLOCKS, FILTERS, go, now, taken } from "../state.js";
import { filtered, setDays, wayBack } from "../stretch.js";
import { lookUp, t, word } from "../strings.js";

const TYPES = ["", "AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT", "REQUEST", "ACCUSE", "REJECT", "THREATEN", "PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"];
const ROLES = ["", "initiator", "target", "participant", "host", "affected", "mediator", "absent"];

const worded = (group, codes) => codes.map((code) => (code ? [code, word(group, code)] : code));

/** Filters whose values are actors, days, and codes with words of their own. */
const ACTORS = ["actor", "between", "initiator", "target", "via", "member_of", "country"], DAYS = ["since", "until", "known_by"], CODES = ["type", "role", "status", "quad", "effect"];
/** What goes with a filter that is taken off: an effect is one on the two of a pair. */
const WITH = { between: ["effect"] };

const labelOf = (name) => lookUp(`filter.${name}`) ?? name;

/** The value of a filter in words; actors by their codes. */
function describeValue(name, value) {
  if (DAYS.includes(name)) return inWords(value);
  return CODES.includes(name) ? value.split(",").map((code) => word(name, code)).join(", ") : value;
}

/** A filter in words, with the names of actors as soon as they are known, and with its code on demand. */
function chosen(name, value) {
  const write = (text) => t("events.chip", { name: labelOf(name), value: text });
  const made = h("span", { title: `${name}=${value}` }, write(describeValue(name, value)));
  return ACTORS.includes(name) ? fillNames(made, value.split(","), (names) => write(names.join(name === "between" ? " – " : ", "))) : made;
}

/** Chips of the filters that are set; each can be taken off. */
export function chips() {
  const set = [...now()].filter(([name, value]) => value && [...FILTERS, ...CLOCKS].includes(name));
  if (!set.length) return null;
  return h("ul", { class: "chips", "aria-label": t("events.filters") }, set.map(([name, value], n) => h("li", {},
    chosen(name, value),
    h("button", { type: "button", "data-key": `chip-${Math.min(n, set.length - 2)}`, "aria-label": t("names.remove", { name: t("events.chip", { name: labelOf(name), value: describeValue(name, value) }) }), onclick: () => {
      const rest = new URLSearchParams([...now()].filter(([own, v]) => (own !== name || v !== value) && !WITH[name]?.includes(own)));
      go(`/?${rest}`);
    } }, "×"))));
}

/** Filters of which there is one; of the others each adds to those before it. */
const SINGLE = ["since", "until", "q", "between", "min_reliability", "min_independent_sources"];

let opened = null;

/** A form that adds to the filters of the address; open at first where none is set. */
export function adding() {
  const alone = matchMedia("(min-width: 40rem)").matches && ![...now().keys()].some((name) => FILTERS.includes(name));
  return h("details", { class: "adding", open: opened ?? alone, ontoggle: (toggle) => { opened = toggle.target.open; } }, h("summary", { "data-key": "add-filters" }, t("events.add_filters")), form(t("events.add_filters"), [
    field("q", t("filter.q"), "", { size: 16 }), combobox({ name: "actor", label: t("filter.actor"), size: 14 }),
    combobox({ name: "between", label: t("filter.between"), many: true, size: 14, value: now().getAll("between").join(",") }),
    field("since", t("filter.since"), "", { size: 10, placeholder: "2023-09" }),
    field("until", t("filter.until"), "", { size: 10 }), choice("type", t("filter.type"), worded("type", TYPES), ""), choice("role", t("filter.role"), worded("role", ROLES), ""),
    combobox({ name: "member_of", label: t("filter.member_of"), size: 10 }), combobox({ name: "country", label: t("filter.country"), size: 10 }),
    field("tag", t("filter.tag"), "", { size: 8 }), field("publisher", t("filter.publisher"), "", { size: 10 }),
    field("min_reliability", t("filter.min_reliability"), "", { size: 6, placeholder: "B", maxlength: 1 }),
    field("min_independent_sources", t("filter.min_independent_sources"), "", { size: 6, type: "number", min: 1, placeholder: "2" }),
    h("button", { "data-key": "add-filter" }, t("events.add")),
  ], (filled) => {
    const found = now();
    for (const [name, value] of filled.filter(([, v]) => v)) {
      if (SINGLE.includes(name)) found.set(name, value);
      else if (!found.getAll(name).includes(value)) found.append(name, value);
    }
    if (`${found}` === `${now()}`) say(t("events.fill_in")); else go(`/?${found}`);
  }));
}

/** The permalink of the request that is shown; the list itself asks in parts, for what its rows show. */
function cited(links) {
  if (!links.permalink) return links;
  const url = new URL(links.permalink, location.origin);
  for (const own of ["fields", "limit"]) url.searchParams.delete(own);
  return { ...links, permalink: url.pathname + url.search };
}

/** Events a period that a picture names: of few events it labels each. */
const NAMED = "10";

/** The timeline of a filter: a click on a period, or a stretch that is chosen, becomes its days. */
export function timeline(query) {
  return chart(`/v1/timeline?${new URLSearchParams([...query, ["top", NAMED]])}`, { tools: wayBack(filtered(), setDays), reading: (body) => ({
    name: t("events.title"), key: "timeline", words: (row) => countedWords(row, body.meta.basis === "signals"),
    open: (row) => setDays({ since: row.start, until: row.end }), zoom: setDays }) });
}

export async function events() {
  const query = taken([...FILTERS, ...CLOCKS]);
  await awaitNames(ACTORS.flatMap((name) => query.getAll(name)));
  const listed = new URLSearchParams([...query, ...taken(["sort"])]);
  const asked = h("div", {}, request(`/v1/events?${listed}`));
  return [
    h("h1", {}, t("events.title")), chips(), adding(),
    timeline(query),
    facets(query),
    list(`/v1/events?${listed}`, {
      onfirst: (body) => asked.replaceChildren(request(`/v1/events?${listed}`, cited(body.links))),
    }),
    asked, request(`/v1/timeline?${query}`, null, t("request.chart")),
  ];
}
