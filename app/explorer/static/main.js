/* Puts the view of the address on the page. */

import { byId, fieldById, h, say } from "./dom.js";
import { awaitsFocus, rememberFocus, restoreFocus } from "./focus.js";
import "./header.js";
import { showHint } from "./hints.js";
import { patiently } from "./part.js";
import { shareButton } from "./share.js";
import { CLOCKS, go, link, now } from "./state.js";
import { failed } from "./states.js";
import { t } from "./strings.js";
import { actor } from "./views/actor.js";
import { alliance, alliances } from "./views/alliances.js";
import { compare } from "./views/compare.js";
import { datasets } from "./views/datasets.js";
import { event } from "./views/event.js";
import { events } from "./views/events.js";
import { home } from "./views/home.js";
import { imports } from "./views/imports.js";
import { map } from "./views/map.js";
import { shift } from "./views/shift.js";

const VIEWS = { "": home, actor, alliance, alliances, compare, datasets, event, events, imports, map, shift };
const main = byId("content");
let turn = 0;
/** The query of the address that is shown. @type {string | null} */
let shown = null;
/** @type {string | null} */
let view = null;

/**
 * Draws the view of the address; `left` is how far one that was left before was scrolled, and how long it was.
 * @param {{ first?: boolean, left?: { scroll: number, height: number } | null }} [how]
 */
async function show({ first = false, left = null } = {}) {
  const mine = ++turn;
  shown = location.search;
  const name = now().get("view") ?? "";
  const same = name === view;
  view = name;
  for (const a of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("nav a"))) {
    if (new URL(a.href).searchParams.get("view") === name) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
    if (new URL(a.href).searchParams.has("view")) a.href = link(new URL(a.href).searchParams.get("view"));
  }
  showClock();
  showHint(name);
  main.classList.remove("waiting");
  main.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => { if (mine === turn) say(t("app.loading")); }, 500);
  const place = h("div", {});
  let made;
  try {
    if (same) main.prepend(place); else main.replaceChildren(place);
    made = await patiently(async () => (same && await VIEWS[name]?.update?.()) || (VIEWS[name] ?? home)(), place);
  } catch (error) {
    if (mine === turn) main.replaceChildren();
    made = [h("h1", {}, t("app.no_answer")), failed(error, () => show())];
  }
  clearTimeout(slow);
  if (mine !== turn) return;
  if (made === true) { // the view has changed itself
    place.remove();
    main.removeAttribute("aria-busy");
    printed.textContent = paperNote();
    say(main.querySelector("h1")?.textContent ?? "");
    return;
  }
  main.classList.remove("first");
  if (same || left) holdHeight(left?.height ?? main.offsetHeight); else main.style.minHeight = "";
  if (same && !awaitsFocus()) rememberFocus();
  main.replaceChildren(...[made].flat(Infinity).filter(Boolean));
  main.removeAttribute("aria-busy");
  const title = main.querySelector("h1");
  title?.after(shareButton() ?? "");
  document.title = title ? t("app.title", { title: title.dataset.page ?? title.textContent }) : t("app.name");
  printed.textContent = paperNote();
  say(title?.textContent ?? "");
  if (same) restoreFocus();
  else if (!first && title) { title.setAttribute("tabindex", "-1"); title.focus({ preventScroll: true }); }
  if (left) scrollTo(0, left.scroll); else if (!same && !first) scrollTo(0, 0);
}

/** Where a printed page is from, and when it was opened. */
const paperNote = () => t("app.printed", { address: location.href, day: new Date().toISOString().slice(0, 10), licences: `${location.origin}/v1/datasets` });

/** Says at the head of the page which record is shown: today's, or that of the clocks. */
function showClock() {
  const set = CLOCKS.filter((clock) => now().get(clock));
  for (const clock of CLOCKS) fieldById(clock).value = now().get(clock) ?? "";
  const whole = /** @type {HTMLDetailsElement} */ (byId("clock"));
  whole.classList.toggle("set", set.length > 0);
  whole.open = false;
  byId("clock-said").textContent = set.length ? set.map((clock) => t(clock === "as_of" ? "clock.as_of_set" : "clock.known_by_set", { value: now().get(clock) ?? "" })).join(" · ") : t("clock.today");
}

/** Keeps the page as long as it is until its parts have answered, so that nothing jumps. */
function holdHeight(height) {
  const mine = turn;
  main.style.minHeight = `${height}px`;
  const watching = new MutationObserver(() => {
    if (mine === turn && main.querySelector("[aria-busy]")) return;
    if (mine === turn) main.style.minHeight = "";
    watching.disconnect();
  });
  watching.observe(main, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"] });
}

history.scrollRestoration = "manual";
let scrolling;
addEventListener("scroll", () => {
  clearTimeout(scrolling);
  scrolling = setTimeout(() => history.replaceState({ scroll: scrollY, height: main.offsetHeight }, ""), 100);
}, { passive: true });
addEventListener("popstate", (pop) => { if (location.search !== shown) show({ left: pop.state ?? { scroll: 0, height: 0 } }); });
addEventListener("moved", () => show());

document.addEventListener("click", (click) => {
  const a = /** @type {Element} */ (click.target).closest?.("a[href]");
  if (!a || click.defaultPrevented || click.button || click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
  const url = new URL(a.getAttribute("href") ?? "", location.href);
  if (url.origin !== location.origin || url.pathname !== "/" || url.hash) return;
  click.preventDefault();
  go(url.pathname + url.search);
});

const printed = byId("printed");
byId("clocks").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const found = now();
  if (fieldById("as_of").value.trim() !== (found.get("as_of") ?? "")) found.delete("lineage"); // of the version before
  for (const clock of CLOCKS) {
    const value = fieldById(clock).value.trim();
    if (value) found.set(clock, value); else found.delete(clock);
  }
  go(`/?${found}`);
});

show({ first: true });
