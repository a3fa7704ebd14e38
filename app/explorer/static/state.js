/* The address is the state: every view is a link, and going back goes back. */

export const FILTERS = [
  "actor", "between", "initiator", "target", "role", "via", "member_of", "since", "until", "match",
  "type", "mode", "cameo", "quad", "native", "min_intensity", "max_intensity", "effect", "country", "bbox",
  "near", "tag", "dataset", "source", "publisher", "status", "min_reliability", "min_credibility",
  "min_independent_sources", "q",
];
export const CLOCKS = ["as_of", "known_by"];

export const now = () => new URLSearchParams(location.search);

/** The address of a view; the clocks stay as they are set. */
export function link(/** @type {string | null} */ view, /** @type {Record<string, string | number | null | undefined | (string | number)[]>} */ parameters = {}) {
  const found = new URLSearchParams(view ? { view } : {});
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") found.append(name, String(one));
  }
  for (const clock of CLOCKS) {
    const set = now().get(clock);
    if (set && !found.has(clock)) {
      found.set(clock, set);
      if (clock === "as_of" && now().get("lineage")) found.set("lineage", now().get("lineage") ?? "");
    }
  }
  return `/?${found}`;
}

/** Parameters of the address that an operation takes; a version goes with its lineage. */
export function taken(/** @type {string[]} */ names) {
  const found = new URLSearchParams();
  const wanted = names.includes("as_of") && now().get("as_of") ? [...names, "lineage"] : names;
  for (const [name, value] of now()) if (wanted.includes(name) && value) found.append(name, value);
  return found;
}

/** Goes to an address; `replace` where each step on the way is not worth going back to. */
export function go(/** @type {string} */ address, { replace = false } = {}) {
  if (location.pathname !== "/") { location.assign(address); return; }
  if (replace) history.replaceState(null, "", address); else history.pushState(null, "", address);
  dispatchEvent(new Event("moved"));
}
