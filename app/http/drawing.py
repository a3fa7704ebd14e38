"""Answers that are also pictures: which form is asked for, and who makes it."""

import json
from collections.abc import Callable
from typing import Any, Literal, get_args

from fastapi import Request, Response
from pydantic import Field

from app.http.accept import accepted
from app.http.page import Query
from app.http.problems import PROBLEM, TITLES

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


class Drawn(Query):
    """An address whose answer can be drawn."""

    format: Picture | None = Field(
        None,
        description="`vega` (a Vega-Lite spec), `svg`, `png`, or `csv` of what is drawn;"
        " without it `Accept` decides.",
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
    if form != "json":
        body = json.loads(bytes(answer.body)) | beside()
        drawn: Response = request.app.state.charts(chart, form, body)
        answer = drawn
    answer.headers["Vary"] = "Accept"
    return answer
