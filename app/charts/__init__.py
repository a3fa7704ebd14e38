"""Charts: from a JSON answer to a Vega-Lite spec, and from that to SVG and PNG."""
