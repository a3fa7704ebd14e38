/* A toward B, against C: the curve, the shifts, and for each the events that made it. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { dated, inWords } from "../dates.js";
import { combobox } from "../combobox.js";
import { choice, coded, field, h, longTable, table } from "../dom.js";
import { wantFocus } from "../focus.js";
import { form } from "../forms.js";
import { awaitNames, fillNames } from "../names.js";
import { later } from "../part.js";
import { curveHeight, curveWords, signed } from "../periods.js";
import { leftOut, remarked } from "../remarks.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";
import { nothing } from "../states.js";
import { setZoom, wayBack, zoomed } from "../stretch.js";
import { rich, t, word } from "../strings.js";
import { term } from "../terms.js";
import { grade } from "./event.js";

const GRAINS = /** @type {const} */ (["month", "quarter", "year", "week"]);
const SIDES = ["actor", "toward", "against"];
const ASKED = [...SIDES, "dataset", "since", "until", "as_of", "known_by", "granularity"];

function asking() {
  const set = (name) => now().getAll(name).join(",");
  return form(t("shift.form"), [
    combobox({ name: "actor", label: t("shift.who"), value: set("actor"), size: 14 }),
    combobox({ name: "toward", label: t("shift.toward"), value: set("toward"), many: true, size: 14 }),
    combobox({ name: "against", label: t("shift.rather"), value: set("against"), many: true, size: 12, placeholder: t("shift.optional") }),
    field("since", t("filter.since"), set("since"), { size: 9 }), field("until", t("filter.until"), set("until"), { size: 9 }),
    choice("granularity", t("shift.by"), GRAINS.map((one) => [one, t(`shift.${one}`)]), set("granularity") || "month"),
    h("button", { "data-key": "show-shift" }, t("shift.show")),
  ], (filled) => go(link("shift", Object.fromEntries(filled))));
}

/** Fills an element with words about the sides of a shift. */
function nameSides(element, row, write) {
  const toward = row.toward.join(","), against = row.against.join(",");
  return fillNames(element, [row.actor, toward, ...(against ? [against] : [])], ([who, whom, other]) => write(
    other ? t("pair.rather", { actor: who, toward: whom, against: other }) : t("pair.toward", { actor: who, toward: whom })));
}

/** The range in which a change began, in months where its onset is a month. */
function range(s) {
  if (!s.onset) return t("shift.no_date");
  const ends = s.onset_set.length ? [s.onset_set[0].start, s.onset_set.at(-1).end] : [s.onset];
  return inWords([...new Set(ends.map((day) => day.slice(0, s.onset.length)))].join("/"));
}

const percent = (share) => `${Math.round(100 * share)} %`;

/** What a verdict rests on, as far as it was checked. */
function grounds(s) {
  const rows = [
    [t("grounds.within"), s.within_publishers === null ? null : percent(s.within_publishers)],
    [t("grounds.single"), s.single_source],
    [t("grounds.stated"), s.stated_share ? t("grounds.stated_value", { share: percent(s.stated_share), verdict: word("verdict", s.without_stated), left: signed(s.left_without_stated) }) : null],
    [t("grounds.carried"), s.carried_by.length ? s.carried_by.map((c) => `${c.name} ${percent(c.share)}`).join(", ") : null],
    [t("grounds.left"), s.without_carrier && word("verdict", s.without_carrier)],
    [t("grounds.curve"), s.curve?.differs_because ? t("grounds.curve_value", { index: signed(s.curve.index), why: s.curve.differs_because }) : null],
    [t("grounds.expected"), s.expected ? t("grounds.expected_value", { why: s.expected.why, p: s.expected.probability_below.toFixed(2) }) : null],
  ].filter(([, value]) => value !== null && value !== undefined);
  return rows.length ? table(t("grounds.table"), [t("grounds.what"), t("grounds.much")], rows, term("verdict", t("shift.verdict"))) : null;
}

