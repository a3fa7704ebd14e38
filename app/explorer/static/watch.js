/* How to hear of changes: by a feed always, by a webhook for who has a key. */

import { Failure } from "./api.js";
import { field, h, say } from "./dom.js";
import { FILTERS, now } from "./state.js";
import { t } from "./strings.js";

/** The filter of the view as `/v1/watches` takes it: several values of one name are a list. */
function readFilter() {
  const found = {};
  for (const [name, value] of now()) {
    if (!value || !FILTERS.includes(name)) continue;
    if (name in found) found[name] = [found[name], value].flat();
    else found[name] = value;
  }
  return found;
}

async function keepWatch(filled) {
  const answer = await fetch("/v1/watches", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `bearer ${filled.get("watch-key")}` },
    body: JSON.stringify({ name: document.title.slice(0, 200), events: readFilter(), webhook: { url: filled.get("watch-url") } }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Failure(answer.status, { ...body, detail: body.errors?.[0]?.message ?? body.detail });
  return body;
}

/** A form that keeps a watch on the filter of the view, with the reader's own key. */
function webhookForm() {
  const shown = h("div", { role: "status" });
  return h("details", {}, h("summary", {}, t("watch.webhook")),
    h("form", { class: "fields", "aria-label": t("watch.webhook"), onsubmit: async (submit) => {
      submit.preventDefault();
      try {
        const kept = await keepWatch(new FormData(submit.target));
        shown.replaceChildren(h("p", {}, t("watch.kept")), h("pre", { tabindex: 0, role: "region", "aria-label": t("watch.secret") }, kept.secret));
        submit.target.reset();
      } catch (failure) {
        shown.replaceChildren(h("p", { class: "problem" }, failure instanceof Failure ? failure.message : t("failure.unreachable")));
      }
      say(shown.textContent ?? "");
    } },
    field("watch-url", t("watch.address"), "", { size: 30, type: "url", required: true, placeholder: "https://" }),
    field("watch-key", t("watch.key"), "", { size: 24, type: "password", required: true, autocomplete: "off" }),
    h("button", {}, t("watch.keep"))), shown);
}

/** What the dialog of a view of events says about later changes; null for other views. */
export function watchParts() {
  if (now().get("view") !== "events") return null;
  const feed = (format) => `/v1/events?${new URLSearchParams([...Object.entries(readFilter()).flatMap(([name, value]) => [value].flat().map((one) => [name, one])), ["sort", "-recorded"], ["format", format]])}`;
  return [h("p", {}, h("a", { href: feed("atom") }, t("watch.atom")), " · ", h("a", { href: feed("jsonfeed") }, t("watch.json_feed")), " ", h("span", { class: "quiet" }, t("watch.feed_hint"))), webhookForm()];
}
