/* The head of every page: the search for a name, and light or dark. */

import { combobox, resolveNames } from "./combobox.js";
import { byId } from "./dom.js";
import { go, link } from "./state.js";
import { t } from "./strings.js";

const search = document.getElementById("search");
const sought = combobox({ name: "name", id: "name", label: t("search.label"), bare: true, size: 15, placeholder: t("search.example"), onchoose: (code) => {
  go(link("actor", { actor: code }));
  sought.clear();
} });
search.prepend(sought);
search.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const text = byId("name").value.trim();
  if (text && !await resolveNames(search)) go(link("actor", { actor: text }));
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
