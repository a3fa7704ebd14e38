/* One field for the names of actors: type, choose with the keys, keep the code. */

import { get } from "./api.js";
import { h, say } from "./dom.js";
import { nameNow, nameOf } from "./names.js";
import { lookUp, rich, t } from "./strings.js";

const PAUSE = 120;
/** What can be chosen: an actor, or what `also` finds, which has an address of its own.
 * @typedef {{ code: string, name: string, kind: string, href?: string, score?: number }} Choice */

/** Score from which on a name was meant; one below it is a guess, which comes last. */
const LIKELY = 90;
/** What kind of actor one is, in words. */
const kind = (/** @type {Choice} */ one) => lookUp(`names.${one.kind}`) ?? one.kind;
let made = 0;

/** @returns {Promise<Choice[]>} */
async function resolve(/** @type {string} */ text, limit = 8) {
  const body = await get(`/v1/actors/resolve?${new URLSearchParams({ q: text, limit: String(limit) })}`);
  return body.data;
}

/** The code of what was typed, where it is one actor's beyond doubt. */
function exact(/** @type {string} */ text, /** @type {Choice[]} */ found) {
  const own = text.match(/\(([^()]+)\)\s*$/)?.[1] ?? text;
  const same = found.filter((one) => one.code.toLowerCase() === own.trim().toLowerCase());
  if (same.length === 1) return same[0];
  const whole = found.filter((one) => one.score === 100);
  return whole.length === 1 ? whole[0] : null;
}

/**
 * A field with a list of suggestions (ARIA combobox). The codes are in a hidden input of the name;
 * with `many` they are separated by commas and shown as chips before the input. `also` finds what is
 * no actor, each with its `href`.
 * @param {{ name: string, label: string, value?: string, many?: boolean, placeholder?: string, size?: number, id?: string, bare?: boolean,
 *   onchoose?: ((code: string, one?: Choice) => void) | null, also?: ((text: string) => Promise<Choice[]>) | null }} options
 */
