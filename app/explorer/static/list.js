/* A list of events as a table: up to 500 rows are in the page, so that finding and printing work. */

import { get } from "./api.js";
import { dated } from "./dates.js";
import { coded, h, say } from "./dom.js";
import { patiently } from "./part.js";
import { link, now } from "./state.js";
import { failed, nothing } from "./states.js";
import { rich, t, word } from "./strings.js";

const FIELDS = "id,title,date,start,type,participants,reports,signals";
const FIRST = 100, STEP = 500;
/** Rows that are put on the page at once. */
const PART = 100;
/** The sum of two ways that cancel out is 0, not a last bit. */
const ROUNDED = 10_000;
/** Whether there is room for a table; a phone shows the first rows until the reader asks for more. */
const isWide = () => matchMedia("(min-width: 40rem)").matches;

/** What is shown of an event, and no more, so that many of them stay small. */
function brief(event) {
  return { id: event.id, title: event.title, date: event.date, start: event.start, type: event.type ?? "", who: who(event),
    sources: [...new Set(event.reports.map((r) => r.publisher))], effect: effect(event) };
}

function who(event) {
  return event.participants.filter((p) => !p.via)
    .map((p) => named(p)).join(", ");
}

function named(party) {
  const name = party.name ?? party.native ?? party.actor;
  return party.role === "participant" ? name : t("list.participant", { name, role: word("role", party.role) });
}

/** What an event does to the pair of the view: the sign of the sum of its signals between the two, as the service counts it. */
function effect(event) {
  const pair = pairOfView();
  if (!pair || !event.signals) return null;
  const between = event.signals.filter((s) => pair.includes(s.from) && pair.includes(s.toward));
  return between.length ? Math.sign(Math.round(between.reduce((sum, s) => sum + s.score, 0) * ROUNDED)) : 0;
}

export function pairOfView() {
  const pair = now().getAll("between").flatMap((text) => text.split(",")).map((code) => code.trim());
  return pair.length === 2 ? pair : null;
}

/** @type {Record<string, [string, string, import("./strings.js").Key]>} */
const EFFECTS = { 1: ["▲", "together", "effect.together"], "-1": ["◆", "apart", "effect.apart"], 0: ["", "neither", "effect.neither"] };

function row(one) {
  const cells = [h("td", { class: "when" }, dated(one.date)),
    h("td", {}, h("a", { class: "what", href: link("event", { id: one.id }) }, one.title), h("span", { class: "meta" }, one.who))];
  if (one.effect !== null) {
    const [mark, kind, said] = EFFECTS[one.effect];
    cells.push(h("td", { class: `effect ${kind}` }, mark ? h("span", { "aria-hidden": "true" }, `${mark} `) : null, t(said)));
  }
  cells.push(h("td", { class: "kind" }, one.type ? coded("type", one.type) : "–"), h("td", { class: "meta" }, one.sources.join(", ") || t("list.no_source")));
  return h("tr", { class: "row" }, cells);
}

/** @type {Record<string, import("./strings.js").Key>} */
const COLUMNS = { date: "list.date", event: "list.event", effect: "list.effect", type: "list.type", sources: "list.sources" };
const ORDERS = {
  date: (a, b) => a.start.localeCompare(b.start), event: (a, b) => a.title.localeCompare(b.title),
  effect: (a, b) => a.effect - b.effect, type: (a, b) => word("type", a.type).localeCompare(word("type", b.type)), sources: (a, b) => a.sources.length - b.sources.length,
};

/**
 * `onfirst` gets the first answer; with `latest` only so many rows are shown, and a link to all.
 * @param {string} address
 * @param {{ onfirst?: ((answer: any) => void) | null, latest?: number | null, all?: string | null }} [how]
 */
