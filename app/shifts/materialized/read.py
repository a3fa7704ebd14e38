"""Reads the materialized shifts of every dyad, by a dataset or by those that are kept together.

Where the stored rows do not answer a question, shifts are detected on request, with the same
numbers.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Select,
    Table,
    bindparam,
    literal,
    or_,
    select,
    union_all,
)

from app.db import dialect
from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import dyads, families, shifts, undated_dyads
from app.db.types import NO_END_DAY
from app.shifts import question
from app.shifts.detect import DetectedShift, false_discovery_rate, read_horizon
from app.shifts.families import (
    UNDATED_TEST,
    FamilyShifts,
    Pair,
    count_undated,
    detect_family,
    detect_in_dyads,
    narrow_to_pair,
    orient_pair,
    rate_family,
)
from app.shifts.filter import Scope
from app.shifts.materialized import statements
from app.shifts.materialized.family_names import is_joint_family, name_family, split_family
from app.shifts.question import AlignmentQuestion
from app.shifts.side_periods import GroupMembers, read_member_periods
from app.shifts.statistics import detection
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.sums import DyadSides, gather_dyad_sides
from app.shifts.statistics.verdicts import FindingChecks, decide_verdict
from app.shifts.votes import read_votes_of_cases

PAIRS_PER_BATCH = 1000
"""Dyads in one query, and by default in one transaction of a rebuild."""
MAX_REBUILT_FOR_READER = 2_000
"""Most stale dyads that are detected on request; with more, the answer says how many are stale."""
IS_STALE = dyads.c.changed != dyads.c.segmented
# Ordered as the index of stale dyads is: PostgreSQL assumes that nearly all are stale, and would
# search the whole table for the first of them.
_ANY_STALE = (
    select(dyads.c.since)
    .where(dyads.c.dataset == bindparam("wanted"), IS_STALE)
    .order_by(dyads.c.since)
    .limit(1)
)
_ANY_STALE_AT_ALL = (
    select(dyads.c.since).where(IS_STALE).order_by(dyads.c.dataset, dyads.c.since).limit(1)
)
_TEST_COUNT = select(families.c.tests).where(families.c.dataset == bindparam("wanted"))
_DATASET_SHIFTS = select(
    shifts.c.one, shifts.c.other, shifts.c.q, shifts.c.checks, shifts.c.finding
).where(
    shifts.c.dataset == bindparam("wanted"),
    shifts.c.q <= bindparam("max_q"),
    shifts.c.onset_last >= bindparam("since"),
    shifts.c.first_after <= bindparam("until"),
    shifts.c.toward.in_([bindparam("toward", type_=Boolean), bindparam("away", type_=Boolean)]),
)
_MOST_CERTAIN = (
    _DATASET_SHIFTS.where(shifts.c.at_least <= bindparam("below"))
    .order_by(shifts.c.at_least.desc(), shifts.c.one, shifts.c.other, shifts.c.number)
    .limit(bindparam("most"))
)
"""The most certain shifts of all dyads, of those with a lower bound below a number."""
_AS_CERTAIN = _DATASET_SHIFTS.where(
    shifts.c.at_least > bindparam("below"), shifts.c.at_least < bindparam("above")
)
"""The shifts of all dyads whose lower bound lies between two numbers."""
ALIKE = 1e-9
"""Lower bounds that differ by less are read together: another machine may round otherwise."""
ABOVE_ALL_CHANGES = 10.0
"""More than any change of an index."""
_RATE_OF_TEST = (
    select(shifts.c.q)
    .where(
        shifts.c.dataset == bindparam("wanted"),
        shifts.c.one == bindparam("one"),
        shifts.c.other == bindparam("other"),
        shifts.c.p == bindparam("p"),
        shifts.c.weight == bindparam("weight"),
    )
    .limit(1)
)
"""q of a test of a dyad; those with the same p and weight have the same one."""


class StoredShift(NamedTuple):
    """A stored row of a shift."""

    one: str
    other: str
    q: float
    checks: str | None
    """JSON of `FindingChecks`; None where nothing was checked."""
    finding: str


def is_materialized(asked: AlignmentQuestion) -> bool:
    """Whether the stored rows answer a question, each for the dyads of its dataset."""
    return asked.event_filter is None and asked.as_of is None and asked.acts == "both"


def dataset_question(family: str) -> AlignmentQuestion:
    """Return the question of all dyads of a dataset, or of several, which stored rows answer."""
    return AlignmentQuestion("", (), (), "both", split_family(family), {}, None)


def find_stored_family(db: Connection, asked: AlignmentQuestion) -> str | None:
    """Find the family whose stored rows answer a question; None where none do.

    Those of a dataset always do, once stale dyads are detected again; those of several together if
    they are kept, and not just being built.
    """
    if not is_materialized(asked):
        return None
    family = name_family(asked.datasets)
    if not is_joint_family(family):
        return family
    run = compile_prepared(db.dialect.name, _TEST_COUNT)
    if not run.fetch_rows(db, {"wanted": family}):
        return None
    waiting = has_stale_dyads(db, family) and len(read_stale_pairs(db, family))
    return None if waiting > MAX_REBUILT_FOR_READER else family


def is_current(db: Connection, family: str) -> bool:
    """Whether no dyad of a family is stale, nor one of its datasets."""
    return not any(has_stale_dyads(db, name) for name in {family, *split_family(family)})


def read_stale_pairs(db: Connection, dataset: str, actor: str = "") -> list[Pair]:
    """Read the dyads that changed since their last rebuild; of an actor, if one is named."""
    d = dyads.c
    rows = select(d.one, d.other).where(d.dataset == dataset, IS_STALE)
    if actor:
        rows = rows.where(or_(d.one == actor, d.other == actor))
    return [(row.one, row.other) for row in db.execute(rows)]


def has_stale_dyads(db: Connection, dataset: str | None = None) -> bool:
    """Whether a dyad changed since its last rebuild; of a dataset, if one is named."""
    run = compile_prepared(db.dialect.name, _ANY_STALE if dataset else _ANY_STALE_AT_ALL)
    return bool(run.fetch_rows(db, {"wanted": dataset}))


def read_sides_of_pairs(
    db: Connection, dataset: str, pairs: Iterable[Pair]
) -> dict[Pair, DyadSides]:
    """Read the day sums of some dyads; a dyad without any is left out."""
    kind = db.dialect.name
    found: dict[Pair, DyadSides] = {}
    run, ordered = statements.compile_sums_of_pairs(kind), sorted(pairs)
    for at in range(0, len(ordered), PAIRS_PER_BATCH):
        part = ordered[at : at + PAIRS_PER_BATCH]
        numbered = [(str(n), *pair) for n, pair in enumerate(part)]
        values = dialect.values_table_params(kind, statements.NUMBERED_PAIR, numbered)
        rows = run.execute(db, values | {"wanted": dataset}).cursor.fetchall()
        if not rows:
            continue
        number, own, day, *sums = zip(*rows, strict=True)
        dyad, of_one, *numbers = (np.array(column, np.int64) for column in (number, own, *sums))
        days = np.array(day, "datetime64[D]")
        sides = gather_dyad_sides(len(part), dyad, of_one, days, np.stack(numbers, axis=1))
        found |= {pair: some for pair, some in zip(part, sides, strict=True) if len(some.both)}
    return found


def decode_finding(document: str, last: str) -> ShiftFinding:
    """Decode a stored finding; whether it is provisional depends on the last known day, if any."""
    found = msgspec.json.decode(document, type=ShiftFinding)
    if found.span is None or last == NO_END_DAY:
        return found
    return replace(found, provisional=detection.is_provisional(found.span[1], last))


def select_stored_shifts(dataset: str, actor: str = "") -> Select[str, str, float, str | None, str]:
    """Select the stored shifts of a dataset, or those of an actor."""
    s = shifts.c
    rows = select(s.one, s.other, s.q, s.checks, s.finding)
    rows = rows.where(_of_family(shifts, dataset, actor))
    return rows.order_by(s.one, s.other, s.number)


def _of_family(table: Table, dataset: str, actor: str) -> ColumnElement[bool]:
    """Return the condition on rows of a dataset, or of an actor in it."""
    inside = table.c.dataset == dataset
    return inside & or_(table.c.one == actor, table.c.other == actor) if actor else inside


def _read_undated_pairs(db: Connection, dataset: str, actor: str) -> list[Pair]:
    """Read the dyads that are tests without a shift; of an actor, if one is named."""
    u = undated_dyads.c
    rows = select(u.one, u.other).where(_of_family(undated_dyads, dataset, actor))
    return [(one, other) for one, other in db.execute(rows)]


def _to_detected(
    row: StoredShift, asked: AlignmentQuestion, members: GroupMembers, last: str, family: int
) -> DetectedShift:
    """Turn a stored row into a detected shift, from the side of the named actor, if any."""
    finding = decode_finding(row.finding, last)
    checks = None if row.checks is None else msgspec.json.decode(row.checks, type=FindingChecks)
    verdict = decide_verdict(finding, row.q, checks)
    case = _narrow_to_stored(asked, (row.one, row.other), members)
    return DetectedShift(case, finding, row.q, family, verdict, checks)


def _narrow_to_stored(
    asked: AlignmentQuestion, pair: Pair, members: GroupMembers
) -> AlignmentQuestion:
    """Narrow a question to a stored dyad: the named actor comes first, else as it is stored."""
    actor, partner = orient_pair(*pair, members)
    if asked.actor == partner:
        actor, partner = partner, actor
    return narrow_to_pair(asked, actor, partner, members)


def read_family(db: Connection, asked: AlignmentQuestion, known: Calibration) -> FamilyShifts:
    """Read every shift of every dyad from the stored rows, and how many dyads are stale.

    The result is that of `families.detect_family`, which runs where the stored rows do not answer.
    """
    members = read_member_periods(db)
    # A group that is asked about acts alone; the stored rows have it as a partner with members.
    if not is_materialized(asked) or asked.actor in members:
        return detect_family(db, asked, known)
    last, family = read_horizon(db, asked, None), find_stored_family(db, asked)
    names = asked.datasets if family is None else sorted({family, *asked.datasets})
    changed = {pair for name in names for pair in read_stale_pairs(db, name, asked.actor)}
    left = len(changed) if len(changed) > MAX_REBUILT_FOR_READER else 0
    waiting: set[Pair] = set()
    if changed or family is None:
        datasets_of = read_datasets_of_pairs(db, asked)
        if not left:
            waiting = changed | list_dependents(changed, datasets_of, members)
        if family is None:
            waiting |= list_shared_pairs(datasets_of, members)
    kept = asked.datasets if family is None else (family,)
    detected = [
        _to_detected(row, asked, members, last, 0)
        for name in kept
        for row in map(StoredShift._make, db.execute(select_stored_shifts(name, asked.actor)))
        if (row.one, row.other) not in waiting
    ]
    undated = sum(
        pair not in waiting for name in kept for pair in _read_undated_pairs(db, name, asked.actor)
    )
    cases = [_narrow_to_stored(asked, pair, members) for pair in sorted(waiting)]
    every = [question.read_question_days(db, case) for case in cases]
    tested = [(row.question, row.finding) for row in detected]
    again = detect_in_dyads(every, last, known, read_votes_of_cases(db, cases))
    for case, findings in zip(cases, again, strict=True):
        tested += [(case, finding) for finding in findings]
    checks = [row.checks for row in detected] + [None] * (len(tested) - len(detected))
    rated = rate_family(tested, undated + count_undated(every, again))
    pairs = zip(rated.rows, checks, strict=True)
    found = [replace(row, checks=stored) for row, stored in pairs]
    found.sort(key=lambda row: (row.question.actor, row.question.toward))
    return FamilyShifts(found, rated.tests, left)


def read_datasets_of_pairs(db: Connection, asked: AlignmentQuestion) -> dict[Pair, set[str]]:
    """Read the datasets in which each dyad occurs, of those asked; of one actor, if it is named."""
    d = dyads.c
    rows = select(d.one, d.other, d.dataset).where(d.dataset.in_(asked.datasets))
    if asked.actor:
        rows = rows.where(or_(d.one == asked.actor, d.other == asked.actor))
    found: dict[Pair, set[str]] = defaultdict(set)
    for one, other, dataset in db.execute(rows):
        found[one, other].add(dataset)
    return found


def list_dependents(
    changed: Iterable[Pair], known: Container[Pair], members: GroupMembers
) -> set[Pair]:
    """List the known dyads of a group that depend on what passed between some pairs."""
    groups_of: dict[str, set[str]] = defaultdict(set)
    for group, periods in members.items():
        for member in periods:
            groups_of[member.actor].add(group)
    found = set()
    for one, other in changed:
        for actor, partner in ((one, other), (other, one)):
            for group in groups_of.get(partner, ()):
                pair = (min(actor, group), max(actor, group))
                if actor != group and pair in known:
                    found.add(pair)
    return found


def list_shared_pairs(datasets_of: Mapping[Pair, set[str]], members: GroupMembers) -> set[Pair]:
    """List the dyads whose acts are in several datasets, those of a group's members included."""
    shared = {pair for pair, some in datasets_of.items() if len(some) > 1}
    for pair, some in datasets_of.items():
        actor, group = orient_pair(*pair, members)
        for member in members.get(group, ()):
            inner = (min(actor, member.actor), max(actor, member.actor))
            if not datasets_of.get(inner, some) <= some:
                shared.add(pair)
                break
    return shared


