/* Two dyads side by side, over the same days. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { field, h } from "../dom.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";

const WINDOW = ["since", "until"];

function asked(n) {
  const [actor, toward] = (now().get(`dyad${n}`) ?? "").split(">").map((side) => side.trim());
  if (!actor || !toward) return null;
  const query = new URLSearchParams([["actor", actor], ["toward", toward], ["granularity", "quarter"],
    ...taken([...WINDOW, "dataset", "as_of", "known_by"])]);
  return { actor, toward, query };
}

/** The days of the one and of the other, so that both are drawn over the same. */
async function span(dyads) {
  const found = await Promise.all(dyads.map(({ query }) => get(`/v1/alignment?${query}`)));
  const rows = found.flatMap((body) => body.data);
  if (!rows.length) return [];
  const starts = rows.map((r) => r.start).sort(), ends = rows.map((r) => r.end).sort();
  return [["since", starts[0]], ["until", ends.at(-1)]];
}

function shown({ actor, toward, query }, days) {
  for (const [name, value] of days) query.set(name, value);
  const address = `/v1/alignment?${query}`;
  return h("section", {}, h("h2", {}, `${actor} toward ${toward}`), chart(address), request(address),
    h("p", {}, h("a", { href: link("shift", { actor, toward }) }, "Its shifts and their evidence")));
}

export async function compare() {
  if (!now().get("dyad1")) {
    const found = now();
    found.set("dyad1", "ARM>RUS");
    found.set("dyad2", "ARM>EU");
    history.replaceState(null, "", `/?${found}`);
  }
  const set = (name) => now().get(name) ?? "";
  const dyads = [1, 2].map(asked).filter(Boolean);
  const days = await span(dyads);
  return [
    h("h1", {}, "Compare two dyads"),
    h("form", { class: "fields", "aria-label": "Which dyads", onsubmit: (submit) => {
      submit.preventDefault();
      go(link("compare", Object.fromEntries(new FormData(submit.target))));
    } },
    field("dyad1", "First (who>toward whom)", set("dyad1")), field("dyad2", "Second", set("dyad2")),
    field("since", "Since", set("since"), { size: 9 }), field("until", "Until", set("until"), { size: 9 }), h("button", {}, "Compare")),
    h("div", { class: "two" }, dyads.map((dyad) => shown(dyad, days))),
  ];
}
