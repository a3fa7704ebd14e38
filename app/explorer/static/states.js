/* What is said where there is nothing to show: the four kinds of nothing, and failures. */

import { h } from "./dom.js";
import { fillNames } from "./names.js";
import { link, now } from "./state.js";
import { rich, t } from "./strings.js";

/** @typedef {import("./api.js").Fault} Fault */

/** @type {Record<string, [string, string, import("./strings.js").Key, import("./strings.js").Key]>} */
const REASONS = {
  no_match: ["empty", "○", "nothing.no_match", "nothing.no_match_text"],
  not_recorded: ["uncovered", "▨", "nothing.not_recorded", "nothing.not_recorded_text"],
  partly_covered: ["uncovered", "▨", "nothing.partly_covered", "nothing.partly_covered_text"],
  outside_coverage: ["uncovered", "▨", "nothing.outside_coverage", "nothing.outside_coverage_text"],
  out_of_scope: ["uncovered", "▨", "nothing.out_of_scope", "nothing.out_of_scope_text"],
  closed: ["uncovered", "▨", "nothing.closed", "nothing.closed_text"],
  not_searched: ["uncovered", "▨", "nothing.not_searched", "nothing.not_searched_text"],
  not_yet_covered: ["uncovered", "▨", "nothing.not_yet_covered", "nothing.not_yet_covered_text"],
};

function box(/** @type {string} */ kind, /** @type {string} */ picture, /** @type {string} */ title, /** @type {import("./dom.js").Child[]} */ ...parts) {
  return h("div", { class: `state ${kind}` },
    h("span", { class: "picture", "aria-hidden": "true" }, picture),
    h("div", {}, h("h2", {}, title), parts));
}

/** An empty answer, by the reason that the service gives. */
export function nothing(/** @type {string | null | undefined} */ reason, /** @type {string | null | undefined} */ remark = null) {
  const [kind, picture, title, text] = REASONS[reason ?? ""] ?? REASONS.no_match;
  return box(kind, picture, t(title), remark ? h("p", {}, remark) : null, h("p", {}, t(text)),
    h("p", {}, kind === "uncovered" ? [h("a", { href: link("datasets") }, t("nothing.scope")), " · "] : null, h("a", { href: "/help/glossary#coverage" }, t("nothing.difference"))));
}

/** The addresses of this view with what was refused mended, as links. */
function mended(/** @type {Fault} */ fault) {
  const pairs = [...now()];
  const name = String(fault.loc[1]);
  if (fault.message === "is not a parameter of this path") {
    return pairs.some(([own]) => own === name) ? linked(fault, (value) => pairs.map(([own, v]) => [own === name ? value : own, v])) : [];
  }
  const at = fault.loc[2];
  const sent = at === undefined ? fault.message.match(/'([^']+)'/)?.[1] : null;
  const own = pairs.filter(([n]) => n === name);
  const wrong = own[Number(at)] ?? own.find(([, v]) => sent && v.includes(sent)) ?? own[0] ?? pairs.find(([, v]) => sent && v.includes(sent));
  if (!wrong) return [];
  return linked(fault, (value) => pairs.map((pair) => (pair !== wrong ? pair
    : [pair[0], sent && pair[1].includes(sent) ? pair[1].replace(sent, value) : value])));
}

/** How a message about an actor that is unknown begins; what it suggests are codes of actors. */
const NO_ACTOR = /^no actor is called/;

function linked(/** @type {Fault} */ fault, /** @type {(value: string) => string[][]} */ mend) {
  const isActor = NO_ACTOR.test(fault.message);
  return (fault.suggestions ?? []).slice(0, 5).map((value) => {
    const a = h("a", { href: `/?${new URLSearchParams(mend(value))}`, title: value }, value);
    return isActor ? fillNames(a, [value], ([name]) => name) : a;
  });
}

function explained(/** @type {Fault} */ fault) {
  const links = mended(fault);
  const instead = links.flatMap((one, n) => [n ? ", " : "", one]);
  const name = h("strong", {}, String(fault.loc.at(-1)));
  return [h("p", {}, rich("failure.fault", { name, message: fault.message, hint: links.length ? "" : fault.hint })),
    links.length ? h("p", { class: "mend" }, rich("failure.did_you_mean", { values: instead })) : null];
}

/**
 * What went wrong; null where another part of the page says the same already.
 * @param {import("./api.js").Failure} error
 * @param {() => void} [again]
 */
export function failed(error, again) {
  const said = JSON.stringify([error.status, error.message, error.problem?.errors]);
  const shown = [...document.querySelectorAll("#content .state.failure")];
  if (error.refused && shown.some((one) => one.getAttribute("data-said") === said)) return null;
  const faults = (error.problem?.errors ?? []).filter((f) => Array.isArray(f.loc));
  const title = t(error.refused ? "failure.refused" : error.status === 503 || error.status === 429 ? "failure.busy" : "failure.failed");
  const made = box("failure", "⚠", title, h("p", {}, faults.length ? null : error.message), faults.map(explained),
    error.status ? h("p", { class: "quiet" }, t("failure.status", { status: String(error.status) })) : null,
    again && !error.refused ? h("button", { type: "button", onclick: again }, t("failure.again")) : null);
  made.setAttribute("role", "alert");
  made.dataset.said = said;
  return made;
}

/**
 * Counts the seconds down in a place; false where the reader stopped it.
 * @param {number} seconds
 * @param {HTMLElement} place
 * @returns {Promise<boolean>}
 */
export function countdown(seconds, place) {
  return new Promise((resolve) => {
    const left = h("strong", {}, String(seconds));
    const end = (/** @type {boolean} */ go) => { clearInterval(clock); resolve(go); };
    const made = box("busy", "◷", t("failure.busy"), h("p", {}, rich("failure.countdown", { seconds: left })),
      h("button", { type: "button", onclick: () => end(false) }, t("failure.stop")));
    let rest = seconds;
    const clock = setInterval(() => {
      if (!place.isConnected) { end(false); return; }
      rest -= 1;
      left.textContent = String(rest);
      if (rest <= 0) end(true);
    }, 1000);
    place.replaceChildren(made);
  });
}
