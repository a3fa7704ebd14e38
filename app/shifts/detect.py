"""Detects the shifts of a question or of every dyad, and judges how certain they are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from app.db.types import NEVER
from app.shifts import breaks, case, judge, measure, queries, shares
from app.shifts.breaks import KEDS, Null
from app.shifts.case import Case, Flow, Spell, Told
from app.shifts.judge import Finding, Verdict
from app.shifts.measure import Days
from app.shifts.shares import Part

PART = 500
Pair = tuple[str, str]
LEAST_MASS = round(2 * judge.LEAST_EFFECTIVE * measure.DAY_DISPERSION * 1000)
"""Least mass of a dyad that is tested, in thousandths.

With less in all, no change point can have enough on both sides.
"""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `entente shifts calibrate` fits to a corpus."""

    null: Null = KEDS
    """Null model of the robustness check."""
    share: float = 0.5
    """The prior share θ₀: of all mass, what is cooperative."""


@dataclass(frozen=True, slots=True)
class Detected:
    """A finding with the question it answers, its q and its verdict."""

    case: Case
    finding: Finding
    q: float
    family: int
    verdict: Verdict
    robust: bool | None


def horizon(db: Connection, asked: Case, days: Days | None) -> str:
    """Read the horizon of a question: the last day on which an event could have been known.

    It is the last day that the datasets cover, or `known_by` if that is earlier.
    """
    spans = db.execute(queries.covered(asked.datasets, asked.as_of))
    last = max((r.last for r in spans), default=str(days.day[-1]) if days else NEVER)
    return min(last, asked.known_by or last)


def named(db: Connection, asked: Case, fitted: Fitted) -> list[Detected]:
    """Detect the shifts between named sides.

    At least one row is returned; it may say that there is no shift.
    """
    days = case.days_of(case.flows(db, asked), asked)
    last = horizon(db, asked, days)
    found = judge.findings(days, asked.weighed, last, fitted.share)
    rates = breaks.adjusted([f.p for f in found])
    watched = judge.watched(days, fitted.share)
    detected = []
    for n, (finding, q) in enumerate(zip(found, rates, strict=True)):
        newest = n == len(found) - 1
        row = Detected(asked, finding, q, len(found), "no_evidence", None)
        detected.append(judged(db, row, days, fitted.null, watched and newest))
    return detected


def level(db: Connection, asked: Case, fitted: Fitted, family: int) -> Detected:
    """Detect only the level between named sides.

    It answers a question whose direction or days exclude every shift that was detected.
    """
    days = case.days_of(case.flows(db, asked), asked)
    last = horizon(db, asked, days)
    undated = judge.at_span(days, "event_days", None, last, fitted.share)
    return Detected(asked, replace(undated, enough=True), 1.0, family, "no_evidence", None)


def judged(db: Connection, row: Detected, days: Days, null: Null, watched: bool) -> Detected:
    """Add the verdict to a row; robustness is checked only where the verdict depends on it."""
    robust = None
    if judge.worth_testing(row.finding, row.q):
        robust = sturdy(db, row.case, row.finding, days, null)
    verdict = judge.verdict(row.finding, row.q, robust, watched)
    return replace(row, verdict=verdict, robust=robust)


def sturdy(db: Connection, asked: Case, finding: Finding, days: Days, null: Null) -> bool:
    """Check whether the change is robust.

    It must persist without its two most influential months, and without its top publisher.
    """
    assert finding.span is not None
    first, _, last = finding.span
    inside = judge.within(days, first, last)
    if not judge.holds(finding, judge.without_telling_months(finding, inside), null):
        return False
    signals = [s for s in case.told(db, asked) if first <= s.day <= last]
    sources = sources_of(db, asked, {s.event for s in signals})
    top = top_source(finding, days, asked, signals, sources)
    rest = [s for s in signals if sources.get(s.event) != {top}]
    left = case.days_of(case.summed(rest, asked), asked)
    return len(rest) == len(signals) or judge.holds(finding, left, null)


def sources_of(db: Connection, asked: Case, events: set[str]) -> dict[str, set[str]]:
    """Read the publishers of the reports of each of some events."""
    found: dict[str, set[str]] = defaultdict(set)
    ids = sorted(events)
    for at in range(0, len(ids), PART):
        rows = queries.reports_of(ids[at : at + PART], asked.known_by, asked.as_of)
        for r in db.execute(rows):
            found[r.event].add(r.publisher)
    return found


def part_of(asked: Case, s: Told) -> Part | None:
    """Turn a signal into its part in a question; None where it does not count."""
    own = s.from_ == asked.actor
    side = asked.side(s.toward if own else s.from_, s.day)
    if side == 0 or (asked.acts != "both" and (asked.acts == "own") != own):
        return None
    return Part(s.day, s.mass, (s.score > 0) == (side > 0))