class RankedFrom(NamedTuple):
    """What a ranking of the most certain shifts is narrowed to, and where its page begins."""

    max_q: float
    direction: Literal["away", "toward"] | None = None
    since: str | None = None
    until: str | None = None
    """The onset lies between these days."""
    bound: float | None = None
    """No shift with a greater lower bound is on the page; None for the first page."""


def read_most_certain(
    db: Connection, asked: AlignmentQuestion, ranked: RankedFrom, limit: int
) -> tuple[list[DetectedShift], int] | None:
    """Read the most certain shifts of all dyads, and the number of tests.

    At least so many of those below the bound, if there are, and all that are as certain as it, or
    as the last. None where stored rows alone do not answer.
    """
    family = None if asked.actor else find_stored_family(db, asked)
    if family is None or not is_current(db, family):
        return None
    last = read_horizon(db, asked, None)
    kind = db.dialect.name
    wanted: dict[str, str | float] = {"wanted": family}
    size = sum(row[0] for row in compile_prepared(kind, _TEST_COUNT).fetch_rows(db, wanted))
    values = wanted | {
        "max_q": ranked.max_q,
        "since": ranked.since or "",
        "until": ranked.until or NO_END_DAY,
        "toward": ranked.direction != "away",
        "away": ranked.direction == "toward",
    }

    def read_as_certain(bound: float) -> list[StoredShift]:
        near: dict[str, str | float] = {"below": bound - ALIKE, "above": bound + ALIKE}
        found = compile_prepared(kind, _AS_CERTAIN).fetch_rows(db, values | near)
        return list(map(StoredShift._make, found))

    below = ABOVE_ALL_CHANGES if ranked.bound is None else ranked.bound - ALIKE
    top = compile_prepared(kind, _MOST_CERTAIN)
    rows = [
        StoredShift._make(row)
        for row in top.fetch_rows(db, values | {"below": below, "most": limit})
    ]
    is_full = len(rows) == limit
    if ranked.bound is not None:
        rows = read_as_certain(ranked.bound) + rows
    members = read_member_periods(db, {code for row in rows for code in (row.one, row.other)})
    found = [_to_detected(row, asked, members, last, size) for row in rows]
    bounds = [abs(row.finding.certain_change) for row in found[-2:]]
    if members and is_full and len(set(bounds)) < len(bounds):
        # The page ends in a tie, and groups have another place in its order.
        tied = read_as_certain(bounds[0])
        members = read_member_periods(db)
        found = [r for r in found if abs(abs(r.finding.certain_change) - bounds[0]) >= ALIKE]
        found += [_to_detected(row, asked, members, last, size) for row in tied]
    return found, size


