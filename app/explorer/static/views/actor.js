/* One actor: its timeline, its memberships, its partners. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { steps } from "../dates.js";
import { coded, h, table } from "../dom.js";
import { list } from "../list.js";
import { fillNames } from "../names.js";
import { request } from "../request.js";
import { link, now, taken } from "../state.js";
import { failed, nothing } from "../states.js";
import { t, word } from "../strings.js";

const LATEST = 10;

/** For an unknown name: actors with similar names, as links. */
async function near(name, error) {
  const found = await get(`/v1/actors/resolve?${new URLSearchParams({ q: name, limit: "8" })}`);
  return [h("h1", {}, t("app.no_answer")), failed(error),
    found.data.length ? [h("h2", {}, t("actor.did_you_mean")), h("ul", {}, found.data.map((one) =>
      h("li", {}, h("a", { href: link("actor", { actor: one.code }) }, t("actor.title", { name: one.name, code: one.code })))))] : null];
}

export async function actor() {
  const name = now().get("actor") ?? "";
  const clock = taken(["as_of"]);
  const tail = clock.size ? `?${clock}` : "";
  const address = `/v1/actors/${encodeURIComponent(name)}${tail}`;
  let answer;
  try { answer = await get(address); }
  catch (error) {
    if (error.status === 404 && name) return near(name, error);
    throw error;
  }
  const query = taken(["since", "until", "as_of", "known_by"]);
  query.set("actor", answer.code);
  const partners = `/v1/actors/${answer.code}/relations?${new URLSearchParams([["limit", "15"], ...clock])}`;
  const relations = await get(partners);
  const codes = answer.codes.map((c) => `${c.scheme}:${c.value}`).join(", ");
  return [
    h("h1", {}, t("actor.title", { name: answer.name, code: answer.code })),
    h("p", { class: "quiet" }, [word("kind", answer.kind), codes].filter(Boolean).join(" · ")),
    answer.summary ? h("p", {}, answer.summary) : null,
    h("p", {}, h("a", { href: link("events", { actor: answer.code }) }, t("actor.all")), " · ",
      h("a", { href: link("shift", { actor: answer.code }) }, t("actor.shifts")),
      " · ", h("a", { href: link("map", { actor: answer.code }) }, t("actor.where")),
      ["alliance", "organization"].includes(answer.kind) ? [" · ", h("a", { href: link("alliance", { code: answer.code }) }, t("actor.members"))] : null),
    h("h2", {}, t("actor.timeline")), chart(`/v1/timeline?${query}`),
    request(`/v1/timeline?${query}`),
    h("h2", {}, t("actor.latest")), list(`/v1/events?${query}`, { latest: LATEST, all: link("events", { actor: answer.code }) }),
    request(`/v1/events?${query}`),
    h("div", { class: "two" },
      h("section", {}, h("h2", {}, t("actor.memberships")),
        answer.memberships.length ? chart(address) : h("p", {}, t("actor.no_memberships")),
        answer.memberships.length ? table(t("actor.memberships"), [t("actor.group"), t("actor.role"), t("actor.steps")], answer.memberships.map((m) => [
          fillNames(h("a", { href: link("alliance", { code: m.group }), title: m.group }), [m.group], ([group]) => group), coded("membership", m.role),
          steps(m.steps)])) : null,
        request(address)),
      h("section", {}, h("h2", {}, t("actor.partners")),
        relations.data.length ? chart(partners) : nothing(relations.meta.reason),
        table(t("actor.partners_table"), [t("actor.partner"), t("actor.events"), t("actor.cooperation"), t("actor.conflict"), t("actor.alignment")], relations.data.map((r) => [
          h("a", { href: link("actor", { actor: r.actor }) }, r.name), r.count, r.cooperation, r.conflict,
          h("a", { href: link("shift", { actor: answer.code, toward: r.actor }) }, t("actor.shift_toward", { name: r.name }))])),
        request(partners, relations.links))),
  ];
}
