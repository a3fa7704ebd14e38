/* Two dyads side by side, over the same days. */

import { chart } from "../chart.js";
import { field, h } from "../dom.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";

function dyad(n) {
  const [actor, toward] = (now().get(`dyad${n}`) ?? "").split(">");
  if (!actor || !toward) return null;
  const query = new URLSearchParams([["actor", actor], ["toward", toward], ["granularity", "quarter"], ...taken(["since", "until", "dataset", "as_of", "known_by"])]);
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
  return [
    h("h1", {}, "Compare two dyads"),
    h("form", { class: "fields", "aria-label": "Which dyads", onsubmit: (submit) => {
      submit.preventDefault();
      go(link("compare", Object.fromEntries(new FormData(submit.target))));
    } },
    field("dyad1", "First (who>toward whom)", set("dyad1")), field("dyad2", "Second", set("dyad2")),
    field("since", "Since", set("since"), { size: 9 }), field("until", "Until", set("until"), { size: 9 }), h("button", {}, "Compare")),
    h("div", { class: "two" }, dyad(1), dyad(2)),
  ];
}