def rate_in_family(
    db: Connection,
    asked: AlignmentQuestion,
    scope: Scope,
    finding: ShiftFinding,
    known: Calibration,
) -> tuple[float, int]:
    """Return the q of a finding among the tests of a scope, and their number."""
    whole = replace(asked, actor=asked.actor if scope == "actor" else "", toward=(), periods={})
    family = find_stored_family(db, whole) if scope == "all" and len(asked.toward) == 1 else None
    if family is not None and is_current(db, family):
        one, other = sorted((asked.actor, *asked.toward))
        values: dict[str, str | float] = {"wanted": family, "one": one, "other": other}
        values |= {"p": finding.p, "weight": finding.weight}
        kind = db.dialect.name
        rates = compile_prepared(kind, _RATE_OF_TEST).fetch_rows(db, values)
        if rates:
            size = compile_prepared(kind, _TEST_COUNT).fetch_rows(db, values)
            return rates[0][0], size[0][0]
    tests = read_family_tests(db, asked, scope, known)
    return false_discovery_rate(finding, tests), len(tests)


def read_family_tests(
    db: Connection, asked: AlignmentQuestion, scope: Scope, known: Calibration
) -> list[tuple[float, float]]:
    """Read p and weight of every test among which a shift was found."""
    whole = replace(asked, actor=asked.actor if scope == "actor" else "", toward=(), periods={})
    family = find_stored_family(db, whole)
    is_group = bool(whole.actor) and whole.actor in read_member_periods(db, [whole.actor])
    if family is not None and not is_group and is_current(db, family):
        dated = select(shifts.c.p, shifts.c.weight).where(_of_family(shifts, family, whole.actor))
        p, weight = (literal(value, Float).label(None) for value in UNDATED_TEST)
        undated = select(p, weight).where(_of_family(undated_dyads, family, whole.actor))
        return [(p, weight) for p, weight in db.execute(union_all(dated, undated))]
    found = read_family(db, whole, known)
    dated_tests = [(row.finding.p, row.finding.weight) for row in found.rows]
    return dated_tests + [UNDATED_TEST] * (found.tests - len(dated_tests))
