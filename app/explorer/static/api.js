/* Requests to the service. A failure is thrown with what the service said of it. */

import { t } from "./strings.js";

/** @typedef {{ loc: (string | number)[], message: string, hint: string | null, suggestions: string[] }} Fault */

export class Failure extends Error {
  /**
   * @param {number} status
   * @param {{ title?: string, detail?: string, errors?: Fault[] }} problem
   * @param {number | null} [wait] seconds
   */
  constructor(status, problem, wait = null) {
    super(problem.detail || problem.title || t("failure.unreachable"));
    this.status = status;
    this.problem = problem;
    /** Seconds after which the service asks to be asked again; null where it does not. */
    this.wait = wait;
  }

  /** Whether the question is wrong, so that asking again cannot help. */
  get refused() {
    return this.status >= 400 && this.status < 500 && this.status !== 429;
  }
}

export async function get(/** @type {string} */ address, accept = "application/json") {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: accept }, cache: "no-cache" });
  } catch {
    throw new Failure(0, { title: t("failure.unreachable_title"), detail: t("failure.unreachable") });
  }
  if (answer.ok) return accept === "application/json" ? answer.json() : answer.text();
  let problem = { title: answer.statusText };
  try { problem = await answer.json(); } catch { /* not even a problem came back */ }
  throw new Failure(answer.status, problem, readWait(answer));
}

function readWait(/** @type {Response} */ answer) {
  if (answer.status !== 503 && answer.status !== 429) return null;
  const written = answer.headers.get("Retry-After");
  if (written === null) return null;
  const seconds = /^\d+$/.test(written) ? Number(written) : (Date.parse(written) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : null;
}
