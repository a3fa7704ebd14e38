/* A toward B, against C: the curve, the shifts, and for each the events that made it. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { combobox } from "../combobox.js";
import { choice, field, h, say, table } from "../dom.js";
import { wantFocus } from "../focus.js";
import { form } from "../forms.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";
import { nothing } from "../states.js";
import { grade } from "./event.js";

const SIDES = ["actor", "toward", "against"];
const ASKED = [...SIDES, "dataset", "since", "until", "as_of", "known_by", "granularity"];
const signed = (x) => (x > 0 ? "+" : "") + x.toFixed(2);

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

function words(s) {
  if (!s.onset || !["strong", "shift", "watch"].includes(s.verdict)) return `${sides(s)}: ${s.label}. ${s.reason ?? ""}`;
  const sure = `${s.verdict}${s.robust === false ? ", not robust" : ""}${s.provisional ? ", provisional" : ""}`;
  return `${sides(s)}: ${s.direction} at ${s.onset}, ${signed(s.before.index)} to ${signed(s.after.index)} (${sure}, p ${s.p === null ? "–" : Number(s.p.toPrecision(2))})`;
}

async function evidence(id) {
  const address = `/v1/shifts/${id}`;
  const answer = await get(address);
  const title = h("h2", { tabindex: -1, id: "evidence", "data-reveal": true }, `Evidence: ${sides(answer)}, ${answer.onset ?? "undated"}`);
  const rows = answer.evidence.map((e) => [
    signed(e.share), e.speaks, e.date, h("a", { href: link("event", { id: e.event }) }, e.title),
    h("ul", {}, e.sources.map((s) => h("li", {}, `${s.publisher} `, grade(s)))), e.flags.join(", ")]);
  return [title,
    h("p", {}, answer.label, ". ", answer.before ? `The index went from ${signed(answer.before.index)} to ${signed(answer.after.index)}; the shares below and the prior (${signed(answer.prior)}) add up to ${signed(answer.change)}.` : answer.reason),
    answer.flags.length ? h("p", {}, h("strong", {}, "Known artefacts: "), answer.flags.join(", ")) : null,
    rows.length ? table("Events, each with its share of the change", ["share", "speaks", "date", "event", "sources and grades", "flags"], rows) : h("p", {}, "No single event dominates."),
    answer.structure.ties.length ? table(`Formal ties on ${answer.structure.on}`, ["group", "partner", "status", "obliges to"], answer.structure.ties.map((t) => [
      h("a", { href: link("alliance", { code: t.group }) }, t.group), t.partner, t.status, t.obligations.join(", ")])) : null,
    request(address)];
}

function choices(found, chosen) {
  return h("ul", { class: "shifts" }, found.data.map((s) => {
    const rest = new URLSearchParams([...now()].filter(([name]) => name !== "shift"));
    rest.set("shift", s.id);
    return h("li", {}, h("a", { href: `/?${rest}`, "aria-current": s.id === chosen ? "true" : null, onclick: () => wantFocus("#evidence") }, words(s)));
  }));
}

export async function shift() {
  const query = taken(ASKED);
  if (query.get("toward") && !query.has("granularity")) query.set("granularity", "month");
  const title = h("h1", {}, query.get("actor") ? `Shifts of ${query.get("actor")}${query.get("toward") ? ` toward ${query.get("toward")}` : ""}` : "Shifts: who moves away from whom");
  const wanted = new URLSearchParams([...query].filter(([name]) => name !== "granularity"));
  const address = `/v1/shifts?${wanted}`;
  const parts = [title, asking()];
  if (query.get("actor") && query.get("toward")) {
    const series = `/v1/alignment?${query}`;
    parts.push(chart(series), request(series));
  }
  const chosen = now().get("shift");
  parts.push(later("Looking for shifts …", async () => {
    const found = await get(address);
    return [h("h2", {}, "Shifts"), found.data.length ? [choices(found, chosen), chart(address)] : nothing(found.meta.reason), request(address, found.links)];
  }));
  if (chosen) {
    parts.push(later("Weighing the evidence …", async () => {
      const made = await evidence(chosen);
      say("Evidence is shown.");
      return h("section", { "aria-labelledby": "evidence" }, made);
    }));
  }
  return parts;
}
