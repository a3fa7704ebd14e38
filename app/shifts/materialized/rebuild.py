"""Rebuilds the materialized shifts and months of dyads whose day sums changed.

The stored rows equal those of a run over all dyads, to the last bit: each dyad depends on its own
day sums alone, and q is computed over all of them at the end of a run.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)

from app.db import dialect
from app.db.dialect import build_upsert
from app.db.dialect.bulk_copy import bulk_add_sums, bulk_insert, keep_lesser
from app.db.engine import Database
from app.db.tables import dyad_months, dyads, families, shifts, undated_dyads
from app.db.types import NO_END_DAY
from app.shifts.families import (
    UNDATED_TEST,
    Pair,
    gather_flows,
    list_dyads,
    narrow_to_pair,
    read_directed_days,
)
from app.shifts.materialized import calibration, months, statements
from app.shifts.materialized.calibration import read_calibration
from app.shifts.materialized.family_names import is_joint_family
from app.shifts.materialized.joint_families import (
    apply_dataset_setting,
    mark_joint_families,
    read_group_pairs,
)
from app.shifts.materialized.months import MonthRow
from app.shifts.materialized.read import (
    IS_STALE,
    PAIRS_PER_BATCH,
    has_stale_dyads,
    list_dependents,
    read_sides_of_pairs,
)
from app.shifts.materialized.shift_rows import (
    BuiltShifts,
    ShiftRow,
    UndatedRow,
    build_joint_rows,
    build_shift_rows,
)
from app.shifts.materialized.votes import (
    apply_wave_setting,
    list_pairs_to_vote,
    read_vote_writes,
    refresh_votes,
)
from app.shifts.question import AlignmentQuestion, gather_dyad_days
from app.shifts.side_periods import read_member_periods
from app.shifts.statistics import changepoints, null_distribution
from app.shifts.statistics.null_distribution import (
    MIN_DYAD_EVENTS,
    Calibration,
    ShuffledNulls,
    ThinCorpusError,
)
from app.shifts.votes import VoteCache

MAX_LISTED_PAIRS = 20
"""Most dyads for which the votes of their actors alone are read, not those of a dataset."""
MIN_BUSY_DYADS = 10
"""Dyads with many events that a calibration needs."""
SEED = 20_231_013


class DyadPartition(NamedTuple):
    """One of several equal partitions of all dyads."""

    number: int
    of: int

    def contains_pair(self, pair: Sequence[str]) -> bool:
        """Whether a dyad belongs to the partition."""
        return self.of == 1 or crc32("\x1f".join(pair).encode()) % self.of == self.number


ALL_DYADS = DyadPartition(0, 1)
RebuildTurn = Literal["actors", "groups", "joint"]
"""Which dyads are rebuilt together: of two actors, of a group, or of several datasets."""


class DyadMark(NamedTuple):
    """How often the day sums of a dyad changed, and the first day changed since its last
    rebuild."""

    changed: int
    since: str


class RebuiltDyads(NamedTuple):
    """The rebuilt rows of some dyads, and the state from which they were computed."""

    calibration: Calibration
    vote_writes: int
    changed: dict[Pair, int]
    built: BuiltShifts
    months: list[MonthRow]


def rebuild_stale_dyads(
    database: Database, at_once: int = PAIRS_PER_BATCH, share: DyadPartition = ALL_DYADS
) -> int:
    """Rebuild all stale dyads, or those of a partition; returns how many were written.

    Dyads are computed in batches of `at_once` and then written together, so other writers wait for
    the write alone. A dyad that changed in the meantime stays stale, with its old rows.
    """
    apply_wave_setting(database)
    apply_dataset_setting(database)
    cast_stale_votes(database, share)
    done = 0
    # What passed with a group's members counts for the group: its dyads come after theirs, and
    # twice, since a group may be the member of another one. Several datasets together come last.
    turns: tuple[RebuildTurn, ...] = ("actors", "groups", "groups", "joint")
    for turn in turns:
        done += _rebuild_turn(database, at_once, share, turn)
    with database.write() as db:  # a worker that was killed may have left q out of date
        of_shifts, of_undated = (select(t.c.dataset) for t in (shifts, undated_dyads))
        for dataset in db.scalars(of_shifts.union(of_undated)).all():
            _update_q(db, dataset)
    return done


def cast_stale_votes(database: Database, share: DyadPartition = ALL_DYADS) -> None:
    """Cast the votes of all dyads whose days changed, or of those of a partition."""
    for dataset, pairs in list_pairs_to_vote(database).items():
        refresh_votes(database, dataset, [pair for pair in pairs if share.contains_pair(pair)])


def _rebuild_turn(database: Database, at_once: int, share: DyadPartition, turn: RebuildTurn) -> int:
    """Rebuild the stale dyads that a turn is about; returns how many were written."""
    with database.connect() as db:
        rows = db.execute(select(dyads.c.dataset, dyads.c.one, dyads.c.other).where(IS_STALE)).all()
        members = read_member_periods(db)
    by_dataset: dict[str, list[Pair]] = defaultdict(list)
    for dataset, *pair in rows:
        of_actors: RebuildTurn = "groups" if any(c in members for c in pair) else "actors"
        if share.contains_pair(pair) and turn == (
            "joint" if is_joint_family(dataset) else of_actors
        ):
            by_dataset[dataset].append((pair[0], pair[1]))
    done = 0
    for dataset, pairs in by_dataset.items():
        cache = VoteCache()
        for at in range(0, len(pairs), at_once):
            with database.connect() as db:
                looked = _find_shifts_and_months(db, dataset, pairs[at : at + at_once], cache)
            with database.write() as db:
                done += _write_rebuilt(db, dataset, looked)
                last = at + at_once >= len(pairs)
                if last or not has_stale_dyads(
                    db, dataset
                ):  # other workers may run at the same time
                    _update_q(db, dataset)
    return done


def _find_shifts_and_months(
    db: Connection, dataset: str, pairs: Sequence[Pair], cache: VoteCache | None = None
) -> RebuiltDyads:
    """Compute the shifts and the months of some dyads, without writing."""
    known = read_calibration(db)
    rows = _read_stale_marks(db, dataset, pairs)
    if not rows:
        return RebuiltDyads(known, 0, {}, BuiltShifts(), [])
    writes = read_vote_writes(db, dataset)
    if cache is not None and writes != cache.writes:
        cache.writes, cache.corpora = writes, {}
    used = None if len(rows) <= MAX_LISTED_PAIRS else cache
    changed = {pair: row.changed for pair, row in rows.items()}
    if is_joint_family(dataset):
        made = build_joint_rows(db, dataset, list(rows), known, used)
        return RebuiltDyads(known, writes, changed, made, [])
    sides = read_sides_of_pairs(db, dataset, list(rows))
    days = {pair: some.both for pair, some in sides.items()}
    made = build_shift_rows(db, dataset, days, known, used)
    since = {pair: row.since for pair, row in rows.items()}
    month_rows = months.rebuild_month_rows(db, dataset, since, sides)
    return RebuiltDyads(known, writes, changed, made, month_rows)


def _read_stale_marks(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, DyadMark]:
    """Read the marks of those of some dyads that are stale."""
    run = statements.compile_marks_of_pairs(db.dialect.name)
    values = dialect.values_table_params(db.dialect.name, statements.PAIR, pairs) | {
        "wanted": dataset
    }
    return {
        (one, other): DyadMark(changed, since)
        for one, other, changed, segmented, since in run.fetch_rows(db, values)
        if changed != segmented
    }


def _write_rebuilt(db: Connection, dataset: str, looked: RebuiltDyads) -> int:
    """Write the rows of those dyads that are unchanged and not yet written by another worker.

    Returns how many were written.
    """
    if not looked.changed or read_calibration(db) != looked.calibration:
        return 0
    if read_vote_writes(db, dataset) != looked.vote_writes:  # they may rest on older votes
        return 0
    now = _read_stale_marks(db, dataset, list(looked.changed))
    same = [pair for pair, mark in now.items() if mark.changed == looked.changed[pair]]
    if not same:
        return 0
    values = dialect.values_table_params(db.dialect.name, statements.PAIR, same)
    pairs = dialect.values_table(db.dialect.name, statements.PAIR)
    listed = select(pairs.c.one, pairs.c.other)

    def match_pairs(table: Table) -> tuple[ColumnElement[bool], ...]:
        return table.c.dataset == dataset, tuple_(table.c.one, table.c.other).in_(listed)

    written: tuple[tuple[Table, Sequence[ShiftRow | UndatedRow | MonthRow]], ...] = (
        (shifts, looked.built.shifts),
        (undated_dyads, looked.built.undated),
        (dyad_months, looked.months),
    )
    for table, rows in written:
        db.execute(delete(table).where(*match_pairs(table)), values)
        names = [column.name for column in table.columns]
        chosen = set(same)
        lines = [[getattr(r, n) for n in names] for r in rows if (r.one, r.other) in chosen]
        bulk_insert(db, table.name, names, lines)
    fresh = update(dyads).values(segmented=dyads.c.changed, since=NO_END_DAY)
    db.execute(fresh.where(*match_pairs(dyads)), values)
    if not is_joint_family(dataset):
        _mark_dependents(db, dataset, same, [p for p in same if now[p].since < NO_END_DAY])
    return len(same)


def _mark_dependents(
    db: Connection, dataset: str, written: Sequence[Pair], changed: Sequence[Pair]
) -> None:
    """Mark what depends on written dyads as stale.

    These are the dyads of groups by what passed in the `changed` ones, and joint families.
    """
    members = read_member_periods(db)
    waiting = list_dependents(changed, read_group_pairs(db, dataset, members), members)
    rows = [(*pair, dataset, 1, 0, NO_END_DAY) for pair in sorted(waiting)]
    bulk_add_sums(db, dyads, rows, keep_lesser("since"))
    mark_joint_families(db, dataset, written, changed, members)


def _update_q(db: Connection, dataset: str) -> None:
    """Bring q and the number of tests of a dataset up to date."""
    s = shifts.c
    columns = (s.one, s.other, s.number, s.p, s.weight, s.q)
    rows = db.execute(select(*columns).where(s.dataset == dataset)).all()
    undated = select(func.count()).where(undated_dyads.c.dataset == dataset)
    tests = [(r.p, r.weight) for r in rows] + [UNDATED_TEST] * (db.scalar(undated) or 0)
    db.execute(build_upsert(db, families), {"dataset": dataset, "tests": len(tests)})
    rates = changepoints.rate_weighed_tests(tests)
    changed = [
        {"a": r.one, "b": r.other, "c": r.number, "rate": q}
        for r, q in zip(rows, rates, strict=False)
        if r.q != q
    ]
    if changed:
        key = (s.one == bindparam("a"), s.other == bindparam("b"), s.number == bindparam("c"))
        of_test = update(shifts).where(s.dataset == dataset, *key)
        db.execute(of_test.values(q=bindparam("rate")), changed)


def fit_calibration(database: Database, datasets: Sequence[str], draws: int) -> Iterator[str]:
    """Fit p and the prior share to the loaded dyads and store them; yields lines of a report.

    Raises `ThinCorpusError`. All dyads are stale afterwards.
    """
    asked = AlignmentQuestion("", (), (), "both", tuple(datasets), {}, None)
    with database.connect() as db:
        directed = read_directed_days(db, asked)
    cases = [narrow_to_pair(asked, *pair, {}) for pair in list_dyads(directed, asked, {})]
    days = [gather_dyad_days(gather_flows(directed, case)) for case in cases]
    busy = [one for one in days if one.n.sum() >= MIN_DYAD_EVENTS]
    if len(busy) < MIN_BUSY_DYADS:
        raise ThinCorpusError(
            f"{len(busy)} dyads of {', '.join(datasets)} have {MIN_DYAD_EVENTS} events or more;"
            f" a calibration needs {MIN_BUSY_DYADS}; the calibration in use does not change"
        )
    null = null_distribution.fit_null_model(ShuffledNulls(busy, SEED), draws)
    good, bad = np.sum([one.mass.sum(0) for one in days], axis=0).tolist()
    found = Calibration(null, good / (good + bad))
    yield f"{len(busy)} dyads; share of cooperative mass {found.prior_share:.3f}; {null}"
    fresh = ShuffledNulls(busy, SEED + 1)
    for rate in null_distribution.RATES:
        p = null_distribution.measure_test_size(fresh, null, draws, rate, 120)[:, 0]
        yield f"{rate:>3} events a month, 120 months: p <= 0.05 in {(p <= 0.05).mean():.3f}"
    with database.write() as db:
        calibration.save_calibration(db, found, list(datasets), len(busy), draws)
        db.execute(update(dyads).values(segmented=-1))
