/* Names of actors by their codes, each asked for once. */

import { get } from "./api.js";

const known = new Map();

/** The name of an actor; its code, or what was written, where there is none. */
export function nameOf(code) {
  if (!known.has(code)) {
    known.set(code, get(`/v1/actors/resolve?${new URLSearchParams({ q: code, limit: "1" })}`).then(
      ({ data: [one] }) => (one && one.score === 100 ? one.name : code),
      () => { known.delete(code); return code; },
    ));
  }
  return known.get(code);
}

/** The names of several, as written `ARM,RUS`, in their order. */
export const namesOf = (codes) => Promise.all(codes.flatMap((text) => text.split(",")).map((code) => nameOf(code.trim())));
