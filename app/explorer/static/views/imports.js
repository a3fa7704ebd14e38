/* Imports, and the names in what was loaded that no actor has. */

import { get } from "../api.js";
import { moment } from "../dates.js";
import { coded, h, table } from "../dom.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { link, now } from "../state.js";
import { lookUp, rich, t, word } from "../strings.js";

/** Rounded down: 99.96 % must not read as if everything were resolved. */
const share = (parties) => parties.share === null ? t("imports.none_named") : t("imports.share", { percent: (Math.floor(parties.share * 1000) / 10).toFixed(1), n: parties.named });

function names(found) {
  return table(t("imports.names"), [t("imports.name"), t("imports.kind"), t("imports.times"), t("imports.first"), t("imports.last"), t("imports.nearest")], found.map((one) => [
    one.label ? t("actor.title", { name: one.name, code: one.label }) : one.name, one.kind, one.count, one.first, one.last,
    one.nearest.length ? one.nearest.map((c, n) => [n ? ", " : "", h("a", { href: link("actor", { actor: c.code }) }, c.name)]) : "–"]));
}

/** The names of one list, the table to fill in, and the request. */
function unresolved(address) {
  return later(t("imports.looking"), async () => {
    const found = await get(`${address}?limit=100`);
    return [found.data.length ? [names(found.data),
      h("p", {}, rich(found.links.next ? "imports.fill_in_first" : "imports.fill_in", { csv: h("a", { href: `${address}?format=csv&limit=1000` }, t("imports.csv")),
        column: h("code", {}, "actor"), command: h("code", {}, "entente actors alias --file names.csv --apply") }))]
      : h("p", {}, t("imports.all_resolved")), request(`${address}?limit=100`, found.links)];
  });
}

function reasons(title, found) {
  const rows = Object.entries(found).sort((one, other) => other[1] - one[1]);
  return rows.length ? table(title, [t("imports.rows"), t("imports.why")], rows.map(([why, times]) => [times, why])) : null;
}

export async function imports() {
  const id = now().get("id");
  if (id) return whole(encodeURIComponent(id));
  const address = "/v1/imports?limit=50";
  const found = await get(address);
  return [h("h1", {}, t("imports.title")),
    found.data.length ? table(t("imports.table"), [t("imports.import"), t("imports.state"), t("imports.by"), t("imports.rows"), t("imports.new"), t("imports.changed"), t("imports.rejected"), t("imports.parties")], found.data.map((one) => [
      h("a", { href: link("imports", { id: one.id }) }, moment(one.created_at)), coded("state", one.state), one.by, one.rows, one.new, one.changed, one.rejected, share(one.parties)]))
      : h("p", {}, t("imports.none")),
    request(address, found.links),
    h("h2", {}, t("imports.unresolved")), unresolved("/v1/unresolved")];
}

async function whole(id) {
  const address = `/v1/imports/${id}`;
  const one = await get(address);
  const counts = ["rows", "new", "changed", "unchanged", "rejected", "duplicates", "retracted"].filter((name) => one[name]);
  return [h("h1", {}, t("imports.of", { when: moment(one.created_at).textContent })),
    h("p", { class: "quiet" }, [word("state", one.state), t("imports.by_whom", { name: one.by }), one.dataset, one.dry_run ? t("imports.dry") : null].filter(Boolean).join(" · ")),
    one.error ? h("p", {}, one.error) : null,
    h("p", {}, counts.map((name) => lookUp(`imports.count_${name}`, { n: one[name] })).join(", ") || t("imports.no_rows")),
    h("p", {}, t("imports.resolved", { share: share(one.parties) })),
    reasons(t("imports.rejected_why"), one.reasons), reasons(t("imports.warned_why"), one.warnings), request(address),
    h("h2", {}, t("imports.names_of")), unresolved(`/v1/imports/${id}/unresolved`)];
}