export function list(address, { onfirst = null, latest = null, all = null } = {}) {
  const body = h("table", {}, h("caption", { class: "hidden" }, t("list.caption")));
  const status = h("p", { class: "quiet loaded" });
  const head = h("tr", {});
  const whole = h("div", { class: "events", "aria-busy": "true" }, h("p", { class: "quiet" }, t("app.loading")));
  const first = new URL(address, location.origin);
  first.searchParams.set("fields", FIELDS);
  first.searchParams.set("limit", String(latest ?? FIRST));
  let next = first.pathname + first.search;
  const made = new Map();
  let total = null;
  let rows = [], order = { by: "date", down: first.searchParams.get("sort") !== "date" };

  function columns() {
    const names = ["date", "event", ...(rows[0].effect === null ? [] : ["effect"]), "type", "sources"];
    head.replaceChildren(...names.map((name) => {
      const sorted = order.by === name ? (order.down ? "descending" : "ascending") : null;
      const title = t(COLUMNS[name]);
      return h("th", { scope: "col", class: `of-${name}`, "aria-sort": sorted },
        next ? title : h("button", { type: "button", "data-key": `sort-${name}`, onclick: (click) => { sort(name); click.target.focus(); } }, title,
          h("span", { "aria-hidden": "true" }, sorted ? (order.down ? " ↓" : " ↑") : "")));
    }));
  }

  function sort(by) {
    order = { by, down: order.by === by ? !order.down : by === "date" || by === "sources" };
    rows.sort((a, b) => (order.down ? -1 : 1) * ORDERS[by](a, b));
    append(rows);
    const key = document.activeElement?.getAttribute("data-key");
    columns();
    if (key) /** @type {HTMLElement | null} */ (head.querySelector(`[data-key="${key}"]`))?.focus();
    say(t(order.down ? "list.sorted_down" : "list.sorted_up", { column: t(COLUMNS[by]) }));
  }

  /** Puts rows at the end of the table in parts, between which a reader can act and earlier ones stay as they are. */
  async function append(wanted) {
    for (let n = 0; n < wanted.length; n += PART) {
      if (n) await new Promise((resolve) => { setTimeout(resolve); });
      body.append(h("tbody", {}, wanted.slice(n, n + PART).map((one) => {
        if (!made.has(one)) made.set(one, row(one));
        return made.get(one);
      })));
    }
    for (const part of body.querySelectorAll("tbody:empty")) part.remove();
  }

  /** Fetches what follows; the first rows are shown before the rest of the first 500 is asked for. */
  async function more(limit, begun = rows.length === 0) {
    const url = new URL(next, location.origin);
    url.searchParams.set("limit", String(limit));
    const place = begun ? whole : status;
    const answer = await patiently(() => get(url.pathname + url.search), place);
    const fresh = answer.data.map(brief);
    rows = rows.concat(fresh);
    next = answer.links.next;
    if (begun) {
      onfirst?.(answer);
      if (!rows.length) { whole.replaceChildren(nothing(answer.meta.reason, answer.meta.remark)); return; }
      body.append(h("thead", {}, head));
      whole.replaceChildren(body, status);
    }
    await append(fresh);
    columns();
    const focused = status.contains(document.activeElement);
    status.replaceChildren(...counted());
    if (focused) (status.querySelector("button") ?? made.get(fresh[0]).querySelector("a")).focus();
  }

  function counted() {
    if (latest) return next ? [h("a", { href: all }, t("list.all"))] : [];
    if (!next) return [t("list.in_all", { n: rows.length })];
    return rich(total === null ? "list.first" : "list.first_of", { n: rows.length, total: total ?? 0, more: h("button", { type: "button", class: "more", "data-key": "more", onclick: () => load(STEP) }, t("list.more", { n: STEP })) });
  }

  /** Asks how many events there are, for the line below the rows; without an answer it names none. */
  async function count() {
    const url = new URL(address, location.origin);
    for (const [name, value] of [["fields", "id"], ["limit", "1"], ["count", "exact"]]) url.searchParams.set(name, value);
    try { total = (await get(url.pathname + url.search)).meta.count; } catch { return; }
    status.replaceChildren(...counted());
  }

  async function load(limit) {
    whole.setAttribute("aria-busy", "true");
    try {
      await more(limit);
      if (!latest && rows.length === FIRST && next) await Promise.all([isWide() ? more(STEP - FIRST) : null, count()]);
    } catch (error) {
      const box = failed(error, () => load(limit));
      if (rows.length) status.replaceChildren(box ?? ""); else whole.replaceChildren(box ?? "");
    }
    whole.removeAttribute("aria-busy");
  }

  load(latest ?? FIRST);
  return whole;
}
