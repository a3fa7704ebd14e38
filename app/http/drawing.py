"""Answers that are also pictures: which form is asked for, and who makes it."""

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
"""Pixels that a chart needs for its names and a little of its plot."""
SIZED: frozenset[Picture] = frozenset({"vega", "svg", "png"})


class Drawn(Query):
    """An address whose answer can be drawn."""

    format: Picture | None = Field(
        None,
        description="`vega` (a Vega-Lite spec), `svg`, `png`, or `csv` of what is drawn;"
        " without it `Accept` decides.",
    )
    width: int | None = Field(
        None,
        ge=MOST_NARROW,
        le=4000,
        description="Pixels of a drawing from edge to edge, with `vega`, `svg` and `png`; a PNG"
        " has two for each. 720 unless given.",
    )


def drawable(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer can be drawn, JSON being documented already."""
    others = {
        kinds[0]: {"schema": {"type": "string", "format": "binary", "title": name}}
        for name, kinds in MEDIA.items()
        if name != "json"
    }
    content = responses[200]["content"] | others
    return responses | {200: {"content": content}, 406: {**PROBLEM, "description": TITLES[406]}}


def form_of(request: Request, asked: Drawn) -> Picture:
    """The form that a request asks for, by `format` or by `Accept`."""
    return asked.format or accepted(request.headers.get("accept"), MEDIA)


def in_form(
    request: Request,
    chart: Chart,
    asked: Drawn,
    answer: Response,
    beside: Callable[[], dict[str, Any]] = dict,
) -> Response:
    """The answer itself where JSON is wanted, else the chart of it and of what stands beside it."""
    form = form_of(request, asked)
    if asked.width is not None and form not in SIZED:
        hint = "Leave width out, or ask for format=svg."
        raise InvalidError("width", f"does not go with format={form}", hint)
    if form != "json":
        body = json.loads(bytes(answer.body)) | beside()
        drawn: Response = request.app.state.charts(chart, form, body, asked.width)
        answer = drawn
    answer.headers["Vary"] = "Accept"
    return answer
