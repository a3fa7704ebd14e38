/* A list of any length: pages are fetched as they are needed, and only visible rows are in the page. */

import { failed, get, nothing } from "./api.js";
import { h } from "./dom.js";
import { link } from "./state.js";

const HEIGHT = 72;
const AROUND = 8;
const SHOWN = "id,title,date,type,participants,reports";
const PAGE = 1000;
/** Rows that a browser can scroll through: it draws nothing beyond some 33 million pixels. */
const MOST = 400000;

/** The address of what follows, in longer pages than the first. */
function longer(next) {
  if (!next) return null;
  const url = new URL(next, location.origin);
  url.searchParams.set("limit", PAGE);
  return url.pathname + url.search;
}

export function list(address, { onfirst } = {}) {
  const space = h("div", { class: "space", role: "list" });
  const box = h("div", { class: "list", tabindex: 0, role: "region", "aria-label": "Events" }, space);
  const status = h("p", { class: "quiet loaded" });
  const whole = h("div", {}, box, status);
  const rows = [];
  const first = new URL(address, location.origin);
  first.searchParams.set("fields", SHOWN);
  let next = first.pathname + first.search;
  let loading = false;
  let shown = [-1, -1];

  async function more() {
    if (loading || !next) return;
    loading = true;
    try {
      const body = await get(next);
      const begun = rows.length === 0;
      for (const event of body.data) rows.push(short(event));
      next = rows.length < MOST ? longer(body.links.next) : null;
      if (begun) onfirst?.(body);
      if (begun && rows.length === 0) { whole.replaceChildren(nothing(body.meta.reason)); return; }
      space.style.height = `${rows.length * HEIGHT}px`;
      status.textContent = count(rows.length, next, body.links.next);
      draw();
    } catch (error) {
      whole.replaceChildren(box, status, failed(error, () => { whole.replaceChildren(box, status); more(); }));
    } finally { loading = false; }
    if (next && box.scrollTop + box.clientHeight * 3 > rows.length * HEIGHT) more();
  }

  function draw() {
    const begin = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - AROUND);
    const end = Math.min(rows.length, Math.ceil((box.scrollTop + (box.clientHeight || 600)) / HEIGHT) + AROUND);
    if (begin !== shown[0] || end !== shown[1]) {
      const focused = document.activeElement?.closest?.(".row")?.dataset.at;
      shown = [begin, end];
      space.replaceChildren(...rows.slice(begin, end).map((one, n) => row(one, begin + n, next ? -1 : rows.length)));
      if (focused !== undefined) space.querySelector(`[data-at="${focused}"] a`)?.focus({ preventScroll: true });
    }
    if (end > rows.length - 200) more();
  }

  let waiting = false;
  box.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  });
  more();
  return whole;
}

function count(loaded, next, left) {
  const many = loaded.toLocaleString("en");
  if (next) return `${many} loaded; more follow as you scroll.`;
  if (left) return `The first ${many}; narrow the filter, or download the rest below.`;
  return loaded === 1 ? "1 event in all." : `${many} events in all.`;
}

/** What a row shows, and no more, so that a hundred thousand of them stay small. */
function short(event) {
  return { id: event.id, title: event.title, who: who(event),
    line: `${event.date} · ${event.type ?? "no type"} · ${said(event)}` };
}

function row(one, at, of) {
  const made = h("div", { class: "row", role: "listitem", "aria-posinset": at + 1, "aria-setsize": of, "data-at": at },
    h("a", { class: "what", href: link("event", { id: one.id }) }, one.title),
    h("span", { class: "meta" }, one.line),
    h("span", { class: "meta" }, one.who));
  made.style.top = `${at * HEIGHT}px`;
  return made;
}

function said(event) {
  const names = [...new Set(event.reports.map((r) => r.publisher))];
  return names.length ? names.join(", ") : "no source";
}

function who(event) {
  return event.participants.filter((p) => !p.via)
    .map((p) => `${p.name ?? p.native ?? p.actor}${p.role === "participant" ? "" : ` (${p.role})`}`).join(", ");
}
