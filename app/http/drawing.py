"""Output formats of routes whose answer can be drawn as a chart."""

import json
from collections.abc import Callable
from typing import Any, Literal, get_args

from fastapi import Request, Response
from pydantic import Field

from app.http.accept import accepted
from app.http.page import Query
from app.http.problems import PROBLEM, TITLES, InvalidError

Picture = Literal["json", "csv", "vega", "svg", "png"]
PICTURES: tuple[Picture, ...] = get_args(Picture)
MEDIA: dict[Picture, tuple[str, ...]] = {
    "json": ("application/json",),
    "csv": ("text/csv",),
    "vega": ("application/vnd.vegalite+json", "application/vnd.vegalite.v6+json"),
    "svg": ("image/svg+xml",),
    "png": ("image/png",),
}
Chart = Literal["timeline", "relations", "memberships", "members", "alignment", "shifts"]

MOST_NARROW = 280
"""Pixels that a chart needs at least for its labels and some of its plot."""
SIZED: frozenset[Picture] = frozenset({"vega", "svg", "png"})


class Drawn(Query):
    """Query parameters of a route whose answer can be drawn."""

    format: Picture | None = Field(
        None,
        description="`vega` (a Vega-Lite spec), `svg`, `png`, or `csv` of the drawn values;"
        " default: by the `Accept` header.",
    )
    width: int | None = Field(
        None,
        ge=MOST_NARROW,
        le=4000,
        description="Width of the whole drawing in pixels, for `vega`, `svg` and `png`; a PNG has"
        " two for each. Default: 720.",
    )


def drawable(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Add the chart formats to the OpenAPI `responses` of a route that documents its JSON."""
    others = {
        kinds[0]: {"schema": {"type": "string", "format": "binary", "title": name}}
        for name, kinds in MEDIA.items()
        if name != "json"
    }
    content = responses[200]["content"] | others
    return responses | {200: {"content": content}, 406: {**PROBLEM, "description": TITLES[406]}}


def form_of(request: Request, asked: Drawn) -> Picture:
    """Return the format that a request asks for, by `format` or by `Accept`."""
    return asked.format or accepted(request.headers.get("accept"), MEDIA)


def in_form(
    request: Request,
    chart: Chart,
    asked: Drawn,
    answer: Response,
    read_extra: Callable[[], dict[str, Any]] = dict,
) -> Response:
    """Return the answer itself for JSON, else a chart of it.

    `read_extra` returns further values for the chart, which are not in the JSON.
    """
    form = form_of(request, asked)
    if asked.width is not None and form not in SIZED:
        hint = "Leave width out, or ask for format=svg."
        raise InvalidError("width", f"does not go with format={form}", hint)
    if form != "json":
        body = json.loads(bytes(answer.body)) | read_extra()
        drawn: Response = request.app.state.charts(chart, form, body, asked.width)
        answer = drawn
    answer.headers["Vary"] = "Accept"
    return answer
