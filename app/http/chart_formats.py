"""Output formats of routes whose answer can be drawn as a chart."""

import json
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from fastapi import Request, Response
from sqlalchemy import Connection

from app.errors import InvalidParameterError
from app.http.accept import document_formats, negotiate_format
from app.http.problems import Responses
from app.query_models import ChartFormat, ChartQuery

CHART_FORMATS: tuple[ChartFormat, ...] = get_args(ChartFormat)
CHART_MEDIA_TYPES: dict[ChartFormat, tuple[str, ...]] = {
    "json": ("application/json",),
    "csv": ("text/csv",),
    "vega": ("application/vnd.vegalite+json", "application/vnd.vegalite.v6+json"),
    "svg": ("image/svg+xml",),
    "png": ("image/png",),
}
ChartName = Literal["timeline", "relations", "memberships", "members", "alignment", "shifts"]

SIZED_FORMATS: frozenset[ChartFormat] = frozenset({"vega", "svg", "png"})


def add_chart_responses(
    responses: Responses,
) -> Responses:
    """Add the chart formats to the OpenAPI `responses` of a route that documents its JSON."""
    return document_formats(responses, CHART_MEDIA_TYPES)


def resolve_chart_format(request: Request, asked: ChartQuery) -> ChartFormat:
    """Return the format that a request asks for, by `format` or by `Accept`."""
    return asked.format or negotiate_format(request.headers.get("accept"), CHART_MEDIA_TYPES)


def respond_in_chart_format(
    request: Request,
    db: Connection,
    chart: ChartName,
    asked: ChartQuery,
    answer: Response,
    read_extra: Callable[[], Mapping[str, object]] = dict,
) -> Response:
    """Return the answer itself for JSON, else a chart of it.

    `read_extra` returns further values for the chart, which are not in the JSON.
    """
    form = resolve_chart_format(request, asked)
    if asked.width is not None and form not in SIZED_FORMATS:
        hint = "Leave width out, or ask for format=svg."
        raise InvalidParameterError("width", f"does not go with format={form}", hint)
    if form != "json":
        body = json.loads(bytes(answer.body)) | read_extra()
        drawn: Response = request.app.state.charts(db, chart, form, body, asked.width)
        answer = drawn
    answer.headers.add_vary_header("Accept")
    return answer
