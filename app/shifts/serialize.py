"""Serializes detected shifts: their JSON, their labels and their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from app.alliances.read import read_ties
from app.db.types import NO_END_DAY
from app.events.render import GROUP_KINDS
from app.lineages import Version
from app.reader_words import name_in_sentence
from app.shifts import queries, shift_id, words
from app.shifts.detect import DetectedShift
from app.shifts.filter import Scope, ShiftQuery, SidesQuery
from app.shifts.formal_steps import FormalStep, read_formal_steps
from app.shifts.question import AlignmentQuestion
from app.shifts.schemas import (
    CarrierDocument,
    DayRange,
    ExpectedLevel,
    FormalStepDocument,
    LevelDocument,
    Shift,
    SuspensionDocument,
    WaveDocument,
)
from app.shifts.shift_id import ShiftReference
from app.shifts.side_periods import Suspension
from app.shifts.statistics import attribution
from app.shifts.statistics.levels import IndexLevel
from app.shifts.statistics.verdicts import STRENGTH
from app.shifts.statistics.waves import MIN_PARTNERS, Wave
from app.shifts.votes import is_open_to_waves

ALLIED_PRIOR, ENEMY_PRIOR, FLAT_PRIOR = (6.4, 1.6), (1.6, 6.4), (1.0, 1.0)
"""Structural priors Beta(a, b) on the share.

