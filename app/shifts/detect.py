"""Detects the shifts of a question, and judges how certain they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from app.db.types import NO_END_DAY
from app.events.acted_for import describe_acted_for
from app.shifts import queries, question
from app.shifts.checks import check_finding, find_group_part
from app.shifts.formal_steps import FormalStep
from app.shifts.question import AlignmentQuestion, DyadFlow
from app.shifts.statistics import changepoints, detection
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.scan_rows import Method
from app.shifts.statistics.sums import DaySeries
from app.shifts.statistics.verdicts import (
    STRENGTH,
    FindingChecks,
    GroupPart,
    Verdict,
    complete_findings,
    decide_verdict,
    needs_checks,
)
from app.shifts.votes import read_votes_of_cases


class FindingReference(NamedTuple):
    """What tells the findings of a question apart."""

    method: Method
    span: tuple[str, str, str] | None


@dataclass(frozen=True, slots=True)
class RecordedActs:
    """The acts on which a level rests: from when to when, and with which members of a group."""

    first: str
    last: str
    n: int
    with_members: tuple[tuple[str, int], ...]
    """Members that were not named and the number of acts with them, the most first."""


@dataclass(frozen=True, slots=True)
class DetectedShift:
    """A finding with the question it answers, its q, its checks and its verdict."""

    question: AlignmentQuestion
    finding: ShiftFinding
    q: float
    family_size: int
    verdict: Verdict = "no_evidence"
    checks: FindingChecks | None = None
    excluded: bool = False
    """Whether the question excludes every shift by its direction or its days."""
    steps: tuple[FormalStep, ...] = ()
    """Formal steps between the sides in the time of the finding; set where a row is shown."""
    acts: RecordedActs | None = None
    """Set where a named pair is shown of which no change is claimed."""
    part: GroupPart | None = None
    """Which part a group and its members have in a level; that in a change is in the checks."""
    others: tuple["DetectedShift", ...] = ()
    """The changes that were found where the question excludes them all."""
    acted_for: tuple[str, ...] = ()
    """For whom the silent sides of a named pair act, in sentences."""

    @property
    def named_publisher(self) -> str | None:
        """The publisher on which all rests, if it is one and the reader may see the events."""
        if self.checks is None or self.question.has_closed_rows:
            return None
        return self.checks.single_publisher

    @property
    def group_part(self) -> GroupPart | None:
        """Which part a group and its members have in what is found."""
        return self.checks.part if self.checks else self.part

    @property
    def is_mutual(self) -> bool:
        """Whether the acts of both sides are added up, so that nothing says which side moved."""
        asked = self.question
        return asked.acts == "both" and len(asked.toward) == 1 and not asked.against


def read_horizon(db: Connection, asked: AlignmentQuestion, days: DaySeries | None) -> str:
    """Read the horizon of a question: the last day on which an event could have been known.

    It is the last day that the datasets cover, or `known_by` if that is earlier.
    """
    spans = db.execute(queries.select_coverage(asked.datasets, asked.as_of))
    last = max((r.last for r in spans), default=str(days.day[-1]) if days else NO_END_DAY)
    return min(last, asked.known_by or last)


def find_complete_shifts(
    db: Connection, asked: AlignmentQuestion, days: DaySeries, fitted: Calibration
) -> list[ShiftFinding]:
    """Find the changes in the days of a question, or the one row that says that there is none."""
    last = read_horizon(db, asked, days)
    [votes] = read_votes_of_cases(db, [asked])
    begun = detection.begin_scan(days, votes)
    found = detection.find_shifts(days, last, fitted.prior_share, begun)
    return complete_findings(found, days, fitted.prior_share, begun.rows)


def detect_named_pair(
    db: Connection, asked: AlignmentQuestion, fitted: Calibration
) -> list[DetectedShift]:
    """Detect the shifts between named sides.

    At least one row is returned; it may say that there is no shift.
    """
    flows = question.read_flows(db, asked)
    days = question.gather_question_days(flows, asked)
    found = find_complete_shifts(db, asked, days, fitted)
    rates = changepoints.benjamini_hochberg([min(1.0, f.p / f.weight) for f in found])
    rows = [DetectedShift(asked, f, q, len(found)) for f, q in zip(found, rates, strict=True)]
    silent = asked.list_silent_sides({flow.partner for flow in flows})
    acted_for = tuple(describe_acted_for(db, silent, asked.as_of))
    judged = [assign_verdict(db, row, days, fitted) for row in rows]
    return add_recorded_acts([replace(row, acted_for=acted_for) for row in judged], flows)


def add_recorded_acts(
    rows: Sequence[DetectedShift], flows: Sequence[DyadFlow]
) -> list[DetectedShift]:
    """Add to each row of which a level and no change is claimed what the level rests on."""
    return [
        replace(row, acts=_describe_acts(row.question, flows))
        if row.verdict not in STRENGTH and row.finding.after is not None
        else row
        for row in rows
    ]


def _describe_acts(case: AlignmentQuestion, flows: Sequence[DyadFlow]) -> RecordedActs | None:
    counted = [flow for flow in flows if case.side_on(flow.partner, flow.day)]
    if not counted:
        return None
    members: Counter[str] = Counter()
    for flow in counted:
        if flow.partner not in (*case.toward, *case.against):
            members[flow.partner] += flow.sums[0]
    days, n = [flow.day for flow in counted], sum(flow.sums[0] for flow in counted)
    return RecordedActs(min(days), max(days), n, tuple(members.most_common()))


def detect_level(
    db: Connection, asked: AlignmentQuestion, fitted: Calibration, found: Sequence[DetectedShift]
) -> DetectedShift:
    """Detect only the level between named sides.

    It answers a question whose direction or days exclude every shift that was `found`.
    """
    days = question.read_question_days(db, asked)
    last = read_horizon(db, asked, days)
    undated = detection.finding_at_span(days, "event_days", None, last, fitted.prior_share)
    others = tuple(row for row in found if row.verdict in ("strong", "shift", "weak"))
    return DetectedShift(asked, undated, 1.0, len(found), excluded=True, others=others)


def find_again(
    db: Connection, asked: AlignmentQuestion, sought: FindingReference, fitted: Calibration
) -> tuple[ShiftFinding, DaySeries]:
    """Find one change of a dyad again, and return it with the days of the dyad."""
    days = question.read_question_days(db, asked)
    found = find_complete_shifts(db, asked, days, fitted)
    finding = next((f for f in found if (f.method, f.span) == sought), None)
    if finding is None:  # an id that an older program gave out
        last = read_horizon(db, asked, days)
        finding = detection.finding_at_span(days, *sought, last, fitted.prior_share)
    return finding, days


def assign_verdict(
    db: Connection, row: DetectedShift, days: DaySeries, fitted: Calibration
) -> DetectedShift:
    """Add the checks and the verdict to a row; only what may be a shift is checked."""
    checks = row.checks
    if checks is None and needs_checks(row.finding):
        checks = check_finding(db, row.question, row.finding, days, fitted)
    verdict = decide_verdict(row.finding, row.q, checks)
    return _weigh_group_part(db, replace(row, checks=checks, verdict=verdict))


def _weigh_group_part(db: Connection, row: DetectedShift) -> DetectedShift:
    """Weigh how much of a level that would be claimed passed with a group and its members."""
    case = row.question
    if row.checks or not case.groups or row.verdict not in ("steady", "watch"):
        return row
    passed: Counter[str] = Counter()
    flows = [f for f in question.read_flows(db, case) if case.side_on(f.partner, f.day)]
    for flow in flows:
        passed[flow.partner] += flow.sums[1] + flow.sums[2]
    days = [flow.day for flow in flows]
    part = find_group_part(db, case, passed, min(days), max(days), is_change=False)
    return replace(row, part=part, verdict=decide_verdict(row.finding, row.q, None, part))


def confirm_verdicts(
    db: Connection, rows: Sequence[DetectedShift], fitted: Calibration
) -> list[DetectedShift]:
    """Add the verdicts to the rows of a ranking; stored checks are kept."""
    found = []
    for row in rows:
        if row.checks is None and needs_checks(row.finding):
            days = question.read_question_days(db, row.question)
            found.append(assign_verdict(db, row, days, fitted))
        else:
            verdict = decide_verdict(row.finding, row.q, row.checks)
            found.append(_weigh_group_part(db, replace(row, verdict=verdict)))
    return found


def false_discovery_rate(finding: ShiftFinding, tests: Sequence[tuple[float, float]]) -> float:
    """Return the q of a finding among the tests, p and weight, of which it is one."""

    def distance(n: int) -> float:
        return abs(tests[n][0] - finding.p) + abs(tests[n][1] - finding.weight)

    near = min(range(len(tests)), key=distance, default=None)
    return finding.p if near is None else changepoints.rate_weighed_tests(tests)[near]
