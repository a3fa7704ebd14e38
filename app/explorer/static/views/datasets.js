/* Each dataset in words: what it follows, which days it covers, and under which licence. */

import { get } from "../api.js";
import { inWords } from "../dates.js";
import { h } from "../dom.js";
import { freshness } from "../fresh.js";
import { namesOf } from "../names.js";
import { request } from "../request.js";
import { link, taken } from "../state.js";
import { rich, t } from "../strings.js";

function follows(dataset, names) {
  if (dataset.follows === null) return t("datasets.follows_all");
  return names.length ? t("datasets.follows", { names: names.join(", ") }) : t("datasets.follows_topic");
}

/** A text whose codes, which are in backquotes, are set as such. */
const quoted = (/** @type {string} */ text) => text.split("`").map((part, n) => (n % 2 ? h("code", {}, part) : part));

async function described(dataset, covered) {
  const names = await namesOf(dataset.follows ?? []);
  const days = dataset.first && dataset.last ? t("datasets.days", { days: inWords(`${dataset.first}/${dataset.last}`) }) : t("datasets.no_days");
  return h("section", {}, h("h2", {}, dataset.name), dataset.scope ? h("p", {}, quoted(dataset.scope)) : null,
    h("p", {}, `${days} ${follows(dataset, names)}`), covered ? freshness(covered) : null,
    dataset.access === "open" ? null : h("p", {}, t(dataset.access === "sums" ? "datasets.sums" : "datasets.closed")),
    h("p", { class: "quiet" }, t("datasets.licence", { licence: dataset.licence ?? "–", citation: dataset.citation ?? dataset.name })),
    h("p", {}, h("a", { href: link("events", { dataset: dataset.code }) }, t("datasets.events", { n: covered?.events ?? 0 }))));
}

export async function datasets() {
  const clock = taken(["as_of"]);
  const address = `/v1/datasets${clock.size ? `?${clock}` : ""}`;
  const [found, coverage] = await Promise.all([get(address), get(`/v1/coverage${clock.size ? `?${clock}` : ""}`)]);
  const covered = new Map(coverage.data.map((one) => [one.dataset, one]));
  const explained = h("a", { href: "/help/glossary#coverage" }, t("datasets.coverage"));
  return [h("h1", {}, t("datasets.title")), h("p", {}, rich("datasets.intro", { coverage: explained })),
    await Promise.all(found.data.map((one) => described(one, covered.get(one.code)))), request(address, found.links)];
}
