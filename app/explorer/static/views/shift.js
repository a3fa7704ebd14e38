/* A toward B, against C: the curve, the shifts, and for each the events that made it. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { dated } from "../dates.js";
import { combobox } from "../combobox.js";
import { choice, field, h, table } from "../dom.js";
import { wantFocus } from "../focus.js";
import { form } from "../forms.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";
import { nothing } from "../states.js";
import { grade } from "./event.js";

const SIDES = ["actor", "toward", "against"];
const ASKED = [...SIDES, "dataset", "since", "until", "as_of", "known_by", "granularity"];
const signed = (x) => `${x > 0 ? "+" : ""}${x.toFixed(2)}`.replace("-", "−");

function asking() {
  const set = (name) => now().getAll(name).join(",");
  return form("Who toward whom", [
    combobox({ name: "actor", label: "Who", value: set("actor"), size: 14 }),
    combobox({ name: "toward", label: "toward", value: set("toward"), many: true, size: 14 }),
    combobox({ name: "against", label: "rather than", value: set("against"), many: true, size: 12, placeholder: "optional" }),
    field("since", "Since", set("since"), { size: 9 }), field("until", "Until", set("until"), { size: 9 }),
    choice("granularity", "by", ["month", "quarter", "year", "week"], set("granularity") || "month"),
    h("button", { "data-key": "show-shift" }, "Show"),
  ], (filled) => go(link("shift", Object.fromEntries(filled))));
}

export function sides(row) {
  return `${row.actor} toward ${row.toward.join(" + ")}${row.against.length ? ` rather than ${row.against.join(" + ")}` : ""}`;
}

/** The range in which a change began, in months where its onset is a month. */
function range(s) {
  if (!s.onset) return "no date";
  const ends = s.onset_set.length ? [s.onset_set[0].start, s.onset_set.at(-1).end] : [s.onset];
  return [...new Set(ends.map((day) => day.slice(0, s.onset.length)))].join(" … ");
}

const percent = (share) => `${Math.round(100 * share)} %`;

/** What a verdict rests on, as far as it was checked. */
function grounds(s) {
  const rows = [
    ["within publishers that report before and after", s.within_publishers === null ? null : percent(s.within_publishers)],
    ["all rests on one source", s.single_source],
    ["scores stated by an analyst", s.stated_share ? `${percent(s.stated_share)} of the evidence; without them: ${s.without_stated} (${signed(s.left_without_stated)})` : null],
    ["carried by", s.carried_by.length ? s.carried_by.map((c) => `${c.name} ${percent(c.share)}`).join(", ") : null],
    ["left to the others and the body itself", s.without_carrier],
    ["end of the curve", s.curve?.differs_because ? `${signed(s.curve.index)}: ${s.curve.differs_because}` : null],
    ["formal ties lead to expect", s.expected ? `${s.expected.why}; below it with probability ${s.expected.probability_below.toFixed(2)}` : null],
  ].filter(([, value]) => value !== null && value !== undefined);
  return rows.length ? table("What the verdict rests on", ["what", "how much"], rows) : null;
}

/** A source as a reader follows it: title, publisher, day and grade. */
function cited(s) {
  const title = s.url ? h("a", { href: s.url, rel: "noopener noreferrer external" }, s.title) : s.title;
  return h("li", {}, title, ` – ${s.publisher}${s.published ? `, ${s.published.slice(0, 10)}` : ""} `, grade(s));
}

const FOR = 5, AGAINST = 3;

/** The events that weigh most for the change and against it; the others when they are asked for. */
function weighed(all) {
  const line = (e) => [signed(e.share), e.speaks, dated(e.date), h("a", { href: link("event", { id: e.event }) }, e.title),
    h("ul", {}, e.sources.map(cited)), e.flags.join(", ")];
  const shown = (events) => table("Events, each with its share of the change", ["share", "speaks", "date", "event", "sources and grades", "flags"], events.map(line));
  const first = [...all.filter((e) => e.speaks === "for").slice(0, FOR), ...all.filter((e) => e.speaks !== "for").slice(0, AGAINST)];
  if (first.length === all.length) return shown(all);
  const whole = h("div", {}, shown(first), h("button", { type: "button", onclick: () => whole.replaceChildren(shown(all)) }, `Show all ${all.length} events`));
  return whole;
}

async function evidence(id) {
  const address = `/v1/shifts/${id}`;
  const answer = await get(address);
  const title = h("h2", { tabindex: -1, id: "evidence", "data-reveal": true }, `Evidence: ${sides(answer)}, ${range(answer)}`);
  return [title,
    h("p", {}, answer.sentence),
    h("p", {}, answer.before ? `The index went from ${signed(answer.before.index)} to ${signed(answer.after.index)}; the shares below and the prior (${signed(answer.prior)}) add up to ${signed(answer.change)}.` : answer.reason),
    grounds(answer),
    answer.flags.length ? h("p", {}, h("strong", {}, "Known artefacts: "), answer.flags.join(", ")) : null,
    answer.evidence.length ? weighed(answer.evidence) : h("p", {}, "No single event dominates."),
    answer.structure.ties.length ? table(`Formal ties on ${answer.structure.on}`, ["group", "partner", "status", "obliges to"], answer.structure.ties.map((t) => [
      h("a", { href: link("alliance", { code: t.group }) }, t.group), t.partner, t.status, t.obligations.join(", ")])) : null,
    request(address)];
}

function choices(found, chosen) {
  return h("ul", { class: "shifts" }, found.data.map((s) => {
    const rest = new URLSearchParams([...now()].filter(([name]) => name !== "shift"));
    rest.set("shift", s.id);
    const words = `${sides(s)}, ${range(s)}: ${s.label}${s.provisional && s.onset ? ", provisional" : ""}`;
    return h("li", {}, h("a", { href: `/?${rest}`, "aria-current": s.id === chosen ? "true" : null, onclick: () => wantFocus("#evidence") }, words), h("p", { class: "answer" }, s.sentence));
  }));
}

/** The shift whose evidence is shown without a click: the one of a pair, if it is dated. */
const plainShift = (rows) => (rows.length === 1 && rows[0].onset ? rows[0].id : null);

/** The answer first, then the picture, then the evidence; each part with its request. */
export async function shift() {
  const query = taken(ASKED);
  if (query.get("toward") && !query.has("granularity")) query.set("granularity", "month");
  const title = h("h1", {}, query.get("actor") ? `Shifts of ${query.get("actor")}${query.get("toward") ? ` toward ${query.get("toward")}` : ""}` : "Shifts: who moves away from whom");
  const wanted = new URLSearchParams([...query].filter(([name]) => name !== "granularity"));
  const address = `/v1/shifts?${wanted}`;
  const isPair = query.get("actor") && query.get("toward");
  const chosen = now().get("shift");
  const proof = h("section", { "aria-labelledby": "evidence" });
  const prove = (id) => proof.replaceChildren(later("Weighing the evidence …", () => evidence(id)));
  if (chosen) prove(chosen);
  const answers = later("Looking for shifts …", async () => {
    const found = await get(address);
    if (!chosen && isPair && plainShift(found.data)) prove(plainShift(found.data));
    if (isPair && found.data.length) document.title = `${found.data[0].sentence.split(".")[0]} – Entente`;
    return [h("h2", {}, "Shifts"), found.data.length ? [choices(found, chosen), isPair ? null : chart(address)] : nothing(found.meta.reason), request(address, found.links)];
  });
  if (!isPair) return [title, asking(), answers, proof];
  const series = `/v1/alignment?${query}`;
  return [title, asking(), answers, chart(series), request(series), proof];
}