Of eight observations four fifths are as the formal ties lead to expect; the flat one has a = b = 1.
"""
DEFENSE = "defense"
STEP_DAYS = 183
"""Days after the last act of a change in which a formal step belongs to it."""


def narrow_query_to_row(row: DetectedShift, asked: SidesQuery) -> SidesQuery:
    """Return the question of one row, with codes for names: the content of its id."""
    fields = {f: getattr(asked, f) for f in SidesQuery.model_fields}
    case = row.question
    return SidesQuery.model_construct(
        **fields
        | {"actor": case.actor, "toward": case.toward, "against": case.against}
        | {"since": None, "until": None, "dataset": case.datasets}
    )


def read_actor_names(db: Connection, rows: Sequence[DetectedShift]) -> dict[str, str]:
    """Read the names of all actors that the sentences of some rows may contain."""
    codes: set[str] = set()
    for row in [one for shown in rows for one in (shown, *shown.others)]:
        carriers = row.checks.carried_by if row.checks else ()
        case = row.question
        codes |= {case.actor, *case.toward, *case.against, *(c.actor for c in carriers)}
        members = row.acts.with_members if row.acts else ()
        codes |= {code for code, _ in members[: words.NAMED_MEMBERS]}
        if row.group_part is not None and row.group_part.leading is not None:
            codes.add(row.group_part.leading[0])
    return read_sentence_names(db, codes, rows[0].question.as_of if rows else None)


def read_sentence_names(db: Connection, codes: set[str], as_of: int | None) -> dict[str, str]:
    """Read the names of some actors, by code, as they are in a sentence."""
    found = dict.fromkeys(codes, "")
    for r in db.execute(queries.select_names_of_actors(sorted(codes), as_of)):
        found[r.code] = name_in_sentence(r.name, r.kind in GROUP_KINDS)
    return {code: name or code for code, name in found.items()}


def add_formal_steps(db: Connection, rows: Sequence[DetectedShift]) -> list[DetectedShift]:
    """Add to each row the steps of memberships between its sides in the time that it is about.

    Where none was taken then and no change is claimed, the last one before says how they were tied.
    """
    pairs_of = [list(_list_formal_pairs(row.question)) for row in rows]
    every = {pair for some in pairs_of for pair in some}
    found = read_formal_steps(db, every, rows[0].question.as_of) if rows else {}
    covered: dict[Sequence[str], tuple[str, str]] = {}
    added = []
    for row, pairs in zip(rows, pairs_of, strict=True):
        steps = [step for pair in pairs for step in found.get(pair, ())]
        if steps:
            case = row.question
            if case.datasets not in covered:
                covered[case.datasets] = _read_covered_time(db, case)
            steps = _choose_steps(row, steps, *_find_time_of_row(row, *covered[case.datasets]))
            row = replace(row, steps=tuple(steps))
        added.append(row)
    return added


def _choose_steps(
    row: DetectedShift, steps: Sequence[FormalStep], first: str, last: str
) -> list[FormalStep]:
    inside = [step for step in steps if first <= step.first_day <= last]
    return inside if inside or row.verdict in STRENGTH else _choose_last_steps(steps, first)


def _choose_last_steps(steps: Sequence[FormalStep], first: str) -> list[FormalStep]:
    """Choose the last step of each membership before a day."""
    latest = {(s.actor, s.group, s.role): s for s in steps if s.first_day < first}
    return list(latest.values())


def list_formal_steps(
    db: Connection, case: AlignmentQuestion, first: str, last: str
) -> list[FormalStep]:
    """List the steps of memberships between the sides of a question from one day to another.

    The last step of each membership before them is included: it was in force on the first day.
    """
    found = read_formal_steps(db, set(_list_formal_pairs(case)), case.as_of)
    steps = [step for some in found.values() for step in some]
    inside = [step for step in steps if first <= step.first_day <= last]
    return [*_choose_last_steps(steps, first), *inside]


def serialize_formal_step(step: FormalStep, names: Mapping[str, str]) -> FormalStepDocument:
    """Serialize a step of a membership between the sides, with its sentence."""
    return FormalStepDocument(
        actor=step.actor,
        group=step.group,
        role=step.role,
        step=step.step,
        date=step.date,
        event=step.event,
        sentence=words.describe_steps([step], names),
    )


def _list_formal_pairs(case: AlignmentQuestion) -> Iterator[tuple[str, str]]:
    for partner in (*case.toward, *case.against):
        yield case.actor, partner
        yield partner, case.actor


def _find_time_of_row(row: DetectedShift, first: str, last: str) -> tuple[str, str]:
    """Find the first and the last day that a row is about, from those that the datasets cover.

    That of a change ends some months after its last act: an accession is often the last.
    """
    span = row.finding.span
    if span is not None and row.verdict in STRENGTH:
        after = np.datetime64(span[2]) + np.timedelta64(STEP_DAYS, "D")
        first, last = span[0], str(after)
    elif span is not None:
        first, last = min(first, span[0]), max(last, span[2])
    return first, min(last, row.question.known_by or last)


def _read_covered_time(db: Connection, case: AlignmentQuestion) -> tuple[str, str]:
    """Read the first and the last day that the datasets of a question cover."""
    spans = db.execute(queries.select_coverage(case.datasets, case.as_of)).all()
    if not spans:
        return "", NO_END_DAY
    return min(s.first for s in spans), max(s.last for s in spans)


def serialize_shift(
    row: DetectedShift, asked: SidesQuery, scope: Scope, version: Version, names: Mapping[str, str]
) -> Shift:
    """Serialize a row of the list."""
    finding, case, checks = row.finding, row.question, row.checks
    first, turn, last = finding.span or ("", "", "")
    dated = row.verdict != "insufficient_data" and finding.span is not None
    sign = "toward" if finding.change > 0 else "away"
    made = ShiftReference(
        narrow_query_to_row(row, asked),
        int(version),
        scope,
        finding.method,
        finding.span,
        version.lineage,
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
        magnitude=abs(finding.change),
        at_least=abs(finding.certain_change),
        p=finding.p,
        q=row.q,
        family_size=row.family_size,
        verdict=row.verdict,
        label=words.label_verdict(row, names),
        title=words.compose_title(row, names),
        headline=words.compose_headline(row, names),
        sentence=words.compose_sentence(row, names),
        reason=words.explain_verdict(row, names),
        robust=checks.robust if checks else None,
        failed=list(checks.failed) if checks else [],
        single_source=row.named_publisher,
        within_publishers=checks.within_publishers if checks else None,
        stated_share=checks.stated_share if checks else None,
        without_stated=checks.without_stated if checks else None,
        left_without_stated=checks.left_without_stated if checks else None,
        carried_by=[
            CarrierDocument(actor=c.actor, name=names[c.actor], share=c.share)
            for c in (checks.carried_by if checks else ())
        ],
        without_carrier=checks.without_carrier if checks else None,
        provisional=finding.provisional,
        wave=_serialize_wave(finding.wave) if dated else None,
        wave_reason=explain_missing_wave(row) if finding.wave is None or not dated else None,
        memberships=[serialize_formal_step(step, names) for step in row.steps],
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
        effective=level.mass,
        start=start or None,
        end=end or None,
    )


def _serialize_wave(wave: Wave | None) -> WaveDocument | None:
    if wave is None:
        return None
    partners = list(wave.partners)
    return WaveDocument(actor=wave.actor, partners=partners, of=wave.of, weight=wave.weight)


def explain_missing_wave(row: DetectedShift) -> str:
    """Explain why the partners of both sides say nothing about a row."""
    if row.finding.span is None:
        return "no change is dated"
    asked = row.question
    if asked.against:
        return "a tilt: partners of the actor move to either side, or to neither"
    if set(asked.periods) != set(asked.toward):
        return "a group: what its members did would count again as that of other partners"
    if len(asked.toward) > 1:
        return "several partners: what each of them did would count again as that of another"
    if asked.acts != "both":
        return "what other partners did is known for the acts of both sides together"
    if asked.as_of is not None:
        return "what other partners did is stored for the newest version alone"
    if not is_open_to_waves(asked):
        return "what other partners did is known for all events, not for those of a filter"
    if row.finding.method == "event_days":
        return "fewer than 30 event-days: no months are compared"
    return f"fewer than {MIN_PARTNERS} partners of either side have enough data, or waves are off"


def expect_level(
    db: Connection, case: AlignmentQuestion, level: IndexLevel, day: str
) -> ExpectedLevel:
    """Derive a structural prior from the formal ties of a day.

    The result includes the probability that the level lies below it.
    """
    # What a group owes is its own obligation, not one of its members to the actor.
    named = {*case.toward, *case.against}
    owed = {
        partner
        for tie in read_ties(db, case.actor, day, case.as_of, sorted(named))
        if DEFENSE in tie.obligations
        for partner in (*tie.partners, tie.group)
    }
    sides = {case.side_on(partner, day) for partner in owed & named}
    prior, why = FLAT_PRIOR, "no alliance, or one with both sides"
    if 1 in sides and -1 not in sides:
        prior, why = ALLIED_PRIOR, "bound to defend each other"
    elif -1 in sides and 1 not in sides:
        prior, why = ENEMY_PRIOR, "bound to defend those weighed against"
    below = attribution.probability_below(level, prior)
    return ExpectedLevel(alpha=prior[0], beta=prior[1], why=why, probability_below=below)


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
    bounds = finding.bounds_of_onset
    return bounds is None or not ((since and bounds[0] < since) or (until and bounds[1] > until))


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


def serialize_suspensions(suspended: Sequence[Suspension]) -> list[SuspensionDocument]:
    """Serialize the suspensions of members, in their order."""
    return [
        SuspensionDocument(
            group=one.group,
            actor=one.actor,
            since=one.since,
            until=None if one.until == NO_END_DAY else one.until,
        )
        for one in suspended
    ]
