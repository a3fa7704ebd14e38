/* Events by any filter: the filter as chips that mirror the address, so that a link is a finding. */

import { chart } from "../chart.js";
import { choice, field, h, say } from "../dom.js";
import { list } from "../list.js";
import { request } from "../request.js";
import { CLOCKS, FILTERS, go, now, taken } from "../state.js";

const TYPES = ["", "AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT", "REQUEST", "ACCUSE", "REJECT", "THREATEN", "PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"];
const ROLES = ["", "initiator", "target", "participant", "host", "affected", "mediator", "absent"];

/** Chips of the filters that are set; each can be taken off. */
export function chips() {
  const set = [...now()].filter(([name, value]) => value && [...FILTERS, ...CLOCKS].includes(name));
  if (!set.length) return null;
  return h("ul", { class: "chips", "aria-label": "Filters" }, set.map(([name, value]) => h("li", {},
    `${name}: ${value}`,
    h("button", { type: "button", "aria-label": `Remove ${name}: ${value}`, onclick: () => {
      const rest = new URLSearchParams([...now()].filter(([n, v]) => n !== name || v !== value));
      go(`/?${rest}`);
    } }, "×"))));
}

/** A form that adds to the filters of the address. */
export function adding() {
  const wide = matchMedia("(min-width: 40rem)").matches;
  return h("details", { open: wide }, h("summary", {}, "Add filters"), h("form", { class: "fields", "aria-label": "Add filters", onsubmit: (submit) => {
    submit.preventDefault();
    const found = now();
    let added = 0;
    for (const [name, value] of new FormData(submit.target)) {
      if (!value.trim()) continue;
      if (["since", "until", "q"].includes(name)) found.set(name, value.trim()); else found.append(name, value.trim());
      added += 1;
    }
    if (added) go(`/?${found}`); else say("Fill in a field first.");
  } },
  field("q", "Words", "", { size: 16 }), field("actor", "Actor", "", { size: 12, list: "names" }),
  field("between", "Between (ARM,RUS)", "", { size: 12 }), field("since", "Since", "", { size: 10, placeholder: "2023-09" }),
  field("until", "Until", "", { size: 10 }), choice("type", "Type", TYPES, ""), choice("role", "Role", ROLES, ""),
  field("member_of", "Member of", "", { size: 8 }), field("country", "Country", "", { size: 6 }),
  field("tag", "Tag", "", { size: 8 }), field("publisher", "Publisher", "", { size: 10 }),
  field("min_reliability", "Sources at least", "", { size: 6, placeholder: "B", maxlength: 1 }),
  field("min_independent_sources", "Independent sources", "", { size: 6, type: "number", min: 1, placeholder: "2" }),
  h("button", {}, "Add")));
}

/** The permalink of the request that is shown; the list itself asks in parts, for what its rows show. */
function cited(links) {
  if (!links.permalink) return links;
  const url = new URL(links.permalink, location.origin);
  for (const own of ["fields", "limit"]) url.searchParams.delete(own);
  return { ...links, permalink: url.pathname + url.search };
}

export async function events() {
  const query = taken([...FILTERS, ...CLOCKS]);
  const listed = new URLSearchParams([...query, ...taken(["sort"])]);
  const asked = h("div", {}, request(`/v1/events?${listed}`));
  return [
    h("h1", {}, "Events"), chips(), adding(),
    chart(`/v1/timeline?${query}`),
    list(`/v1/events?${new URLSearchParams([["limit", "100"], ...listed])}`, {
      onfirst: (body) => asked.replaceChildren(request(`/v1/events?${listed}`, cited(body.links))),
    }),
    asked, request(`/v1/timeline?${query}`, null, "The request of the chart"),
  ];
}
