/* Imports, and the names in what was loaded that no actor has. */

import { get } from "../api.js";
import { h, table } from "../dom.js";
import { later } from "../part.js";
import { request } from "../request.js";
import { link, now } from "../state.js";

const number = (n) => n.toLocaleString("en");
/** Rounded down: 99.96 % must not read as if everything were resolved. */
const share = (parties) => parties.share === null ? "none named" : `${(Math.floor(parties.share * 1000) / 10).toFixed(1)} % of ${number(parties.named)}`;

function names(found) {
  return table("Unresolved names, the most frequent first", ["name", "kind", "times", "first", "last", "nearest"], found.map((one) => [
    one.label ? `${one.name} (${one.label})` : one.name, one.kind, one.count, one.first, one.last,
    one.nearest.length ? one.nearest.map((c, n) => [n ? ", " : "", h("a", { href: link("actor", { actor: c.code }) }, c.name)]) : "–"]));
}

/** The names of one list, the table to fill in, and the request. */
function unresolved(address) {
  return later("Looking for names …", async () => {
    const found = await get(`${address}?limit=100`);
    return [found.data.length ? [names(found.data),
      h("p", {}, h("a", { href: `${address}?format=csv&limit=1000` }, "The table as CSV"), found.links.next ? ", its first 1,000 names" : "",
        ": fill in its column ", h("code", {}, "actor"), " and send it back with ", h("code", {}, "entente actors alias --file names.csv --apply"), ".")]
      : h("p", {}, "Every name was resolved."), request(`${address}?limit=100`, found.links)];
  });
}

function reasons(title, found) {
  const rows = Object.entries(found).sort((one, other) => other[1] - one[1]);
  return rows.length ? table(title, ["rows", "why"], rows.map(([why, times]) => [times, why])) : null;
}

export async function imports() {
  const id = now().get("id");
  if (id) return whole(encodeURIComponent(id));
  const address = "/v1/imports?limit=50";
  const found = await get(address);
  return [h("h1", {}, "Imports"),
    found.data.length ? table("Newest first", ["import", "state", "by", "rows", "new", "changed", "rejected", "parties resolved"], found.data.map((one) => [
      h("a", { href: link("imports", { id: one.id }) }, one.created_at), one.state, one.by, one.rows, one.new, one.changed, one.rejected, share(one.parties)]))
      : h("p", {}, "No file was sent over HTTP; loads from the terminal are not listed."),
    request(address, found.links),
    h("h2", {}, "Names in stored events that no actor has"), unresolved("/v1/unresolved")];
}

async function whole(id) {
  const address = `/v1/imports/${id}`;
  const one = await get(address);
  const counts = ["rows", "new", "changed", "unchanged", "rejected", "duplicates", "retracted"].filter((name) => one[name]);
  return [h("h1", {}, `Import of ${one.created_at}`),
    h("p", { class: "quiet" }, [one.state, `by ${one.by}`, one.dataset, one.dry_run ? "nothing was stored" : null].filter(Boolean).join(" · ")),
    one.error ? h("p", {}, one.error) : null,
    h("p", {}, counts.map((name) => `${number(one[name])} ${name}`).join(", ") || "No rows yet"),
    h("p", {}, `Parties resolved: ${share(one.parties)}`),
    reasons("Rejected", one.reasons), reasons("Stored with warnings", one.warnings), request(address),
    h("h2", {}, "Names that no actor had"), unresolved(`/v1/imports/${id}/unresolved`)];
}
