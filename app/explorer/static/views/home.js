/* The first page: what can be asked, on the founding case. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { link } from "../state.js";

const QUESTIONS = [
  ["What happened between Armenia and Russia in the autumn of 2023?", "Each event with who says so.", ["events", { between: "ARM,RUS", since: "2023-09", until: "2023-10", sort: "date" }]],
  ["Is Armenia moving away from Russia?", "The curve with its interval, the shift, and the events that made it.", ["shift", { actor: "ARM", toward: "RUS" }]],
  ["From what was Armenia absent?", "Absence is data: expected and not there.", ["events", { actor: "ARM", role: "absent" }]],
  ["Who was in the CSTO on 13 October 2023?", "Members of a day, and each step that led there.", ["alliance", { code: "CSTO", on: "2023-10-13" }]],
  ["What had been published by the end of September 2023?", "The record as it was known then: the ratification is not in it.", ["events", { member_of: "CSTO", since: "2023-08", known_by: "2023-09-30" }]],
  ["Everything about Armenia", "Timeline, memberships and partners.", ["actor", { actor: "ARM" }]],
];

export async function home() {
  const coverage = await get("/v1/coverage");
  const count = coverage.data.reduce((sum, d) => sum + d.events, 0);
  return [
    h("h1", {}, "What states and alliances do to each other"),
    h("p", {}, `${count.toLocaleString("en")} events, each with its sources. Ask one of these, or find an actor above:`),
    h("ul", { class: "cards" }, QUESTIONS.map(([title, text, [view, parameters]]) =>
      h("li", {}, h("a", { href: link(view, parameters) }, h("strong", {}, title), h("span", {}, text))))),
    h("h2", {}, "What is covered"),
    h("ul", {}, coverage.data.map((d) => h("li", {},
      h("a", { href: link("events", { dataset: d.dataset }) }, d.name),
      ` – ${d.events.toLocaleString("en")} events, ${d.first ?? "?"} to ${d.last ?? "?"}`))),
  ];
}
