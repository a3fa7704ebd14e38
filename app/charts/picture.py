"""Finish a picture: its words, its source, its scale for a reader of it, and hatched gaps. Pure.

The renderer has no hatching, no text below a plot, and does not say where the plot is; this adds
them to the SVG, from which the PNG is made too.
"""

import json
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from app.charts.vega_lite import GAP_COLOUR, INK, VegaSpec, wrap_words

CREDIT_SIZE, CREDIT_LINE, CREDIT_LETTER = 11, 14, 6.2
"""Pixels of the letters, of a line, and of the width of a letter of the source line."""
CREDIT_COLOUR = "#595959"
REMARK_GAP = 6
"""Pixels between the remarks and the source."""
HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="6" height="6" fill="#f7f7f7"/>'
    '<rect width="2" height="6" fill="#dddddd"/></pattern></defs>'
)
_HEAD = re.compile(
    r'<svg ([^>]*?) width="([\d.]+)" height="([\d.]+)" viewBox="[^"]*">'
    r'<rect width="[\d.]+" height="[\d.]+" fill="white"/>'
)
_ORIGIN = re.compile(r'<g fill="none"[^>]*transform="translate\(([\d.]+),([\d.]+)\)"')
_PLOT = re.compile(r'<path class="background"[^>]* d="M0\.5,0\.5h([\d.]+)v([\d.]+)h')


def finish_svg(svg: str, spec: VegaSpec, credit: str, remarks: Sequence[str] = ()) -> str:
    """Finish an SVG: label it, hatch its gaps, say its scale, and write words below it.

    These are the remarks, then the source. `data-remarks` has the remarks for pages that show them
    as text of their own; the group `remarks` says how high its lines are.
    """
    head = _HEAD.match(svg)
    assert head is not None, "the renderer writes another head"
    attributes, width, height = head[1], float(head[2]), float(head[3])
    letters = int((width - 16) / CREDIT_LETTER)
    noted = [line for one in remarks for line in wrap_words(one, letters)]
    noted_height = CREDIT_LINE * len(noted) + (REMARK_GAP if noted else 0)
    lines = wrap_words(credit, letters)
    whole = height + noted_height + CREDIT_LINE * len(lines)
    label = f' role="img" aria-label={quoteattr(spec["description"])}'
    if remarks:
        label += f" data-remarks={quoteattr(json.dumps(list(remarks), ensure_ascii=False))}"
    opened = (
        f'<svg {attributes}{label}{_write_scale(svg, spec)} width="{width:g}" height="{whole:g}"'
        f' viewBox="0 0 {width:g} {whole:g}">{HATCH}'
        f'<rect width="{width:g}" height="{whole:g}" fill="white"/>'
    )
    said = f' data-height="{noted_height:g}"'
    words = _write_lines(noted, height, "remarks", INK, said) if noted else ""
    words += _write_lines(lines, height + noted_height, "credit", CREDIT_COLOUR)
    body = svg[head.end() :].removesuffix("</svg>")
    return opened + body.replace(f'fill="{GAP_COLOUR}"', 'fill="url(#hatch)"') + words + "</svg>"


def _write_lines(lines: Sequence[str], top: float, name: str, colour: str, more: str = "") -> str:
    """Write lines of text as a group that can be found by its class."""
    written = "".join(
        f'<text x="8" y="{top + CREDIT_LINE * (n + 0.5):g}">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<g class="{name}"{more} font-family="Helvetica, Arial, sans-serif"'
        f' font-size="{CREDIT_SIZE}" fill="{colour}">{written}</g>'
    )


def _write_scale(svg: str, spec: VegaSpec) -> str:
    """Write where the plot is, in pixels, and its first and last days, as attributes."""
    days = spec["usermeta"].get("days")
    origin, plot = _ORIGIN.search(svg), _PLOT.search(svg)
    if days is None or origin is None or plot is None:
        return ""
    left, top = float(origin[1]), float(origin[2])
    edges = {"x0": left, "x1": left + float(plot[1]), "y0": top, "y1": top + float(plot[2])}
    named = {name: f"{value:g}" for name, value in edges.items()}
    named |= {"t0": days[0], "t1": days[1]}
    return "".join(f' data-{name}="{value}"' for name, value in named.items())
