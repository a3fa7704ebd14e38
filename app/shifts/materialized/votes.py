"""Keeps the votes of dyads, and marks the partners of dyads whose votes changed as stale.

A vote rests on the days of its own dyad alone, so the partners are detected again and that is all.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, or_, select, tuple_, update

from app.db import dialect
from app.db.dialect import build_upsert
from app.db.dialect.bulk_copy import bulk_insert
from app.db.engine import Database
from app.db.tables import dyad_votes, dyads, wave_states
from app.db.types import NO_END_DAY
from app.settings import Settings
from app.shifts.families import Pair
from app.shifts.materialized.family_names import is_joint_family, split_family
from app.shifts.materialized.joint_families import mark_shared_voters
from app.shifts.materialized.read import IS_STALE, PAIRS_PER_BATCH, read_sides_of_pairs
from app.shifts.materialized.statements import PAIR
from app.shifts.side_periods import read_member_periods
from app.shifts.statistics.waves import cast_votes


class VoteRow(NamedTuple):
    """A row of `dyad_votes`: fields and columns have the same names."""

    dataset: str
    one: str
    other: str
    first: int
    flags: bytes


def read_vote_writes(db: Connection, family: str) -> int:
    """Read how often the votes of a family were written: what rests on older ones is not kept."""
    w = wave_states.c
    return db.scalar(select(func.sum(w.writes)).where(w.dataset.in_(split_family(family)))) or 0


log = logging.getLogger("entente.shifts")


def apply_wave_setting(database: Database) -> None:
    """Mark the dyads of the datasets as stale whose shifts were computed under another setting."""
    used, d, w = Settings().shift_waves, dyads.c, wave_states.c
    with database.connect() as db:
        known = {r.dataset: r.used for r in db.execute(select(w.dataset, w.used))}
        every = db.scalars(select(d.dataset).distinct()).all()
    alone = [dataset for dataset in every if not is_joint_family(dataset)]
    changed = [dataset for dataset in alone if known.get(dataset) != used]
    if not changed:
        return
    if any(dataset in known for dataset in changed):
        log.warning(
            "all shifts are computed again %s the votes of other partners, as ENTENTE_SHIFT_WAVES"
            " says here; services on one database need the same value",
            "with" if used else "without",
        )
    with database.write() as db:
        for dataset in changed:
            writes = read_vote_writes(db, dataset) + 1
            state = {"dataset": dataset, "used": used, "writes": writes}
            db.execute(build_upsert(db, wave_states), state)
            if dataset in known or not used:
                db.execute(delete(dyad_votes).where(dyad_votes.c.dataset == dataset))
            if dataset in known:
                stale = update(dyads).where(d.dataset == dataset)
                db.execute(stale.values(changed=d.changed + 1, since=""))


def refresh_votes(database: Database, dataset: str, pairs: Sequence[Pair]) -> None:
    """Cast the votes of some dyads again, and mark what depends on those that changed."""
    for at in range(0, len(pairs), PAIRS_PER_BATCH):
        some = pairs[at : at + PAIRS_PER_BATCH]
        with database.connect() as db:
            cast = build_vote_rows(db, dataset, some)
            stored = read_vote_rows(db, dataset, some)
        differing = [pair for pair in some if cast.get(pair) != stored.get(pair)]
        if differing:
            with database.write() as db:
                _write_votes(db, dataset, differing, [cast[p] for p in differing if p in cast])


def list_pairs_to_vote(database: Database) -> dict[str, list[Pair]]:
    """List the stale dyads of two actors whose days changed, by dataset; none if votes are off."""
    if not Settings().shift_waves:
        return {}
    d = dyads.c
    with database.connect() as db:
        rows = db.execute(
            select(d.dataset, d.one, d.other).where(IS_STALE, d.since < NO_END_DAY)
        ).all()
        members = read_member_periods(db)
    found: dict[str, list[Pair]] = {}
    for dataset, one, other in rows:
        if one not in members and other not in members:
            found.setdefault(dataset, []).append((one, other))
    return found


def build_vote_rows(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, VoteRow]:
    """Cast the votes of some dyads; those with few days have none."""
    found = {}
    for pair, sides in read_sides_of_pairs(db, dataset, pairs).items():
        votes = cast_votes(sides.both)
        if votes is not None:
            found[pair] = VoteRow(dataset, *pair, votes.first, votes.flags.tobytes())
    return found


def read_vote_rows(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, VoteRow]:
    """Read the stored votes of some dyads."""
    v = dyad_votes.c
    values = dialect.values_table_params(db.dialect.name, PAIR, pairs)
    listed = dialect.values_table(db.dialect.name, PAIR)
    same = (v.one == listed.c.one) & (v.other == listed.c.other)
    # An outer join, so that SQLite looks each pair up by key instead of walking all votes.
    rows = select(listed.c.one, listed.c.other, v.first, v.flags).select_from(listed)
    rows = rows.outerjoin(dyad_votes, same & (v.dataset == dataset))
    return {
        (one, other): VoteRow(dataset, one, other, first, bytes(flags))
        for one, other, first, flags in db.execute(rows, values)
        if flags is not None
    }


def _write_votes(
    db: Connection, dataset: str, differing: Sequence[Pair], rows: Sequence[VoteRow]
) -> None:
    """Write changed votes; fresh dyads that share an actor with them are stale from now on."""
    v, d, kind = dyad_votes.c, dyads.c, db.dialect.name
    listed = dialect.values_table(kind, PAIR)
    mine = tuple_(v.one, v.other).in_(select(listed.c.one, listed.c.other))
    values = dialect.values_table_params(kind, PAIR, differing)
    db.execute(delete(dyad_votes).where(v.dataset == dataset, mine), values)
    bulk_insert(db, dyad_votes.name, VoteRow._fields, rows)
    state = {"dataset": dataset, "used": True, "writes": read_vote_writes(db, dataset) + 1}
    db.execute(build_upsert(db, wave_states), state)
    # Those that are stale already are detected later anyway.
    actors = select(listed.c.one).union(select(listed.c.other)).scalar_subquery()
    voting = select(v.one).where(v.dataset == dataset, v.one == d.one, v.other == d.other).exists()
    near = or_(d.one.in_(actors), d.other.in_(actors))
    fresh = update(dyads).where(d.dataset == dataset, d.changed == d.segmented, near, voting)
    db.execute(fresh.values(changed=d.changed + 1), values)
    mark_shared_voters(db, dataset, sorted({code for pair in differing for code in pair}))