export function combobox({ name, label, value = "", many = false, placeholder = "", size = 16, onchoose = null, also = null, id = `f-${name}`, bare = false }) {
  const unique = `names-${made += 1}`;
  const hidden = h("input", { type: "hidden", name, value });
  const input = h("input", { id, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": unique, autocomplete: "off", spellcheck: "false", size, placeholder });
  const options = h("ul", { id: unique, role: "listbox", "aria-label": label, hidden: true });
  const fault = h("p", { id: `${unique}-fault`, class: "fault", hidden: true });
  const chips = h("span", { class: "chosen" });
  const whole = h("div", { class: "combobox" }, h("label", { for: id, class: bare ? "hidden" : null }, label), h("div", { class: "box" }, chips, input, options), fault, hidden);
  const codes = value.split(",").map((code) => code.trim()).filter(Boolean);
  const names = new Map();
  /** @type {Choice[]} */
  let found = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let clock;
  let at = -1, turn = 0;

  function draw() {
    hidden.value = codes.join(",");
    if (!many) return;
    chips.replaceChildren(...codes.map((code, n) => h("span", { class: "name" }, names.get(code) ?? code,
      h("button", { type: "button", "aria-label": t("names.remove", { name: names.get(code) ?? code }), onclick: () => { codes.splice(n, 1); draw(); input.focus(); } }, "×"))));
  }

  function close() {
    options.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function open() {
    options.replaceChildren(...found.map((one, n) => h("li", { id: `${unique}-${n}`, role: "option", "aria-selected": "false",
      onpointerdown: (/** @type {PointerEvent} */ press) => press.preventDefault(), onclick: () => choose(one) },
    h("span", {}, one.name), " ", h("span", { class: "quiet" }, t("names.option", { code: one.code, kind: kind(one) })))));
    options.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    at = -1;
    input.removeAttribute("aria-activedescendant");
    say(found.length ? t("names.found", { n: found.length }) : t("names.none"));
  }

  function point(/** @type {number} */ to) {
    options.children[at]?.setAttribute("aria-selected", "false");
    at = (to + found.length) % found.length;
    const option = options.children[at];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }

  function choose(/** @type {Choice} */ one) {
    if (one.href) { close(); onchoose?.(one.code, one); return; }
    names.set(one.code, one.name);
    if (many) { if (!codes.includes(one.code)) codes.push(one.code); input.value = ""; }
    else { codes.splice(0, codes.length, one.code); input.value = one.name; }
    blame(null);
    draw();
    close();
    onchoose?.(one.code);
  }

  function blame(/** @type {string | null} */ text, /** @type {Choice[]} */ near = []) {
    fault.hidden = text === null;
    const instead = near.flatMap((one, n) => [n ? ", " : "",
      h("button", { type: "button", class: "link", onclick: () => { choose(one); input.focus(); } }, one.name)]);
    fault.replaceChildren(...(text === null ? [] : [text, ...(near.length ? [" ", ...rich("names.did_you_mean", { names: instead }).flat()] : [])]));
    if (text === null) { input.removeAttribute("aria-invalid"); input.removeAttribute("aria-describedby"); }
    else { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", fault.id); }
  }

  async function suggest() {
    const mine = turn += 1;
    const text = input.value.trim();
    if (text.length < 2) { found = []; close(); return; }
    try {
      const [actors, more] = await Promise.all([resolve(text), also ? also(text).catch(() => []) : []]);
      const likely = (/** @type {Choice} */ one) => (one.score ?? 0) >= LIKELY;
      const answer = more.length ? [...actors.filter(likely), ...more, ...actors.filter((one) => !likely(one))] : actors;
      if (mine !== turn || document.activeElement !== input) return;
      found = answer;
      open();
    } catch { /* suggestions are a courtesy; what is wrong is said when the name is used */ }
  }

  /** Takes what was typed; false, with the reason below the field, where it names no one actor. */
  async function accept() {
    clearTimeout(clock);
    turn += 1;
    close();
    const typed = input.value.trim();
    if (!typed) { if (!many) { codes.length = 0; draw(); } return true; }
    if (!many && codes.length === 1 && (typed === names.get(codes[0]) || typed === codes[0])) return true;
    for (const text of many ? typed.split(/[,;]/).map((part) => part.trim()).filter(Boolean) : [typed]) {
      let near;
      try { near = await resolve(text, 5); } catch (error) { blame(String(error.message)); return false; }
      const one = exact(text, near);
      if (!one) {
        blame(t(near.some((n) => n.score === 100) ? "names.several" : "names.unknown", { text }), near.slice(0, 3));
        return false;
      }
      choose(one);
    }
    return true;
  }

  input.addEventListener("input", () => {
    if (!many) codes.length = 0;
    hidden.value = codes.join(",");
    blame(null);
    clearTimeout(clock);
    clock = setTimeout(suggest, PAUSE);
  });
  input.addEventListener("keydown", (key) => {
    if (key.key === "ArrowDown" || key.key === "ArrowUp") {
      key.preventDefault();
      if (options.hidden) { if (found.length) open(); else suggest(); return; }
      point(key.key === "ArrowDown" ? at + 1 : at < 0 ? found.length - 1 : at - 1);
    } else if (key.key === "Home" && at >= 0) { key.preventDefault(); point(0); }
    else if (key.key === "End" && at >= 0) { key.preventDefault(); point(found.length - 1); }
    else if (key.key === "Enter" && at >= 0) { key.preventDefault(); choose(found[at]); }
    else if (key.key === "Tab" && at >= 0) choose(found[at]);
    else if (key.key === "Escape") { if (!options.hidden) { key.preventDefault(); close(); } else if (input.value) { key.preventDefault(); input.value = ""; } }
    else if (key.key === "Backspace" && many && !input.value && codes.length) { codes.pop(); draw(); }
    else if (key.key === "," && many && input.value.trim()) { key.preventDefault(); accept(); }
  });
  input.addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== input) close(); }, 0));

  const show = (/** @type {string} */ code, /** @type {string} */ found) => {
    names.set(code, found);
    if (many) draw(); else if (input.value === code) input.value = found;
  };
  if (!many) input.value = value;
  for (const code of codes) if (nameNow(code) !== code) show(code, nameNow(code));
  draw();
  for (const code of codes) if (!names.has(code)) nameOf(code)?.then((found) => { if (found !== code) show(code, found); });
  return Object.assign(whole, { accept, clear: () => { input.value = ""; codes.length = 0; draw(); } });
}

/** Whether every name in a form is an actor's; the first that is not gets the focus. */
export async function resolveNames(/** @type {HTMLElement} */ form) {
  for (const field of /** @type {NodeListOf<ReturnType<typeof combobox>>} */ (form.querySelectorAll(".combobox"))) {
    if (!await field.accept()) { field.querySelector("input")?.focus(); return false; }
  }
  return true;
}
