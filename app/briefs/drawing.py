"""Draw the picture of a brief or an embed as SVG, as the charts of the API do."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.briefs.filter import PairQuery
from app.briefs.schemas import ActorBriefAnswer
from app.charts.answer import answer_with_chart, read_chart_context
from app.charts.remarks import list_chart_remarks
from app.charts.vega_lite import VegaSpec
from app.errors import InvalidParameterError
from app.events.buckets import TooManyBucketsError
from app.http.chart_formats import ChartName
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Links
from app.shifts import answers
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import resolve_question

PICTURE_WIDTH = 760
"""Pixels: what a page of paper has room for with letters of a readable size."""
SAID = ("remark", "remarks", "partly_recorded", "closed", "unsearched")
"""Fields of `meta` from which a picture says what it leaves out."""


def find_days_of_curve(
    db: Connection, asked: PairQuery, defaults: Sequence[str], version: Version, as_of: int | None
) -> tuple[str, str] | None:
    """Find the first and the last day of the curve of a pair; None where nothing is known."""
    curve = asked.to_alignment_query().model_copy(update={"granularity": "year"})
    question = resolve_question(db, curve, defaults, as_of)
    known = read_calibration(db, as_of)
    found = answers.build_alignment(db, curve, question, known, Links(self=""), version)
    return (found.data[0].start, found.data[-1].end) if found.data else None


class CurveAnswer(NamedTuple):
    """What the curve of a pair is drawn from."""

    body: VegaSpec
    """The answer of `/v1/alignment`."""
    remarks: list[str]
    """What has to be said beside the curve."""


def read_curve(
    db: Connection, asked: PairQuery, defaults: Sequence[str], version: Version, as_of: int | None
) -> CurveAnswer:
    """Read the index of a pair over time; raises `InvalidParameterError` for too many years."""
    curve = asked.to_alignment_query()
    question = resolve_question(db, curve, defaults, as_of)
    known = read_calibration(db, as_of)
    try:
        found = answers.build_alignment(db, curve, question, known, Links(self=""), version)
    except TooManyBucketsError as many:
        raise InvalidParameterError("since", str(many), "Ask for fewer years.") from many
    body = json.loads(encode_json(found))
    return CurveAnswer(body, list_remarks_of_chart(db, "alignment", body))


def list_remarks_of_chart(db: Connection, chart: ChartName, body: VegaSpec) -> list[str]:
    """List what the picture of an answer says below it."""
    return list_chart_remarks(body | read_chart_context(db, chart, body))


def draw_curve(
    db: Connection,
    asked: PairQuery,
    defaults: Sequence[str],
    read: VegaSpec,
    version: Version,
    as_of: int | None,
) -> str:
    """Draw the curve that was read as SVG, without its remarks, which the brief says in words."""
    curve = asked.to_alignment_query()
    question = resolve_question(db, curve, defaults, as_of)
    marks = answers.build_shift_marks(db, curve, question, read_calibration(db, as_of), version)
    body = read | marks
    body["meta"] = {name: value for name, value in body["meta"].items() if name not in SAID}
    drawn = answer_with_chart(db, "alignment", "svg", body, PICTURE_WIDTH)
    return bytes(drawn.body).decode()


def draw_shifts_of(db: Connection, answer: ActorBriefAnswer) -> str:
    """Draw the levels before and after each shift of an actor; empty where none is listed."""
    if not answer.data.shifts:
        return ""
    body = {
        "data": [shift.model_dump(mode="json") for shift in answer.data.shifts],
        "meta": answer.meta.model_dump() | {"actor": answer.data.actor},
        "datasets": [one.code for one in answer.data.datasets],
    }
    drawn = answer_with_chart(db, "shifts", "svg", body, PICTURE_WIDTH)
    return bytes(drawn.body).decode()
