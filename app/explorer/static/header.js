/* The head of every page: the search for a name, and light or dark. */

import { get } from "./api.js";
import { combobox, resolveNames } from "./combobox.js";
import { inWords } from "./dates.js";
import { byId, fieldById } from "./dom.js";
import { go, link } from "./state.js";
import { t } from "./strings.js";

const MOST_OTHERS = "3";

/** Events and sources with the words in them; the names of actors and groups are found by the field itself. */
async function findOthers(text) {
  const [events, sources] = await Promise.all(["events", "sources"].map((path) => get(`/v1/${path}?${new URLSearchParams({ q: text, limit: MOST_OTHERS })}`)));
  return [
    ...events.data.map((one) => ({ code: inWords(one.date), name: one.title, kind: "event", href: link("event", { id: one.id }) })),
    ...sources.data.map((one) => ({ code: one.publisher, name: one.title, kind: "source", href: link("events", { source: one.id }) })),
  ];
}

const search = byId("search");
const sought = combobox({ name: "name", id: "name", label: t("search.label"), bare: true, size: 15, placeholder: t("search.example"), also: findOthers, onchoose: (code, one) => {
  go(one?.href ?? link("actor", { actor: code }));
  sought.clear();
} });
search.prepend(sought);
search.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const text = fieldById("name").value.trim();
  if (text && !await resolveNames(search)) go(link("actor", { actor: text }));
});

const theme = byId("theme");
function paint(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
}
/** @type {string | null} */
let kept = null;
try { kept = localStorage.getItem("theme"); } catch { /* storage may be closed; then the system decides */ }
paint(kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
theme.addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme !== "dark";
  paint(dark);
  try { localStorage.setItem("theme", dark ? "dark" : "light"); } catch { /* not kept */ }
});
