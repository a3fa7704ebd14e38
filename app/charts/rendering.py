"""Render the chart of an answer in the requested format."""

import csv
import io
from contextlib import suppress
from functools import cache
from threading import Thread
from types import ModuleType

from fastapi import Response

from app.charts import alignment, memberships, relations, shifts, timeline
from app.charts.picture import finish_svg
from app.charts.remarks import list_chart_remarks
from app.charts.subjects import compose_credit, compose_member_subject
from app.charts.vega_lite import SCHEMA, WIDTH, VegaSpec, draw_message
from app.errors import InvalidParameterError, MissingExtraError
from app.extras import load_extra
from app.http.chart_formats import ChartName
from app.json_encoding import encode_json
from app.query_models import ChartFormat, today
from app.text import escape_formula

VEGA_LITE = "6.4"
MAX_ROWS = 4_000
"""The most rows in a picture; more are unreadable and take seconds to draw."""
SVG_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
SCALE = 2.0
"""Pixels of a PNG for each pixel of the chart, for paper and screens of high density."""


def build_chart_spec(chart: ChartName, body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Build the Vega-Lite spec of an answer."""
    if chart == "memberships":
        periods, title = memberships.list_actor_periods(body), f"Memberships of {body['name']}"
        periods = memberships.name_periods(periods, body.get("names", {}))
        spec = memberships.draw_memberships(body, periods, title, today(), width)
    elif chart == "members":
        periods, title = memberships.list_group_periods(body), compose_member_subject(body)
        periods = memberships.name_periods(periods, body.get("names", {}))
        spec = memberships.draw_memberships(body, periods, title, today(), width)
    else:
        spec = {
            "timeline": timeline.draw_timeline,
            "relations": relations.draw_relations,
            "alignment": alignment.draw_alignment,
            "shifts": shifts.draw_shifts,
        }[chart](body, width)
    spec["usermeta"] |= {"credit": compose_credit(body), "remarks": list_chart_remarks(body)}
    spec["description"] = " ".join([spec["description"], *spec["usermeta"]["remarks"]])
    return spec


def build_chart_table(chart: ChartName, body: VegaSpec) -> list[dict[str, object]]:
    """Build the rows that a chart draws."""
    if chart in ("memberships", "members"):
        of = (
            memberships.list_actor_periods
            if chart == "memberships"
            else memberships.list_group_periods
        )
        return memberships.tabulate_memberships(of(body))
    return {
        "timeline": timeline.tabulate_timeline,
        "relations": relations.tabulate_relations,
        "alignment": alignment.tabulate_alignment,
        "shifts": shifts.tabulate_shifts,
    }[chart](body)


COLUMNS: dict[ChartName, tuple[str, ...]] = {
    "timeline": timeline.COLUMNS,
    "relations": relations.COLUMNS,
    "alignment": alignment.COLUMNS,
    "shifts": shifts.COLUMNS,
    "memberships": memberships.COLUMNS,
    "members": memberships.COLUMNS,
}


@cache
def _load_engine() -> ModuleType:
    """Import the renderer; raises `MissingExtraError` where it is not installed."""
    # Imported by the first picture: it takes 8 MB, which a process that only exports saves.
    return load_extra("charts")


@cache
def start_renderer() -> Thread:
    """Start the renderer in the background, once in a process, before its first picture is asked.

    Loading it takes half a second of CPU and 60 MB, which only those pay who open a page.
    """
    # Not a daemon: an interpreter that ends while the renderer starts would crash in it.
    started = Thread(target=_draw_first_picture, name="renderer", daemon=False)
    started.start()
    return started


def _draw_first_picture() -> None:
    with suppress(MissingExtraError):
        _load_engine().vegalite_to_svg(
            {"$schema": SCHEMA, **draw_message("")}, vl_version=VEGA_LITE, allowed_base_urls=[]
        )


def render_chart(
    chart: ChartName, form: ChartFormat, body: VegaSpec, width: int | None = None
) -> Response:
    """Render an answer as a Vega-Lite spec, as a picture of `width` pixels, or as CSV rows.

    Raises `InvalidParameterError` where a picture would have too many rows, and
    `MissingExtraError` where the extra `charts` is not installed.
    """
    if form == "csv":
        text = write_chart_csv(build_chart_table(chart, body), COLUMNS[chart])
        kept = {"Content-Disposition": f'attachment; filename="entente-{chart}.csv"'}
        kept |= _name_what_is_missing(body.get("meta") or {})
        return Response(text, headers=kept, media_type="text/csv; charset=utf-8")
    if len(body.get("data", [])) > MAX_ROWS:
        hint = "Ask for a shorter window or a coarser granularity, or for format=csv."
        raise InvalidParameterError("format", f"{form} draws {MAX_ROWS:,} rows at most", hint)
    spec = build_chart_spec(chart, body, width or WIDTH)
    if form == "vega":
        return Response(encode_json(spec), media_type="application/vnd.vegalite+json")
    options: dict[str, object] = {"vl_version": VEGA_LITE, "allowed_base_urls": []}
    drawn = _load_engine().vegalite_to_svg(spec, **options)
    svg = finish_svg(drawn, spec, spec["usermeta"]["credit"], spec["usermeta"]["remarks"])
    if form == "svg":
        return Response(svg, headers=SVG_HEADERS, media_type="image/svg+xml")
    return Response(render_png(svg), media_type="image/png")


def _name_what_is_missing(meta: VegaSpec) -> dict[str, str]:
    """Name in headers what the rows of a table leave out, which has no place in it."""
    named = {
        "Entente-Unsearched": meta.get("unsearched"),
        "Entente-Partly-Recorded": meta.get("partly_recorded"),
    }
    return {name: ", ".join(codes) for name, codes in named.items() if codes}


def render_png(svg: str) -> bytes:
    """Render a drawing as PNG, for paper and screens of high density."""
    made: bytes = _load_engine().svg_to_png(svg, scale=SCALE)
    return made


def write_chart_csv(rows: list[dict[str, object]], columns: tuple[str, ...]) -> str:
    """Write rows as CSV; no cell is a formula."""
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer)
    lines.writerow(columns)
    for row in rows:
        cells = (row[name] for name in columns)
        lines.writerow([escape_formula(c) if isinstance(c, str) else c for c in cells])
    return buffer.getvalue()