/** A source as a reader follows it: title, publisher, day and grade. */
function cited(s) {
  const title = s.url ? h("a", { href: s.url, rel: "noopener noreferrer external" }, s.title) : s.title;
  const said = { title, publisher: s.publisher, day: inWords(s.published?.slice(0, 10)) };
  return h("li", {}, rich(said.day ? "shift.source_dated" : "shift.source", said), " ", grade(s));
}

const FOR = 5, AGAINST = 3;

/** The events that weigh most for the change and against it; the others when they are asked for. */
function weighed(all) {
  const line = (e) => [signed(e.share), coded("speaks", e.speaks), dated(e.date), h("a", { href: link("event", { id: e.event }) }, e.title),
    h("ul", {}, e.sources.map(cited)), e.flags.map((flag) => word("flag", flag)).join("; ")];
  const columns = [t("shift.share"), t("shift.speaks"), t("shift.date"), t("shift.event"), t("shift.sources"), t("shift.flags")];
  const first = [...all.filter((e) => e.speaks === "for").slice(0, FOR), ...all.filter((e) => e.speaks !== "for").slice(0, AGAINST)];
  return longTable(t("shift.events"), columns, all, line, first);
}

/** Ties on a day, those in a group that are alike together: one line for each partner would be a page of them. */
function gathered(ties) {
  const alike = new Map();
  for (const tie of ties) {
    const key = JSON.stringify([tie.group, tie.status, tie.obligations]);
    if (!alike.has(key)) alike.set(key, { ...tie, partners: [] });
    alike.get(key).partners.push(tie.partner);
  }
  return [...alike.values()];
}

/**
 * The evidence of a shift; its sentence only where the list above does not say it already.
 * @param {string} id
 * @param {Promise<{ sentence: string }[]>} listed
 */
async function evidence(id, listed) {
  const address = `/v1/shifts/${id}`;
  const [answer, above] = await Promise.all([get(address), listed]);
  const isSaid = above.some((row) => row.sentence === answer.sentence);
  const title = nameSides(h("h2", { tabindex: -1, id: "evidence", "data-reveal": true }), answer, (named) => t("shift.evidence", { sides: named, range: range(answer) }));
  return [title,
    isSaid ? null : h("p", {}, answer.sentence),
    h("p", {}, answer.before ? t("shift.levels", { before: signed(answer.before.index), after: signed(answer.after.index), prior: signed(answer.prior), change: signed(answer.change) }) : answer.reason),
    grounds(answer),
    answer.flags.length ? h("p", {}, h("strong", {}, t("shift.artefacts")), " ", answer.flags.map((flag) => word("flag", flag)).join("; ")) : null,
    answer.closed ? remarked([t("remarks.closed_evidence", { share: signed(answer.closed) })]) : null,
    answer.evidence.length ? weighed(answer.evidence) : h("p", {}, t("shift.no_single")),
    answer.structure.ties.length ? table(t("shift.ties", { day: inWords(answer.structure.on) }), [t("shift.group"), t("shift.partner"), t("shift.status"), t("shift.obliges")], gathered(answer.structure.ties).map((tie) => [
      fillNames(h("a", { href: link("alliance", { code: tie.group }), title: tie.group }), [tie.group], ([group]) => group),
      fillNames(h("span", { title: tie.partners.join(", ") }), tie.partners, (partners) => partners.join(", ")), coded("step", tie.status), tie.obligations.map((one) => word("obligation", one)).join(", ")])) : null,
    request(address)];
}

function choices(found, chosen) {
  return h("ul", { class: "shifts" }, found.data.map((s) => {
    const rest = new URLSearchParams([...now()].filter(([name]) => name !== "shift"));
    rest.set("shift", s.id);
    const a = h("a", { href: `/?${rest}`, "aria-current": s.id === chosen ? "true" : null, onclick: () => wantFocus("#evidence") });
    nameSides(a, s, (named) => t(s.provisional && s.onset ? "shift.item_provisional" : "shift.item", { sides: named, range: range(s), label: s.label }));
    return h("li", {}, a, h("p", { class: "answer" }, s.sentence));
  }));
}

