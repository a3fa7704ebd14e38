/* Puts the view of the address on the page. */

import { failed, get } from "./api.js";
import { h, say } from "./dom.js";
import { CLOCKS, go, link, now } from "./state.js";
import { actor } from "./views/actor.js";
import { alliance, alliances } from "./views/alliances.js";
import { compare } from "./views/compare.js";
import { event } from "./views/event.js";
import { events } from "./views/events.js";
import { home } from "./views/home.js";
import { map } from "./views/map.js";
import { shift } from "./views/shift.js";

const VIEWS = { "": home, actor, alliance, alliances, compare, event, events, map, shift };
const main = document.getElementById("content");
let turn = 0;
let shown = null;

async function show(focus = true) {
  const mine = ++turn;
  shown = location.search;
  const name = now().get("view") ?? "";
  for (const a of document.querySelectorAll("nav a")) {
    if (new URL(a.href).searchParams.get("view") === name) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
    if (new URL(a.href).searchParams.has("view")) a.href = link(new URL(a.href).searchParams.get("view"));
  }
  for (const clock of CLOCKS) document.getElementById(clock).value = now().get(clock) ?? "";
  main.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => { if (mine === turn) say("Loading …"); }, 500);
  let made;
  try {
    made = await (VIEWS[name] ?? home)();
  } catch (error) {
    made = [h("h1", {}, "No answer"), failed(error, () => show())];
  }
  clearTimeout(slow);
  if (mine !== turn) return;
  main.replaceChildren(...[made].flat(Infinity).filter(Boolean));
  main.removeAttribute("aria-busy");
  const title = main.querySelector("h1");
  document.title = title ? `${title.textContent} – Entente` : "Entente";
  if (focus && title) { title.setAttribute("tabindex", "-1"); title.focus({ preventScroll: true }); scrollTo(0, 0); }
  say(title?.textContent ?? "");
}

addEventListener("popstate", () => { if (location.search !== shown) show(); });
addEventListener("moved", () => show());

document.addEventListener("click", (click) => {
  const a = click.target.closest?.("a[href]");
  if (!a || click.defaultPrevented || click.button || click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
  const url = new URL(a.getAttribute("href"), location.href);
  if (url.origin !== location.origin || url.pathname !== "/" || url.hash) return;
  click.preventDefault();
  go(url.pathname + url.search);
});

document.getElementById("search").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const text = document.getElementById("name").value.trim();
  if (!text) return;
  const code = text.match(/\(([^()]+)\)$/)?.[1] ?? text;
  go(link("actor", { actor: code }));
});

let asked;
document.getElementById("name").addEventListener("input", (input) => {
  clearTimeout(asked);
  const text = input.target.value.trim();
  if (text.length < 2) return;
  asked = setTimeout(async () => {
    try {
      const body = await get(`/v1/actors/resolve?limit=8&q=${encodeURIComponent(text)}`);
      document.getElementById("names").replaceChildren(...body.data.map((c) => h("option", { value: `${c.name} (${c.code})` })));
    } catch { /* suggestions are a courtesy; the search itself says what is wrong */ }
  }, 150);
});

document.getElementById("clocks").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const found = now();
  for (const clock of CLOCKS) {
    const value = document.getElementById(clock).value.trim();
    if (value) found.set(clock, value); else found.delete(clock);
  }
  go(`/?${found}`);
});

const theme = document.getElementById("theme");
function paint(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
}
let kept = null;
try { kept = localStorage.getItem("theme"); } catch { /* storage may be closed; then the system decides */ }
paint(kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
theme.addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme !== "dark";
  paint(dark);
  try { localStorage.setItem("theme", dark ? "dark" : "light"); } catch { /* not kept */ }
});

show(false);
