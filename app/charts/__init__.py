"""Charts: JSON answers become Vega-Lite specs, and these become SVG and PNG."""
