"""Answer with a chart: what its picture says of names and sources is read beside its rows."""

from fastapi import Response
from sqlalchemy import Connection

from app.charts.rendering import render_chart
from app.charts.subjects import list_asked_codes, list_codes_of_shifts, read_path_code
from app.charts.vega_lite import VegaSpec
from app.events.counts import count_facets
from app.events.queries import read_names_of_codes
from app.events.resolved_filter import ResolvedFilter
from app.http.chart_formats import ChartName
from app.query_models import ChartFormat
from app.sources.citation import dataset_credit, read_cited_datasets


def answer_with_chart(
    db: Connection, chart: ChartName, form: ChartFormat, body: VegaSpec, width: int | None
) -> Response:
    """Answer with a chart in a format; raises as `render_chart` does."""
    return render_chart(chart, form, body | read_chart_context(db, chart, body), width)


def read_chart_context(db: Connection, chart: ChartName, body: VegaSpec) -> VegaSpec:
    """Read the `names` of the actors asked for, and the `credits` of the datasets drawn."""
    codes = list_drawn_datasets(body)
    if chart == "relations":
        partners_of = ResolvedFilter(actor=(read_path_code(body),))
        faces = count_facets(db, partners_of, ["dataset"])["dataset"]
        codes = [face["value"] for face in faces]
    meta = body.get("meta") or {}
    named = [*list_asked_codes(body), *(meta.get("partly_recorded") or ())]
    missing = [*(meta.get("closed") or ()), *(meta.get("unsearched") or ())]
    if chart == "shifts":
        named += list_codes_of_shifts(body)
    elif chart == "memberships":
        named += [row["group"] for row in body["memberships"]]
    elif chart == "members":
        named += [row["actor"] for row in body["data"]]
    return {
        "names": read_names_of_codes(db, list(dict.fromkeys(named)), None),
        "dataset_names": {one.code: one.name for one in read_cited_datasets(db, missing)}
        if missing
        else {},
        "credits": [dataset_credit(one) for one in read_cited_datasets(db, codes)] if codes else [],
    }


def list_drawn_datasets(body: VegaSpec) -> list[str]:
    """List the datasets of the rows of a chart, as far as the answer says."""
    named = body.get("datasets") or (body.get("meta") or {}).get("datasets")
    if named:
        return list(named)
    rows = body.get("memberships") or body.get("data") or []
    steps = [step for row in rows for step in row.get("steps", ())]
    events = [str(step["event"]) for step in steps if step.get("event")]
    return sorted({event.partition(":")[0] for event in events})
