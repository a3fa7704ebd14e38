"""Builds the rows of `shifts`: those of a dataset, and those of several together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, RowMapping, Table, select

from app.db import dialect
from app.db.tables import shifts, undated_dyads
from app.db.types import NO_END_DAY
from app.shifts.checks import check_finding
from app.shifts.families import (
    Pair,
    detect_in_dyads,
    has_testable_mass,
    narrow_to_pair,
    orient_pair,
)
from app.shifts.materialized import statements
from app.shifts.materialized.family_names import split_family
from app.shifts.materialized.read import (
    dataset_question,
    list_shared_pairs,
    read_datasets_of_pairs,
)
from app.shifts.question import read_question_days
from app.shifts.side_periods import read_member_periods
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.sums import DaySeries
from app.shifts.statistics.verdicts import needs_checks
from app.shifts.votes import VoteCache, read_votes_of_cases


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """A row of `shifts`: fields and columns have the same names."""

    dataset: str
    one: str
    other: str
    number: int
    p: float
    q: float
    at_least: float
    magnitude: float
    robust: bool | None
    checks: str | None
    weight: float
    finding: str
    onset_last: str
    first_after: str
    toward: bool


class UndatedRow(NamedTuple):
    """A row of `undated_dyads`: fields and columns have the same names."""

    dataset: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class BuiltShifts:
    """The rows of some dyads: their shifts, and those that were tested without one."""

    shifts: list[ShiftRow] = field(default_factory=list)
    undated: list[UndatedRow] = field(default_factory=list)


def build_shift_rows(
    db: Connection,
    family: str,
    every: Mapping[Pair, DaySeries],
    known: Calibration,
    cache: VoteCache | None = None,
) -> BuiltShifts:
    """Build the rows of some dyads of a family from their days."""
    asked = dataset_question(family)
    members = read_member_periods(db, {code for pair in every for code in pair})
    cases = {pair: narrow_to_pair(asked, *orient_pair(*pair, members), members) for pair in every}
    days_of = {
        pair: days if len(cases[pair].periods) == 1 else read_question_days(db, cases[pair])
        for pair, days in every.items()
    }
    votes = read_votes_of_cases(db, list(cases.values()), cache)
    detected = detect_in_dyads(list(days_of.values()), NO_END_DAY, known, votes)
    built = BuiltShifts()
    for (one, other), some in zip(every, detected, strict=True):
        case, days = cases[one, other], days_of[one, other]
        if not some and has_testable_mass(days):
            built.undated.append(UndatedRow(family, one, other))
        for number, finding in enumerate(some):
            checks = None
            if needs_checks(finding):
                checks = check_finding(db, case, finding, days, known)
            days_of_onset = finding.bounds_of_onset
            row = ShiftRow(
                dataset=family,
                one=one,
                other=other,
                number=number,
                p=finding.p,
                q=1.0,
                at_least=abs(finding.certain_change),
                magnitude=abs(finding.change),
                robust=checks.robust if checks else None,
                checks=msgspec.json.encode(checks).decode() if checks else None,
                weight=finding.weight,
                finding=msgspec.json.encode(finding).decode(),
                onset_last=NO_END_DAY if days_of_onset is None else days_of_onset[0],
                first_after="" if days_of_onset is None else days_of_onset[1],
                toward=finding.change > 0,
            )
            built.shifts.append(row)
    return built


def build_joint_rows(
    db: Connection,
    family: str,
    pairs: Sequence[Pair],
    known: Calibration,
    cache: VoteCache | None = None,
) -> BuiltShifts:
    """Build the rows of some dyads of several datasets together.

    Dyads that these share are detected from all of them; any other has the rows of its dataset.
    """
    asked, members = dataset_question(family), read_member_periods(db)
    datasets_of = read_datasets_of_pairs(db, asked)
    shared = list_shared_pairs(datasets_of, members)
    days = {}
    alone: dict[str, list[Pair]] = {dataset: [] for dataset in split_family(family)}
    for pair in pairs:
        if pair in shared:
            case = narrow_to_pair(asked, *orient_pair(*pair, members), members)
            days[pair] = read_question_days(db, case)
        else:
            for dataset in datasets_of.get(pair, ()):
                alone[dataset].append(pair)
    built = build_shift_rows(db, family, days, known, cache)
    for dataset, some in alone.items():
        for row in _read_rows_of_pairs(db, shifts, dataset, some):
            built.shifts.append(ShiftRow(**dict(row) | {"dataset": family, "q": 1.0}))
        for row in _read_rows_of_pairs(db, undated_dyads, dataset, some):
            built.undated.append(UndatedRow(**dict(row) | {"dataset": family}))
    return built


def _read_rows_of_pairs(
    db: Connection, table: Table, dataset: str, pairs: Sequence[Pair]
) -> Iterator[RowMapping]:
    """Read the stored rows of some dyads of a dataset."""
    if not pairs:
        return
    kind, t = db.dialect.name, table.c
    listed = dialect.values_table(kind, statements.PAIR)
    same = (t.one == listed.c.one) & (t.other == listed.c.other) & (t.dataset == dataset)
    # An outer join, so that SQLite looks each pair up by key instead of walking all rows.
    rows = select(table).select_from(listed).outerjoin(table, same)
    for row in db.execute(rows, dialect.values_table_params(kind, statements.PAIR, pairs)):
        if row.one is not None:
            yield row._mapping
