"""From a question to its rows: the one way of lists, details, charts and the terminal."""

from typing import NamedTuple

from sqlalchemy import Connection

from app.shifts import detect, serialize
from app.shifts.detect import DetectedShift, FindingReference
from app.shifts.filter import Scope, ShiftQuery
from app.shifts.materialized import read
from app.shifts.question import AlignmentQuestion
from app.shifts.shift_id import ShiftReference
from app.shifts.statistics.null_distribution import Calibration


class ShiftList(NamedTuple):
    """The rows that answer a question, without an order."""

    rows: list[DetectedShift]
    tests: int
    """The tests among which q was computed."""
    stale: int
    """Dyads whose newest events are not included yet."""


def find_scope(question: AlignmentQuestion) -> Scope:
    """Return the tests among which the q of a question is computed."""
    return "named" if question.toward else "actor" if question.actor else "all"


def find_shifts_of_question(
    db: Connection,
    asked: ShiftQuery,
    question: AlignmentQuestion,
    known: Calibration,
    after: float | None = None,
) -> ShiftList:
    """Find the rows of a question, of its direction and onset; a named pair always has one.

    At least the first `limit` + 1 in the order that is asked for are among them, and with `after`
    those that follow a row of that sort key. The verdicts of a ranking are to be confirmed.
    """
    found = _find_candidates(db, asked, question, known, after)
    kept = serialize.filter_detected(found.rows, asked)
    if question.toward and not kept:
        kept = [detect.detect_level(db, question, known, found.rows)]
    return found._replace(rows=kept)


def _find_candidates(
    db: Connection,
    asked: ShiftQuery,
    question: AlignmentQuestion,
    known: Calibration,
    after: float | None,
) -> ShiftList:
    if question.toward:
        rows = detect.detect_named_pair(db, question, known)
        return ShiftList(rows, len(rows), 0)
    if asked.sort == "-at_least":
        bound = None if after is None else -after
        ranked = read.RankedFrom(asked.max_q, asked.direction, *asked.day_range, bound)
        best = read.read_most_certain(db, question, ranked, asked.limit + 1)
        if best is not None:
            return ShiftList(*best, 0)
    rows, tests, left = read.read_family(db, question, known)
    return ShiftList([row for row in rows if row.q <= asked.max_q], tests, left)


def find_referenced_shift(
    db: Connection, question: AlignmentQuestion, reference: ShiftReference, known: Calibration
) -> DetectedShift:
    """Find the row of a list that an id refers to, with the numbers that it had there."""
    sought = FindingReference(reference.method, reference.span)
    if reference.scope != "named":
        finding, days = detect.find_again(db, question, sought, known)
        q, size = read.rate_in_family(db, question, reference.scope, finding, known)
        row = DetectedShift(question, finding, q, size)
        return detect.assign_verdict(db, row, days, known)
    rows = detect.detect_named_pair(db, question, known)
    for row in rows:
        if (row.finding.method, row.finding.span) == sought:
            return row
    if reference.span is None:
        return detect.detect_level(db, question, known, rows)
    finding, days = detect.find_again(db, question, sought, known)
    tests = [(row.finding.p, row.finding.weight) for row in rows]
    q = detect.false_discovery_rate(finding, tests)
    return detect.assign_verdict(db, DetectedShift(question, finding, q, len(tests)), days, known)