/** The shift whose evidence is shown without a click: the one of a pair, if it is dated. */
const plainShift = (rows) => (rows.length === 1 && rows[0].onset ? rows[0].id : null);

function titled(actor, toward) {
  const title = h("h1", {}, t("shift.title"));
  if (!actor) return title;
  return fillNames(title, toward ? [actor, toward] : [actor], ([who, whom]) => (whom
    ? t("shift.title_pair", { actor: who, toward: whom }) : t("shift.title_actor", { actor: who })));
}

/** The events of a side with the others: of a pair those between the two, else all of the actor. */
export function eventsOf(actor, toward, days) {
  const pair = toward.includes(",") ? { actor } : { between: `${actor},${toward}` };
  return link("events", { ...pair, ...days });
}

/**
 * The curve; a stretch of it can be drawn alone, which leaves the question and its answer as they are.
 * @param {URLSearchParams} query
 * @param {{ days?: import("../reader.js").Stretch | null, zoom?: (days: any) => void, key?: string, breaks?: () => { start: string, end: string }[] }} [how]
 */
export function curve(query, { days = zoomed(), zoom = setZoom, key = "curve", breaks = () => [] } = {}) {
  const drawn = new URLSearchParams(query);
  if (days) { drawn.set("since", days.since); drawn.set("until", days.until); }
  const [actor, toward] = [query.get("actor") ?? "", query.getAll("toward").join(",")];
  return chart(`/v1/alignment?${drawn}`, { tools: wayBack(days, zoom), reading: () => ({
    name: t("pair.toward", { actor, toward }), key, words: (row) => curveWords(row, breaks()), height: curveHeight,
    open: (row) => go(eventsOf(actor, toward, { since: row.start, until: row.end })), zoom }) });
}

/** The answer first, then the picture, then the evidence; each part with its request. */
export async function shift() {
  const query = taken(ASKED);
  if (query.get("toward") && !query.has("granularity")) query.set("granularity", "month");
  const wanted = new URLSearchParams([...query].filter(([name]) => name !== "granularity"));
  const address = `/v1/shifts?${wanted}`;
  const isPair = query.get("actor") && query.get("toward");
  const chosen = now().get("shift");
  const title = titled(query.get("actor"), query.getAll("toward").join(","));
  const proof = h("section", {});
  const listed = get(address);
  const rows = listed.then((found) => found.data, () => []);
  const prove = (id) => { proof.setAttribute("aria-labelledby", "evidence"); proof.replaceChildren(later(t("shift.weighing"), () => evidence(id, rows))); };
  if (chosen) prove(chosen);
  /** @type {{ start: string, end: string }[]} */
  let breaks = [];
  let again = false;
  const answers = later(t("shift.looking"), async () => {
    const asked = again ? get(address) : listed;
    again = true;
    const found = await asked;
    breaks = found.data.flatMap((row) => (row.onset ? row.onset_set : []));
    if (!chosen && isPair && plainShift(found.data)) prove(plainShift(found.data));
    if (isPair && found.data.length) document.title = t("app.title", { title: title.dataset.page = found.data[0].title });
    return [h("h2", {}, t("shift.list"), term("shift", t("shift.list"))), found.data.length ? [choices(found, chosen), isPair ? null : chart(address)] : [nothing(found.meta.reason, found.meta.remark), isPair ? null : leftOut(found.meta)], request(address, found.links)];
  });
  answers.classList.add(isPair ? "answers" : "page");
  await awaitNames(SIDES.flatMap((side) => query.getAll(side)));
  if (!isPair) return [title, asking(), answers, proof];
  const series = `/v1/alignment?${query}`;
  return [title, asking(), answers, curve(query, { breaks: () => breaks }), request(series), proof];
}
