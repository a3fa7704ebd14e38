"""Detects the shifts of a question or of every dyad, and judges how certain they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from app.db.types import NO_END_DAY
from app.shifts import queries, question
from app.shifts.question import AlignmentQuestion, CountedSignal
from app.shifts.statistics import attribution, changepoints, detection
from app.shifts.statistics.attribution import SignalPart
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.null_model import NullModel
from app.shifts.statistics.scan_rows import Method, select_days
from app.shifts.statistics.sums import DaySeries
from app.shifts.statistics.verdicts import (
    Verdict,
    change_persists,
    decide_verdict,
    drop_influential_months,
    is_watched,
    needs_checks,
)

EVENTS_PER_QUERY = 500


class FindingReference(NamedTuple):
    """What tells the findings of a question apart."""

    method: Method
    span: tuple[str, str, str] | None


@dataclass(frozen=True, slots=True)
class DetectedShift:
    """A finding with the question it answers, its q and its verdict."""

    question: AlignmentQuestion
    finding: ShiftFinding
    q: float
    family_size: int
    verdict: Verdict
    robust: bool | None


def read_horizon(db: Connection, asked: AlignmentQuestion, days: DaySeries | None) -> str:
    """Read the horizon of a question: the last day on which an event could have been known.

    It is the last day that the datasets cover, or `known_by` if that is earlier.
    """
    spans = db.execute(queries.select_coverage(asked.datasets, asked.as_of))
    last = max((r.last for r in spans), default=str(days.day[-1]) if days else NO_END_DAY)
    return min(last, asked.known_by or last)


def detect_named_pair(
    db: Connection, asked: AlignmentQuestion, fitted: Calibration, days: DaySeries | None = None
) -> list[DetectedShift]:
    """Detect the shifts between named sides, in their days if the caller has them.

    At least one row is returned; it may say that there is no shift.
    """
    days = question.read_question_days(db, asked) if days is None else days
    last = read_horizon(db, asked, days)
    found = detection.find_shifts(days, last, fitted.prior_share)
    rates = changepoints.benjamini_hochberg([f.p for f in found])
    watched = is_watched(days, fitted.prior_share)
    detected = []
    for n, (finding, q) in enumerate(zip(found, rates, strict=True)):
        newest = n == len(found) - 1
        row = DetectedShift(asked, finding, q, len(found), "no_evidence", None)
        detected.append(assign_verdict(db, row, days, fitted.null, watched and newest))
    return detected


def detect_level(
    db: Connection, asked: AlignmentQuestion, fitted: Calibration, family: int
) -> DetectedShift:
    """Detect only the level between named sides.

    It answers a question whose direction or days exclude every shift that was detected.
    """
    days = question.read_question_days(db, asked)
    last = read_horizon(db, asked, days)
    undated = detection.finding_at_span(days, "event_days", None, last, fitted.prior_share)
    return DetectedShift(asked, replace(undated, enough=True), 1.0, family, "no_evidence", None)


def detect_in_dyad(
    db: Connection,
    asked: AlignmentQuestion,
    reference: FindingReference,
    tests: Sequence[float],
    fitted: Calibration,
) -> DetectedShift:
    """Detect one change of a dyad again, as a test of a family with the p values `tests`."""
    days = question.read_question_days(db, asked)
    last = read_horizon(db, asked, days)
    found = detection.find_shifts(days, last, fitted.prior_share)
    same = (f for f in found if (f.method, f.span) == reference)
    finding = next(same, None) or detection.finding_at_span(
        days, *reference, last, fitted.prior_share
    )
    q = false_discovery_rate(finding.p, tests)
    row = DetectedShift(asked, finding, q, len(tests), "no_evidence", None)
    return assign_verdict(db, row, days, fitted.null, watched=False)


def assign_verdict(
    db: Connection, row: DetectedShift, days: DaySeries, null: NullModel, watched: bool
) -> DetectedShift:
    """Add the verdict to a row; robustness is checked only where the verdict depends on it."""
    robust = None
    if needs_checks(row.finding):
        robust = check_robustness(db, row.question, row.finding, days, null)
    verdict = decide_verdict(row.finding, row.q, robust, watched)
    return replace(row, verdict=verdict, robust=robust)


def check_robustness(
    db: Connection,
    asked: AlignmentQuestion,
    finding: ShiftFinding,
    days: DaySeries,
    null: NullModel,
) -> bool:
    """Check whether the change is robust.

    It must persist without its two most influential months, and without its top publisher.
    """
    assert finding.span is not None
    first, _, last = finding.span
    inside = select_days(days, first, last)
    if not change_persists(finding, drop_influential_months(finding, inside), null):
        return False
    signals = [s for s in question.read_counted_signals(db, asked) if first <= s.day <= last]
    sources = read_publishers_by_event(db, asked, {s.event for s in signals})
    top = find_top_publisher(finding, days, asked, signals, sources)
    rest = [s for s in signals if sources.get(s.event) != {top}]
    left = question.gather_question_days(question.sum_signals(rest, asked), asked)
    return len(rest) == len(signals) or change_persists(finding, left, null)


def read_publishers_by_event(
    db: Connection, asked: AlignmentQuestion, events: set[str]
) -> dict[str, set[str]]:
    """Read the publishers of the reports of each of some events."""
    found: dict[str, set[str]] = defaultdict(set)
    ids = sorted(events)
    for at in range(0, len(ids), EVENTS_PER_QUERY):
        rows = queries.select_publishers_of_events(
            ids[at : at + EVENTS_PER_QUERY], asked.known_by, asked.as_of
        )
        for r in db.execute(rows):
            found[r.event].add(r.publisher)
    return found


def to_signal_part(asked: AlignmentQuestion, s: CountedSignal) -> SignalPart | None:
    """Turn a signal into its part in a question; None where it does not count."""
    own = s.from_ == asked.actor
    side = asked.side_on(s.toward if own else s.from_, s.day)
    if side == 0 or (asked.acts != "both" and (asked.acts == "own") != own):
        return None
    return SignalPart(s.day, s.mass, (s.score > 0) == (side > 0))


def find_top_publisher(
    finding: ShiftFinding,
    days: DaySeries,
    asked: AlignmentQuestion,
    signals: Sequence[CountedSignal],
    sources: dict[str, set[str]],
) -> str | None:
    """Find the publisher that alone carries most of the change.

    Only events that a single publisher reports are counted for it.
    """
    parts = [(s, to_signal_part(asked, s)) for s in signals]
    counted = [(s, part) for s, part in parts if part is not None]
    values, _ = attribution.attribute_change(finding, days, [part for _, part in counted])
    total: dict[str, float] = defaultdict(float)
    for (s, _), value in zip(counted, values, strict=True):
        if len(sources.get(s.event, ())) == 1:
            total[next(iter(sources[s.event]))] += value if finding.change > 0 else -value
    return max(sorted(total), key=lambda name: total[name], default=None)


def confirm_verdicts(
    db: Connection, rows: Sequence[DetectedShift], fitted: Calibration
) -> list[DetectedShift]:
    """Add the verdicts to the rows of a ranking.

    A stored result of the robustness check is kept.
    """
    found = []
    for row in rows:
        if row.robust is None and needs_checks(row.finding):
            days = question.read_question_days(db, row.question)
            found.append(assign_verdict(db, row, days, fitted.null, watched=False))
        else:
            verdict = decide_verdict(row.finding, row.q, row.robust, watched=False)
            found.append(replace(row, verdict=verdict))
    return found


def false_discovery_rate(p: float, tests: Sequence[float]) -> float:
    """Return the q of a test, by its p, among the tests of which it is one."""
    near = min(range(len(tests)), key=lambda n: abs(tests[n] - p), default=None)
    return p if near is None else changepoints.benjamini_hochberg(tests)[near]
