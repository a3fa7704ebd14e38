/* Alliances on a day, and the members of one, with a slider over the years. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { dated, inWords, steps } from "../dates.js";
import { coded, field, h, table } from "../dom.js";
import { remarked } from "../remarks.js";
import { request } from "../request.js";
import { go, link, now, taken } from "../state.js";
import { nothing } from "../states.js";
import { t, word } from "../strings.js";
import { term } from "../terms.js";

const FIRST = Date.UTC(1945, 0, 1);
const DAY = 86400000;
const iso = (days) => new Date(FIRST + days * DAY).toISOString().slice(0, 10);
const today = () => new Date().toISOString().slice(0, 10);
const day = () => now().get("on") ?? today();

function slider() {
  const last = Math.floor((Date.now() - FIRST) / DAY);
  const at = Math.round((Date.parse(day()) - FIRST) / DAY) || last;
  const dayShown = h("output", { for: "on-slider" }, inWords(day()));
  const move = (value) => { const found = now(); found.set("on", value); go(`/?${found}`, { replace: true }); };
  return h("form", { class: "fields", "aria-label": t("alliances.day"), onsubmit: (submit) => { submit.preventDefault(); move(new FormData(submit.target).get("on")); } },
    field("on", t("alliances.on"), day(), { size: 11, placeholder: "2023-10-13" }), h("button", {}, t("alliances.show")),
    h("div", { class: "wide" }, h("label", { for: "on-slider" }, t("alliances.slide")),
      h("input", { id: "on-slider", type: "range", min: 0, max: last, step: 1, value: at, "aria-valuetext": inWords(day()),
        oninput: (input) => { dayShown.textContent = inWords(iso(Number(input.target.value))); input.target.setAttribute("aria-valuetext", dayShown.textContent); },
        onchange: (input) => move(iso(Number(input.target.value))) }), dayShown));
}

function listed(a) {
  const names = a.members.join(", ");
  if (a.members_recorded === "some") return t("alliances.some", { names });
  return names ? t("alliances.listed", { n: a.members.length, names }) : t("alliances.none");
}

export async function alliances() {
  const query = new URLSearchParams([["on", day()], ...taken(["as_of"])]);
  const address = `/v1/alliances?${query}`;
  const found = await get(address);
  return [h("h1", {}, t("alliances.title", { day: inWords(day()) })), slider(),
    found.data.length ? table(t("alliances.table"), [t("alliances.name"), t("alliances.kind"), t("alliances.members"), t("alliances.obliges")], found.data.map((a) => [
      h("div", { class: "name" }, h("a", { href: link("alliance", { code: a.code, on: day() }) }, a.name === a.code ? a.name : t("actor.title", { name: a.name, code: a.code }))), coded("kind", a.kind),
      listed(a), a.obligations.map((one) => word("obligation", one)).join(", ")])) : nothing(found.meta.reason),
    request(address, found.links)];
}

export async function alliance() {
  const code = encodeURIComponent(now().get("code") ?? "");
  const query = new URLSearchParams([["on", day()], ...taken(["as_of"])]);
  const answer = await get(`/v1/alliances/${code}?${query}`);
  const address = `/v1/alliances/${code}/members?${query}`;
  const found = await get(address);
  const history = `/v1/alliances/${code}/history?${taken(["as_of"])}`;
  return [h("h1", {}, t("actor.title", { name: answer.name, code: answer.code })), answer.summary ? h("p", {}, answer.summary) : null, slider(),
    found.data.length ? table(t("alliance.members", { day: inWords(day()) }), [t("alliance.member"), t("alliance.status"), t("alliance.since"), t("alliance.until"), t("alliance.steps")], found.data.map((m) => [
      h("a", { href: link("actor", { actor: m.actor }) }, m.name), coded("step", m.status), dated(m.since), m.until ? dated(m.until) : "", steps(m.steps)]), term("commitment-ladder", t("alliance.steps")))
      : nothing(found.meta.reason),
    found.meta.members_recorded === "some" ? remarked([t("alliance.some", { n: found.meta.recorded })]) : null,
    request(address, found.links),
    h("h2", {}, t("alliance.over_time")), chart(history, { remarks: false }), request(history),
    h("p", {}, h("a", { href: link("events", { member_of: answer.code }) }, t("alliance.events")), " · ", h("a", { href: link("actor", { actor: answer.code }) }, t("alliance.body")))];
}
