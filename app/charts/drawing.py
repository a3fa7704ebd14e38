"""Render the chart of an answer in the requested format."""

import csv
import importlib
import io
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from fastapi import Response

from app.charts import alignment, memberships, relations, shifts, timeline
from app.charts.look import WIDTH, Spec
from app.events.flat import armoured
from app.http.answer import encode
from app.http.asked import today
from app.http.drawing import Chart, Picture
from app.http.problems import InvalidError

VEGA_LITE = "6.4"
MOST = 4_000
"""The most rows in a picture; more are unreadable and take seconds to draw."""
SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
SCALE = 2.0
"""Pixels of a PNG for each pixel of the chart, for paper and screens of high density."""


def spec_of(chart: Chart, body: Spec, width: int = WIDTH) -> Spec:
    """Build the Vega-Lite spec of an answer."""
    if chart == "memberships":
        title = f"Memberships of {body['name']}"
        return memberships.spec(memberships.of_actor(body), title, today(), width)
    if chart == "members":
        return memberships.spec(memberships.of_group(body), "Members over time", today(), width)
    return {
        "timeline": timeline.spec,
        "relations": relations.spec,
        "alignment": alignment.spec,
        "shifts": shifts.spec,
    }[chart](body, width)


def table_of(chart: Chart, body: Spec) -> list[dict[str, Any]]:
    """Build the rows that a chart draws."""
    if chart in ("memberships", "members"):
        of = memberships.of_actor if chart == "memberships" else memberships.of_group
        return memberships.table(of(body))
    return {
        "timeline": timeline.table,
        "relations": relations.table,
        "alignment": alignment.table,
        "shifts": shifts.table,
    }[chart](body)


COLUMNS: dict[Chart, tuple[str, ...]] = {
    "timeline": timeline.COLUMNS,
    "relations": relations.COLUMNS,
    "alignment": alignment.COLUMNS,
    "shifts": shifts.COLUMNS,
    "memberships": memberships.COLUMNS,
    "members": memberships.COLUMNS,
}


@cache
def _engine() -> Any:
    """Import the renderer."""
    # Imported by the first picture: it takes 8 MB, which a process that only exports saves.
    return importlib.import_module("vl_convert")


def draw(chart: Chart, form: Picture, body: Spec, width: int | None = None) -> Response:
    """Render an answer as a Vega-Lite spec, as a picture of `width` pixels, or as CSV rows.

    Raises `InvalidParameterError` where a picture would have too many rows.
    """
    if form == "csv":
        text = commas(table_of(chart, body), COLUMNS[chart])
        kept = {"Content-Disposition": f'attachment; filename="entente-{chart}.csv"'}
        return Response(text, headers=kept, media_type="text/csv; charset=utf-8")
    if len(body.get("data", [])) > MOST:
        hint = "Ask for a shorter window or a coarser granularity, or for format=csv."
        raise InvalidError("format", f"{form} draws {MOST:,} rows at most", hint)
    spec = spec_of(chart, body, width or WIDTH)
    if form == "vega":
        return Response(encode(spec), media_type="application/json")
    options: dict[str, Any] = {"vl_version": VEGA_LITE, "allowed_base_urls": []}
    if form == "svg":
        svg = spoken(_engine().vegalite_to_svg(spec, **options), spec["description"])
        return Response(svg, headers=SAFE, media_type="image/svg+xml")
    png = _engine().vegalite_to_png(spec, scale=SCALE, **options)
    return Response(png, media_type="image/png")


def spoken(svg: str, description: str) -> str:
    """Label an SVG, so that screen readers read it as one picture with a description."""
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(description)} ', 1)


def commas(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Write rows as CSV; no cell is a formula."""
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer)
    lines.writerow(columns)
    for row in rows:
        cells = (row[name] for name in columns)
        lines.writerow([armoured(c) if isinstance(c, str) else c for c in cells])
    return buffer.getvalue()
