/* One actor: its timeline, its memberships, its partners. */

import { get } from "../api.js";
import { chart } from "../chart.js";
import { h, table } from "../dom.js";
import { list } from "../list.js";
import { request } from "../request.js";
import { link, now, taken } from "../state.js";
import { failed, nothing } from "../states.js";

const LATEST = 10;

/** For an unknown name: actors with similar names, as links. */
async function near(name, error) {
  const found = await get(`/v1/actors/resolve?${new URLSearchParams({ q: name, limit: 8 })}`);
  return [h("h1", {}, "No answer"), failed(error),
    found.data.length ? [h("h2", {}, "Did you mean"), h("ul", {}, found.data.map((one) =>
      h("li", {}, h("a", { href: link("actor", { actor: one.code }) }, `${one.name} (${one.code})`))))] : null];
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
    h("h1", {}, `${answer.name} (${answer.code})`),
    h("p", { class: "quiet" }, [answer.kind, codes].filter(Boolean).join(" · ")),
    answer.summary ? h("p", {}, answer.summary) : null,
    h("p", {}, h("a", { href: link("events", { actor: answer.code }) }, "All events, with filters"), " · ",
      h("a", { href: link("shift", { actor: answer.code }) }, "Toward and away from whom"),
      " · ", h("a", { href: link("map", { actor: answer.code }) }, "Where"),
      ["alliance", "organization"].includes(answer.kind) ? [" · ", h("a", { href: link("alliance", { code: answer.code }) }, "Members")] : null),
    h("h2", {}, "Timeline"), chart(`/v1/timeline?${query}`),
    request(`/v1/timeline?${query}`),
    h("h2", {}, "Latest events"), list(`/v1/events?${query}`, { latest: LATEST, all: link("events", { actor: answer.code }) }),
    request(`/v1/events?${query}`),
    h("div", { class: "two" },
      h("section", {}, h("h2", {}, "Memberships"),
        answer.memberships.length ? chart(address) : h("p", {}, "No memberships are known."),
        answer.memberships.length ? table("Memberships", ["group", "role", "steps"], answer.memberships.map((m) => [
          h("a", { href: link("alliance", { code: m.group }) }, m.group), m.role,
          m.steps.map((s) => `${s.step} ${s.date}`).join(", ")])) : null,
        request(address)),
      h("section", {}, h("h2", {}, "Partners"),
        relations.data.length ? chart(partners) : nothing(relations.meta.reason),
        table("Partners in events", ["partner", "events", "cooperation", "conflict", "alignment"], relations.data.map((r) => [
          h("a", { href: link("actor", { actor: r.actor }) }, r.name), r.count, r.cooperation, r.conflict,
          h("a", { href: link("shift", { actor: answer.code, toward: r.actor }) }, `shift toward ${r.actor}`)])),
        request(partners, relations.links))),
  ];
}
