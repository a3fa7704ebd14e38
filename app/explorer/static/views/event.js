/* One event: who took part, what it moves, and who says so. */

import { get } from "../api.js";
import { h, table } from "../dom.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { link, now, taken } from "../state.js";

const RELIABILITY = { A: "completely reliable", B: "usually reliable", C: "fairly reliable", D: "not usually reliable", E: "unreliable", F: "cannot be judged" };
const CREDIBILITY = { 1: "confirmed by other sources", 2: "probably true", 3: "possibly true", 4: "doubtful", 5: "improbable", 6: "cannot be judged" };

export function grade(report) {
  if (!report.reliability && !report.credibility) return null;
  const words = [RELIABILITY[report.reliability], CREDIBILITY[report.credibility]].filter(Boolean).join("; ");
  return h("span", { class: "grade", title: words }, `${report.reliability ?? "–"}${report.credibility ?? "–"}`);
}

/** Every revision: who wrote it, when, and why. */
function revisions(id) {
  const address = `/v1/events/${id}/history`;
  return later("Looking for revisions …", async () => {
    const found = await get(address);
    return [table("Revisions of this record", ["revision", "written", "what", "by", "why"], found.data.map((r) => [
      r.revision, h("a", { href: link("event", { id: r.id, as_of: r.at }) }, r.at), r.action, r.by, r.reason ?? ""])), request(address, found.links)];
  });
}

/** A place, and the way to what else happened there. */
function where(place) {
  if (!place?.name) return null;
  if (place.lat === null || place.lat === undefined) return h("p", {}, `Where: ${place.name}`);
  return h("p", {}, "Where: ", place.name, " – ", h("a", { href: link("map", { near: `${place.lat},${place.lon},50` }) }, "what else happened within 50 km"));
}

const REFERENCES = [["bibtex", "BibTeX"], ["ris", "RIS (Zotero, EndNote)"], ["csl", "CSL-JSON"]];

/** The sources as references for a bibliography. */
function cite(id) {
  return h("p", {}, "Cite these sources as ", REFERENCES.map(([format, name], n) => [n ? " · " : "",
    h("a", { href: `/v1/sources?${new URLSearchParams({ event: id, format, limit: 200 })}` }, name)]));
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
    h("p", { class: "quiet" }, [answer.date, answer.type, answer.status, answer.intensity === null ? null : `intensity ${answer.intensity}`].filter(Boolean).join(" · ")),
    answer.summary ? h("p", {}, answer.summary) : null, where(answer.location),
    h("h2", {}, `Sources (${answer.independent_sources} independent)`),
    answer.reports.length ? h("ul", {}, answer.reports.map((r) => h("li", {},
      h("strong", {}, r.publisher), ": ",
      r.url ? h("a", { href: r.url, rel: "noopener noreferrer external" }, r.title) : r.title,
      ` (${[r.published, r.stance].filter(Boolean).join(", ")}) `, grade(r),
      r.quote ? h("blockquote", {}, r.quote) : null,
      r.locator ? h("p", { class: "quiet" }, r.locator) : null,
      r.claims ? h("p", {}, `Differing claims: ${Object.entries(r.claims).map(([k, v]) => `${k} ${v}`).join("; ")}`) : null)))
      : h("p", {}, "No report is attached."),
    answer.reports.length ? cite(id) : null,
    table("Participants", ["who", "role", "through"], answer.participants.map((p) => [
      p.actor ? h("a", { href: link("actor", { actor: p.actor }) }, p.name ?? p.actor) : (p.name ?? p.native), p.role, names.get(p.via) ?? p.via ?? ""])),
    answer.signals.length ? table("Signals of alignment", ["from", "toward", "score", "how"], answer.signals.map((s) => [
      s.from, h("a", { href: link("shift", { actor: s.from, toward: s.toward }) }, s.toward), s.score,
      s.origin === "stated" ? "stated by the analyst" : `follows from the roles (${s.rule})`])) : null,
    answer.tags.length ? h("p", {}, "Tags: ", answer.tags.map((t) => [h("a", { href: link("events", { tag: t }) }, t), " "])) : null,
    request(address, { permalink: `${address}${clock.size ? "" : `?as_of=${encodeURIComponent(answer.recorded_at)}`}` }),
    h("h2", {}, "History of this record"), revisions(written),
  ];
}
