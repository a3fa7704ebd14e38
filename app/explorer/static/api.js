/* Requests, and what is said where there is nothing to show. */

import { h } from "./dom.js";

export class Failure extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || "The service could not be reached.");
    this.status = status;
    this.problem = problem;
  }
}

export async function get(address, accept = "application/json") {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: accept } });
  } catch {
    throw new Failure(0, { title: "No answer", detail: "The service could not be reached." });
  }
  if (answer.ok) return accept === "application/json" ? answer.json() : answer.text();
  let problem = { title: answer.statusText };
  try { problem = await answer.json(); } catch { /* not even a problem came back */ }
  throw new Failure(answer.status, problem);
}

export function failed(error, again) {
  const faults = error.problem?.errors ?? [];
  return h("div", { class: "state failure", role: "alert" },
    h("span", { class: "picture", "aria-hidden": "true" }, "⚠"),
    h("div", {}, h("h2", {}, error.status === 422 || error.status === 404 ? "This cannot be answered" : "The service failed"),
      h("p", {}, error.message),
      faults.map((f) => h("p", {}, h("strong", {}, String(f.loc.at(-1))), `: ${f.message}. ${f.hint ?? ""}`)),
      error.status ? h("p", { class: "quiet" }, `Status ${error.status}`) : null,
      again ? h("button", { type: "button", onclick: again }, "Try again") : null));
}

const REASONS = {
  no_match: ["empty", "○", "Nothing matched", "The requested days are covered, but no event in them matches the filter."],
  outside_coverage: ["uncovered", "▨", "Not covered", "No dataset covers these days, so an empty result does not mean that nothing happened."],
  out_of_scope: ["uncovered", "▨", "Out of scope", "No dataset follows these actors, so an empty result does not mean that nothing happened."],
  not_yet_covered: ["uncovered", "▨", "Not covered yet", "These days are after the last day that any dataset covers."],
};

export function nothing(reason) {
  const [kind, picture, title, text] = REASONS[reason] ?? REASONS.no_match;
  return h("div", { class: `state ${kind}` },
    h("span", { class: "picture", "aria-hidden": "true" }, picture),
    h("div", {}, h("h2", {}, title), h("p", {}, text),
      kind === "uncovered" ? h("p", {}, h("a", { href: "/v1/coverage" }, "Which days are covered")) : null));
}

/** A part of a view that is still being asked for. */
export function later(waiting, make) {
  const part = h("div", { "aria-busy": "true" }, h("p", { class: "quiet" }, waiting));
  const load = async () => {
    try { part.replaceChildren(...[await make()].flat(Infinity).filter(Boolean)); }
    catch (error) { part.replaceChildren(failed(error, load)); }
    part.removeAttribute("aria-busy");
  };
  load();
  return part;
}
