/* One event: who took part, what it moves, and who says so. */

import { get } from "../api.js";
import { dated, inWords, moment } from "../dates.js";
import { coded, h, table } from "../dom.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { link, now, taken } from "../state.js";
import { lookUp, rich, t, word } from "../strings.js";
import { term } from "../terms.js";

export function grade(report) {
  const { reliability, credibility } = report;
  if (!reliability && !credibility) return null;
  const words = [reliability, credibility].map((one) => lookUp(`grade.${one}`)).filter(Boolean).join("; ");
  return h("span", { class: "grade", title: words }, `${reliability ?? "–"}${credibility ?? "–"}`);
}

/** Every revision: who wrote it, when, and why. */
function revisions(id) {
  const address = `/v1/events/${id}/history`;
  return later(t("event.looking"), async () => {
    const found = await get(address);
    return [table(t("event.revisions"), [t("event.revision"), t("event.written"), t("event.what"), t("event.by"), t("event.why")], found.data.map((r) => [
      r.revision, h("a", { href: link("event", { id: r.id, as_of: r.at }) }, moment(r.at)), coded("action", r.action), r.by, r.reason ?? ""])), request(address, found.links)];
  });
}

/** A place, and the way to what else happened there. */
function where(place) {
  if (!place?.name) return null;
  if (place.lat === null || place.lat === undefined) return h("p", {}, t("event.where", { name: place.name }));
  const near = h("a", { href: link("map", { near: `${place.lat},${place.lon},50` }) }, t("event.near"));
  return h("p", {}, rich("event.where_near", { name: place.name, near }));
}

const REFERENCES = [["bibtex", "BibTeX"], ["ris", "RIS (Zotero, EndNote)"], ["csl", "CSL-JSON"]];

/** The sources as references for a bibliography. */
function cite(id) {
  const formats = REFERENCES.map(([format, name], n) => [n ? " · " : "",
    h("a", { href: `/v1/sources?${new URLSearchParams({ event: id, format, limit: "200" })}` }, name)]);
  return h("p", {}, rich("event.cite", { formats }));
}

export async function event() {
  const id = now().get("id") ?? "";
  const clock = taken(["as_of"]);
  const written = id.split("/").map(encodeURIComponent).join("/").replaceAll("%3A", ":");
  const address = `/v1/events/${written}${clock.size ? `?${clock}` : ""}`;
  const answer = await get(address);
  const names = new Map(answer.participants.map((p) => [p.actor, p.name]));
  return [
    h("h1", {}, answer.title),
    h("p", { class: "quiet" }, dated(answer.date), [word("type", answer.type), word("status", answer.status), answer.intensity === null ? null : t("event.intensity", { value: answer.intensity })].filter(Boolean).map((one) => ` · ${one}`)),
    answer.summary ? h("p", {}, answer.summary) : null, where(answer.location),
    h("h2", {}, t("event.sources", { n: answer.independent_sources }), term("admiralty-grade", t("event.grade"))),
    answer.reports.length ? h("ul", {}, answer.reports.map((r) => h("li", {},
      h("strong", {}, r.publisher), ": ",
      r.url ? h("a", { href: r.url, rel: "noopener noreferrer external" }, r.title) : r.title,
      ` (${[inWords(r.published?.slice(0, 10)), word("stance", r.stance)].filter(Boolean).join(", ")}) `, grade(r),
      r.quote ? h("blockquote", {}, r.quote) : null,
      r.locator ? h("p", { class: "quiet" }, r.locator) : null,
      r.claims ? h("p", {}, t("event.differing", { claims: Object.entries(r.claims).map(([k, v]) => `${k} ${v}`).join("; ") })) : null)))
      : h("p", {}, t("event.no_report")),
    answer.reports.length ? cite(id) : null,
    table(t("event.participants"), [t("event.who"), t("event.role"), t("event.through")], answer.participants.map((p) => [
      p.actor ? h("a", { href: link("actor", { actor: p.actor }) }, p.name ?? p.actor) : (p.name ?? p.native), coded("role", p.role), names.get(p.via) ?? p.via ?? ""])),
    answer.signals.length ? table(t("event.signals"), [t("event.from"), t("event.toward"), t("event.score"), t("event.how")], answer.signals.map((s) => [
      names.get(s.from) ?? s.from, h("a", { href: link("shift", { actor: s.from, toward: s.toward }) }, names.get(s.toward) ?? s.toward), String(s.score).replace("-", "−"),
      s.origin === "stated" ? t("event.stated") : t("event.derived", { rule: s.rule })]), term("signal", t("event.signals"))) : null,
    answer.tags.length ? h("p", {}, rich("event.tags", { tags: answer.tags.map((tag) => [h("a", { href: link("events", { tag }) }, tag), " "]) })) : null,
    request(address, { permalink: `${address}${clock.size ? "" : `?as_of=${encodeURIComponent(answer.recorded_at)}`}` }),
    h("h2", {}, t("event.history")), revisions(written),
  ];
}
