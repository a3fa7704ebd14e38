/* The reference of the API: Swagger UI, with a search over all operations. */

import { byId, fieldById } from "./dom.js";
import "./header.js";
import { t } from "./strings.js";

/** The operations in which every word occurs: in the method, path, summary, description or a parameter. */
function matching(tagged, phrase) {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const says = (one) => {
    const operation = one.get("operation");
    const names = operation.get("parameters")?.map((parameter) => parameter.get("name")).join(" ") ?? "";
    const text = [one.get("method"), one.get("path"), operation.get("summary"), operation.get("description"), operation.get("operationId"), names].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return tagged.map((tag) => tag.set("operations", tag.get("operations").filter(says))).filter((tag) => tag.get("operations").size > 0);
}

const field = fieldById("q");
const found = byId("found");
const reference = globalThis.SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "list", defaultModelsExpandDepth: 0,
  tryItOutEnabled: true, displayRequestDuration: true, plugins: [() => ({ fn: { opsFilter: matching } })],
});

let clock;
field.addEventListener("input", () => {
  clearTimeout(clock);
  clock = setTimeout(() => {
    const phrase = field.value.trim();
    reference.getSystem().layoutActions.updateFilter(phrase || false);
    requestAnimationFrame(() => { found.textContent = phrase ? t("reference.found", { n: document.querySelectorAll(".opblock").length }) : ""; });
  }, 150);
});
field.form?.addEventListener("submit", (submit) => submit.preventDefault());
