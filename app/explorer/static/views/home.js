/* The first page: what can be asked, on the founding case. */

import { get } from "../api.js";
import { inWords } from "../dates.js";
import { h } from "../dom.js";
import { freshness } from "../fresh.js";
import { link } from "../state.js";
import { rich, t } from "../strings.js";

/** @type {[import("../strings.js").Key, import("../strings.js").Key, [string, Record<string, string>]][]} */
const QUESTIONS = [
  ["home.autumn", "home.autumn_text", ["events", { between: "ARM,RUS", since: "2023-09", until: "2023-10", sort: "date" }]],
  ["home.moving", "home.moving_text", ["shift", { actor: "ARM", toward: "RUS" }]],
  ["home.absent", "home.absent_text", ["events", { actor: "ARM", role: "absent" }]],
  ["home.members", "home.members_text", ["alliance", { code: "CSTO", on: "2023-10-13" }]],
  ["home.known", "home.known_text", ["events", { member_of: "CSTO", since: "2023-08", known_by: "2023-09-30" }]],
  ["home.armenia", "home.armenia_text", ["actor", { actor: "ARM" }]],
];

export async function home() {
  const coverage = await get("/v1/coverage");
  const count = coverage.data.reduce((sum, d) => sum + d.events, 0);
  return [
    h("h1", {}, t("home.title")),
    h("p", {}, t("home.intro", { n: count })),
    h("ul", { class: "cards" }, QUESTIONS.map(([title, text, [view, parameters]]) =>
      h("li", {}, h("a", { href: link(view, parameters) }, h("strong", {}, t(title)), h("span", {}, t(text)))))),
    h("h2", {}, t("home.covered")),
    h("ul", {}, coverage.data.map((d) => h("li", {}, rich("home.dataset", {
      name: h("a", { href: link("events", { dataset: d.dataset }) }, d.name), n: d.events, first: inWords(d.first) || "?", last: inWords(d.last) || "?" }), freshness(d)))),
  ];
}
