"""Serializes detected shifts: their JSON, their labels and their order."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Connection

from app.alliances.read import read_ties
from app.shifts import shift_id
from app.shifts.detect import DetectedShift
from app.shifts.filter import Scope, ShiftQuery, SidesQuery
from app.shifts.question import AlignmentQuestion
from app.shifts.schemas import DayRange, ExpectedLevel, LevelDocument, Shift
from app.shifts.shift_id import ShiftReference
from app.shifts.statistics import attribution
from app.shifts.statistics.levels import IndexLevel

ALLIED_PRIOR, ENEMY_PRIOR, FLAT_PRIOR = (6.4, 1.6), (1.6, 6.4), (1.0, 1.0)
"""Structural priors Beta(a, b) on the share.

Of eight observations four fifths are as the formal ties lead to expect; the flat one has a = b = 1.
"""
DEFENSE = "defense"


def narrow_query_to_row(row: DetectedShift, asked: SidesQuery) -> SidesQuery:
    """Return the question of one row, with codes for names: the content of its id."""
    fields = {f: getattr(asked, f) for f in SidesQuery.model_fields}
    case = row.question
    return SidesQuery.model_construct(
        **fields
        | {"actor": case.actor, "toward": list(case.toward), "against": list(case.against)}
        | {"since": None, "until": None, "dataset": list(case.datasets)}
    )


def serialize_shift(row: DetectedShift, asked: SidesQuery, scope: Scope, version: int) -> Shift:
    """Serialize a row of the list."""
    finding, case = row.finding, row.question
    first, turn, last = finding.span or ("", "", "")
    dated = row.verdict != "insufficient_data" and finding.span is not None
    sign = "toward" if finding.change > 0 else "away"
    made = ShiftReference(
        narrow_query_to_row(row, asked), version, scope, finding.method, finding.span
    )
    return Shift(
        id=shift_id.pack_shift_id(made),
        actor=case.actor,
        toward=list(case.toward),
        against=list(case.against),
        acts=case.acts,
        datasets=list(case.datasets),
        onset=finding.onset if dated else None,
        onset_set=[DayRange(start=a, end=b) for a, b in finding.onset_set] if dated else [],
        direction=None if not finding.change else "toward" if sign == "toward" else "away",
        before=_serialize_level(finding.before, first, _day_before(turn)),
        after=_serialize_level(finding.after, turn, last),
        magnitude=round(abs(finding.change), 6),
        at_least=round(abs(finding.certain_change), 6),
        p=finding.p,
        q=row.q,
        family_size=row.family_size,
        verdict=row.verdict,
        label=verdict_label(row),
        reason=explain_verdict(row),
        robust=row.robust,
        provisional=finding.provisional,
        method=finding.method,
        version=version,
    )


def _day_before(day: str) -> str:
    return str(date.fromisoformat(day) - timedelta(days=1)) if day else ""


def _serialize_level(level: IndexLevel | None, start: str, end: str) -> LevelDocument | None:
    if level is None:
        return None
    return LevelDocument(
        index=level.index,
        low=level.low,
        high=level.high,
        effective=round(level.mass, 6),
        start=start or None,
        end=end or None,
    )


def verdict_label(row: DetectedShift) -> str:
    """Return the verdict in words."""
    moved = "moved toward" if row.finding.change > 0 else "moved away"
    if row.verdict == "insufficient_data":
        known = row.finding.after is not None and row.finding.after.mass > 0
        return "level, no dated shift" if known else "no data"
    return {
        "strong": f"{moved}, strong evidence",
        "shift": moved,
        "watch": "worth watching, no shift yet",
        "no_evidence": "no evidence of a shift",
    }[row.verdict]


def explain_verdict(row: DetectedShift) -> str | None:
    """Explain why there is no shift; None where there is one."""
    finding = row.finding
    if row.verdict in ("strong", "shift"):
        return None
    if finding.after is None:
        return "no signal between them in the events that match"
    if row.verdict == "insufficient_data":
        return "too few effective observations before or after any date, or no baseline"
    if finding.span is None:
        return "no change has the onset or the direction that was asked for"
    if row.q > 0.05:
        return f"a change this large also occurs by chance: p = {finding.p:.3g}, q = {row.q:.3g}"
    if abs(finding.change) < 0.3:
        return "the index changed by less than 0.3"
    return "not robust: absent without its top source or its two most influential months"


def expect_level(
    db: Connection, case: AlignmentQuestion, level: IndexLevel, day: str
) -> ExpectedLevel:
    """Derive a structural prior from the formal ties of a day.

    The result includes the probability that the level lies below it.
    """
    owed = {
        partner
        for tie in read_ties(db, case.actor, day, case.as_of)
        if DEFENSE in tie.obligations
        for partner in (*tie.partners, tie.group)
    }
    sides = {case.side_on(partner, day) for partner in owed}
    prior, why = FLAT_PRIOR, "no alliance, or one with both sides"
    if 1 in sides and -1 not in sides:
        prior, why = ALLIED_PRIOR, "bound to defend each other"
    elif -1 in sides and 1 not in sides:
        prior, why = ENEMY_PRIOR, "bound to defend those weighed against"
    below = attribution.probability_below(level, prior)
    return ExpectedLevel(alpha=prior[0], beta=prior[1], why=why, probability_below=round(below, 6))


def filter_detected(rows: Sequence[DetectedShift], asked: ShiftQuery) -> list[DetectedShift]:
    """Filter the rows by the direction and the onset that are asked for."""
    since, until = asked.day_range
    return [row for row in rows if _matches_query(row, asked.direction, since, until)]


def _matches_query(
    row: DetectedShift, direction: str | None, since: str | None, until: str | None
) -> bool:
    finding = row.finding
    if direction is not None and (direction == "toward") != (finding.change > 0):
        return False
    if finding.span is None or finding.onset is None:
        return True
    # An onset that is a month counts until its last day.
    last = finding.onset + "-31" if len(finding.onset) == 7 else finding.onset
    return not ((since and last < since) or (until and finding.span[1] > until))


def shift_sort_key(row: DetectedShift, sort: str) -> tuple[float | str, ...]:
    """Return the sort key of a row; ties are ordered by actor, partners and onset."""
    finding = row.finding
    value = {
        "at_least": abs(finding.certain_change),
        "magnitude": abs(finding.change),
        "onset": _onset_number(finding.onset),
        "p": finding.p,
    }[sort.removeprefix("-")]
    tie = (row.question.actor, *row.question.toward, finding.onset or "")
    return (-value if sort.startswith("-") else value, "\x00".join(tie))


def _onset_number(onset: str | None) -> float:
    return float((onset or "0").replace("-", "").ljust(8, "0"))
