/* Charts drawn by the service, from the same definition as its PNG and its Vega-Lite spec. */

import { Failure, failed, get } from "./api.js";
import { h } from "./dom.js";

/** A figure with the chart of an address, in words for who cannot see it. */
export function chart(address) {
  const figure = h("figure", { "aria-busy": "true" });
  const url = new URL(address, location.origin);
  url.searchParams.set("format", "svg");
  const load = async () => {
    try {
      const text = await get(url.pathname + url.search, "image/svg+xml");
      const read = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      if (read.nodeName !== "svg") throw new Failure(500, { detail: "The chart cannot be read." });
      for (const odd of read.querySelectorAll("script, foreignObject, a, image, use")) odd.remove();
      const svg = document.importNode(read, true);
      svg.removeAttribute("width");
      svg.removeAttribute("height");
      const told = svg.getAttribute("aria-label");
      for (const part of svg.querySelectorAll("[role], [aria-label], [aria-roledescription]")) {
        for (const name of ["role", "aria-label", "aria-roledescription"]) part.removeAttribute(name);
      }
      figure.replaceChildren(svg, h("figcaption", {}, told));
    } catch (error) {
      figure.replaceChildren(failed(error, load));
    }
    figure.removeAttribute("aria-busy");
  };
  load();
  return figure;
}
