"""The family of a test: the changes of every dyad, or of every dyad of an actor."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from app.db.types import NO_END_DAY
from app.events.act_counts import read_counts_by_day
from app.shifts import question
from app.shifts.detect import DetectedShift, read_horizon
from app.shifts.queries import SUM_COLUMNS, select_all_day_sums
from app.shifts.question import AlignmentQuestion, CountedSignal, DyadFlow, Sums
from app.shifts.side_periods import GroupMembers, expand_sides, read_member_periods
from app.shifts.statistics import changepoints, detection, index
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.sums import DaySeries
from app.shifts.statistics.verdicts import complete_findings
from app.shifts.statistics.waves import PairVotes
from app.shifts.votes import read_votes_of_cases

DYADS_PER_BATCH = 500
Pair = tuple[str, str]
DirectedDays = Mapping[Pair, Sequence[tuple[str, Sums]]]
"""What passed from one actor to another: days with their sums."""
MIN_DYAD_MASS = round(2 * detection.MIN_EFFECTIVE_PER_SIDE * index.DAY_DISPERSION * 1000)
"""Least mass of a dyad that is tested, in thousandths.

With less in all, no change point can have enough on both sides.
"""
UNDATED_TEST = (1.0, 1.0)
"""p and weight of the test of a dyad whose best date leaves too little on a side.

It was tested, and would have been a finding if its best date were another one: without it q of
the others is too small.
"""


class FamilyShifts(NamedTuple):
    """Every shift of the dyads of a family, each with its q."""

    rows: list[DetectedShift]
    tests: int
    """The tests among which q was computed; those without a date have no row."""
    stale: int = 0
    """Dyads whose newest events are not included yet."""


def orient_pair(one: str, other: str, members: GroupMembers) -> Pair:
    """Order a dyad as (actor, partner): a group is the partner, since it counts with its members.

    Otherwise the actors keep their order.
    """
    return (other, one) if one in members and other not in members else (one, other)


def narrow_to_pair(
    asked: AlignmentQuestion, actor: str, partner: str, members: GroupMembers
) -> AlignmentQuestion:
    """Narrow a question to one dyad, with the members of a partner that is a group."""
    periods = expand_sides(actor, {partner: 1}, members)
    groups = (partner,) if partner in members else ()
    return replace(asked, actor=actor, toward=(partner,), periods=periods, groups=groups)


def read_directed_days(db: Connection, asked: AlignmentQuestion) -> DirectedDays:
    """Read what passed between any two actors, or between an actor and any other."""
    found: dict[Pair, list[tuple[str, Sums]]] = defaultdict(list)
    if asked.event_filter is None and asked.as_of is None:
        statement = select_all_day_sums(asked.datasets, asked.actor or None)
        for from_, toward, day, *sums in db.execute(statement):
            found[from_, toward].append((day, tuple(sums)))  # type: ignore[arg-type]
    else:
        for s in question.read_counted_signals(db, asked, all_dyads=True):
            found[s.from_, s.toward].append((s.day, _signal_sums(s)))
        if asked.event_filter is None:
            for row in read_counts_by_day(db, asked.datasets, asked.actor):
                passed = tuple(row[name] for name in SUM_COLUMNS)
                found[row["from"], row["toward"]].append((row["day"], passed))
    return found


def _signal_sums(s: CountedSignal) -> Sums:
    sums = [0] * 7
    question.add_signal(sums, s)
    return tuple(sums)  # type: ignore[return-value]


def list_dyads(
    directed: DirectedDays, asked: AlignmentQuestion, members: GroupMembers
) -> list[Pair]:
    """List the dyads of a family as (actor, partner), in order."""
    found = set()
    for from_, toward in directed:
        own = from_ == asked.actor
        if asked.actor:
            if asked.acts == "both" or (asked.acts == "own") == own:
                found.add((asked.actor, toward if own else from_))
        elif asked.acts == "both":
            found.add(orient_pair(min(from_, toward), max(from_, toward), members))
        else:
            found.add((from_, toward) if asked.acts == "own" else (toward, from_))
    return sorted(found)


def gather_flows(directed: DirectedDays, asked: AlignmentQuestion) -> Iterator[DyadFlow]:
    """Gather the flows of a question from what passed between any two actors."""
    for partner in asked.periods:
        if asked.acts != "theirs":
            for day, sums in directed.get((asked.actor, partner), ()):
                yield DyadFlow(partner, 1, day, sums)
        if asked.acts != "own":
            for day, sums in directed.get((partner, asked.actor), ()):
                yield DyadFlow(partner, 0, day, sums)


def has_testable_mass(days: DaySeries) -> bool:
    """Whether a dyad has the least mass that a test needs; no order of its days changes that."""
    return bool(days.mass.sum() >= MIN_DYAD_MASS)


def count_undated(every: Sequence[DaySeries], found: Sequence[Sequence[ShiftFinding]]) -> int:
    """Count the dyads that were tested without a finding."""
    pairs = zip(every, found, strict=True)
    return sum(not some and has_testable_mass(days) for days, some in pairs)


def detect_in_dyads(
    every: Sequence[DaySeries],
    last: str,
    fitted: Calibration,
    votes: Sequence[PairVotes | None] | None = None,
) -> list[list[ShiftFinding]]:
    """Detect the changes in each of some dyads, many of them in one batch.

    A dyad with too little data has none. `votes` are those that concern each.
    """
    votes = [None] * len(every) if votes is None else votes
    found: list[list[ShiftFinding]] = [[] for _ in every]
    able = [n for n, days in enumerate(every) if has_testable_mass(days)]
    for at in range(0, len(able), DYADS_PER_BATCH):
        begun = {
            n: detection.begin_scan(every[n], votes[n]) for n in able[at : at + DYADS_PER_BATCH]
        }
        detection.precompute_scan_p(begun.values())
        for n, some in begun.items():
            scan = detection.complete_scan(some)
            if scan.is_hopeless:
                continue
            days, end = every[n], str(every[n].day[-1]) if last == NO_END_DAY else last
            every_finding = detection.find_shifts(days, end, fitted.prior_share, scan)
            completed = complete_findings(every_finding, days, fitted.prior_share, scan.rows)
            pairs = zip(every_finding, completed, strict=True)
            found[n] = [after for before, after in pairs if before.enough]
    return found


def detect_family(db: Connection, asked: AlignmentQuestion, fitted: Calibration) -> FamilyShifts:
    """Detect every change of every dyad with enough data, with its q among all tests."""
    directed = read_directed_days(db, asked)
    names = {name for pair in directed for name in pair}
    members = read_member_periods(db, names, asked.as_of)
    cases = [narrow_to_pair(asked, *pair, members) for pair in list_dyads(directed, asked, members)]
    every = [question.gather_question_days(gather_flows(directed, case), case) for case in cases]
    votes = read_votes_of_cases(db, cases)
    found = detect_in_dyads(every, read_horizon(db, asked, None), fitted, votes)
    tested = [(case, finding) for case, some in zip(cases, found, strict=True) for finding in some]
    return rate_family(tested, count_undated(every, found))


def rate_family(
    tested: Sequence[tuple[AlignmentQuestion, ShiftFinding]], undated: int
) -> FamilyShifts:
    """Give each finding of a family its q among all tests, of which some have no date."""
    tests = [(f.p, f.weight) for _, f in tested] + [UNDATED_TEST] * undated
    rates = changepoints.rate_weighed_tests(tests)
    rows = [
        DetectedShift(case, finding, q, len(tests))
        for (case, finding), q in zip(tested, rates, strict=False)
    ]
    return FamilyShifts(rows, len(tests))