def top_source(
    finding: Finding, days: Days, asked: Case, signals: Sequence[Told],
    sources: dict[str, set[str]],
) -> str | None:  # fmt: skip
    """Find the publisher that alone carries most of the change.

    Only events that a single publisher reports are counted for it.
    """
    parts = [(s, part_of(asked, s)) for s in signals]
    counted = [(s, part) for s, part in parts if part is not None]
    values, _ = shares.attributed(finding, days, [part for _, part in counted])
    total: dict[str, float] = defaultdict(float)
    for (s, _), value in zip(counted, values, strict=True):
        if len(sources.get(s.event, ())) == 1:
            total[next(iter(sources[s.event]))] += value if finding.change > 0 else -value
    return max(sorted(total), key=lambda name: total[name], default=None)


def dyads(db: Connection, asked: Case) -> dict[Pair, list[Flow]]:
    """Read what passed in every dyad, or in every dyad of the actor."""
    rows: list[tuple[str, str, str, tuple[int, ...]]]
    if asked.narrowed is None and asked.as_of is None:
        statement = queries.all_sums(asked.datasets, asked.actor or None)
        rows = [(r[0], r[1], r[2], tuple(r[3:])) for r in map(tuple, db.execute(statement))]
    else:
        rows = [(s.from_, s.toward, s.day, _sums(s)) for s in case.told(db, asked, all_dyads=True)]
    found: dict[Pair, list[Flow]] = defaultdict(list)
    for from_, toward, day, sums in rows:
        pair, own = (from_, toward), 1
        if asked.actor:
            own = int(from_ == asked.actor)
            pair = (asked.actor, toward if own else from_)
        elif asked.acts == "theirs" or (asked.acts == "both" and toward < from_):
            pair, own = (toward, from_), 0
        if asked.acts == "both" or (asked.acts == "own") == bool(own):
            found[pair].append(Flow(pair[1], own, day, sums))  # type: ignore[arg-type]
    return found


def _sums(s: Told) -> tuple[int, ...]:
    sums = [0] * 7
    case.add(sums, s)
    return tuple(sums)


def of_pair(asked: Case, actor: str, partner: str) -> Case:
    """Narrow a question to one dyad."""
    return replace(asked, actor=actor, toward=(partner,), spells={partner: [Spell("", "~", 1)]})


def found_in(days: Days, last: str, fitted: Fitted) -> list[Finding]:
    """Detect the changes in one dyad; empty where it has too little data."""
    return found_in_each([days], last, fitted)[0]


def found_in_each(every: Sequence[Days], last: str, fitted: Fitted) -> list[list[Finding]]:
    """Detect the changes in each of some dyads, many of them in one batch.

    A dyad with too little data has none.
    """
    found: list[list[Finding]] = [[] for _ in every]
    able = [n for n, days in enumerate(every) if days.mass.sum() >= LEAST_MASS]
    for at in range(0, len(able), PART):
        begun = {n: judge.begin(every[n], weighed=False) for n in able[at : at + PART]}
        judge.foresee(begun.values())
        for n, some in begun.items():
            scan = judge.settled(some)
            if scan.hopeless:
                continue
            days, end = every[n], str(every[n].day[-1]) if last == NEVER else last
            every_finding = judge.findings(days, False, end, fitted.share, scan)
            found[n] = [finding for finding in every_finding if finding.enough]
    return found


def family(db: Connection, asked: Case, fitted: Fitted) -> list[Detected]:
    """Detect every change of every dyad with enough data, with its q among all of them."""
    tested: list[tuple[Case, Finding]] = []
    last = horizon(db, asked, None)
    rows = sorted(dyads(db, asked).items())
    every = [case.days_of_pair(flows) for _, flows in rows]
    for (pair, _), some in zip(rows, found_in_each(every, last, fitted), strict=True):
        one = of_pair(asked, *pair)
        tested += [(one, finding) for finding in some]
    rates = breaks.adjusted([finding.p for _, finding in tested])
    return [
        Detected(one, finding, q, len(tested), "no_evidence", None)
        for (one, finding), q in zip(tested, rates, strict=True)
    ]


def confirmed(db: Connection, rows: Sequence[Detected], fitted: Fitted) -> list[Detected]:
    """Add the verdicts to the rows of a ranking.

    A stored result of the robustness check is kept.
    """
    found = []
    for row in rows:
        if row.robust is None and judge.worth_testing(row.finding, row.q):
            days = case.days_of(case.flows(db, row.case), row.case)
            found.append(judged(db, row, days, fitted.null, watched=False))
        else:
            verdict = judge.verdict(row.finding, row.q, row.robust, watched=False)
            found.append(replace(row, verdict=verdict))
    return found


def rate(p: float, tests: Sequence[float]) -> float:
    """Return the q of a test, by its p, among the tests of which it is one."""
    near = min(range(len(tests)), key=lambda n: abs(tests[n] - p), default=None)
    return p if near is None else breaks.adjusted(tests)[near]
