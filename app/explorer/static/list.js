/* A list of any length: pages are fetched as they are needed, and only what is seen is in the page. */

import { failed, get, nothing } from "./api.js";
import { h } from "./dom.js";
import { link } from "./state.js";

const HEIGHT = 72;
const AROUND = 8;

export function list(address, { onfirst } = {}) {
  const space = h("div", { class: "space", role: "list" });
  const box = h("div", { class: "list", tabindex: 0, role: "region", "aria-label": "Events" }, space);
  const whole = h("div", {}, box);
  const rows = [];
  let next = address;
  let loading = false;
  let shown = [-1, -1];

  async function more() {
    if (loading || !next) return;
    loading = true;
    try {
      const body = await get(next);
      const first = rows.length === 0;
      rows.push(...body.data);
      next = body.links.next ?? null;
      if (first) onfirst?.(body);
      if (first && rows.length === 0) { whole.replaceChildren(nothing(body.meta.reason)); return; }
      space.style.height = `${rows.length * HEIGHT}px`;
      shown = [-1, -1];
      draw();
    } catch (error) {
      whole.replaceChildren(box, failed(error, () => { whole.replaceChildren(box); more(); }));
    } finally { loading = false; }
    if (next && box.scrollTop + box.clientHeight * 3 > rows.length * HEIGHT) more();
  }

  function draw() {
    const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - AROUND);
    const last = Math.min(rows.length, Math.ceil((box.scrollTop + (box.clientHeight || 600)) / HEIGHT) + AROUND);
    if (first === shown[0] && last === shown[1]) return;
    const focused = document.activeElement?.closest?.(".row")?.dataset.at;
    shown = [first, last];
    space.replaceChildren(...rows.slice(first, last).map((event, n) => row(event, first + n, rows.length)));
    if (focused !== undefined) space.querySelector(`[data-at="${focused}"] a`)?.focus({ preventScroll: true });
    if (last > rows.length - 60) more();
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

function row(event, at, count) {
  const made = h("div", { class: "row", role: "listitem", "aria-posinset": at + 1, "aria-setsize": count, "data-at": at },
    h("a", { class: "what", href: link("event", { id: event.id }) }, event.title),
    h("span", { class: "meta" }, `${event.date} · ${event.type ?? "no type"} · ${said(event)}`),
    h("span", { class: "meta" }, who(event)));
  made.style.top = `${at * HEIGHT}px`;
  return made;
}

export function said(event) {
  const names = [...new Set(event.reports.map((r) => r.publisher))];
  return names.length ? names.join(", ") : "no source";
}

export function who(event) {
  return event.participants.filter((p) => !p.via)
    .map((p) => `${p.name ?? p.native ?? p.actor}${p.role === "participant" ? "" : ` (${p.role})`}`).join(", ");
}
