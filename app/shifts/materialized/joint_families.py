"""Keeps the family of the datasets that alignment counts by default, as if they were one.

Its dyads have marks of their own in `dyads`: the transaction that writes the shifts of a dataset
marks them as stale, so that a family is current only if all its datasets are.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, or_, select, update

from app.db.dialect.bulk_copy import bulk_add_sums, keep_lesser
from app.db.engine import Database
from app.db.tables import dyads, families, shifts, undated_dyads
from app.db.types import NO_END_DAY
from app.settings import Settings
from app.shifts.families import Pair
from app.shifts.materialized.family_names import is_joint_family, name_family, split_family
from app.shifts.materialized.read import list_dependents
from app.shifts.side_periods import GroupMembers

MAX_JOINT_FAMILIES = 4
"""Families of several datasets that are kept at once; each costs about as much as its datasets."""
log = logging.getLogger("entente.shifts")
_refused: set[str] = set()
"""Families that this process has warned of."""


def apply_dataset_setting(database: Database) -> None:
    """Begin to keep the family of the configured datasets; those of other services stay."""
    chosen = set(Settings().alignment_datasets)
    family = name_family(chosen)
    with database.connect() as db:
        if len(chosen) < 2 or family in _list_joint_families(db):
            return
    with database.write() as db:
        known = _list_joint_families(db)
        if len(known) < MAX_JOINT_FAMILIES and family not in known:
            db.execute(families.insert(), {"dataset": family, "tests": 0})
            d = dyads.c
            rows = select(d.one, d.other).where(d.dataset.in_(split_family(family))).distinct()
            _mark_joint_dyads(db, family, [(one, other) for one, other in db.execute(rows)])
    if len(known) >= MAX_JOINT_FAMILIES and family not in {*known, *_refused}:
        _refused.add(family)
        log.warning(
            "shifts of %s together are computed for each question: %s other settings of"
            " ENTENTE_ALIGNMENT_DATASETS are kept; `entente shifts refresh --drop-others` drops"
            " them",
            family, len(known),
        )  # fmt: skip


def drop_other_families(database: Database) -> list[str]:
    """Drop the families of several datasets but that of this setting; returns what they were."""
    with database.write() as db:
        gone = set(_list_joint_families(db)) - {name_family(Settings().alignment_datasets)}
        for family in gone:
            for table in (shifts, undated_dyads, dyads, families):
                db.execute(delete(table).where(table.c.dataset == family))
    return sorted(gone)


def mark_joint_families(
    db: Connection, dataset: str, written: Sequence[Pair], changed: Sequence[Pair],
    members: GroupMembers,
) -> None:  # fmt: skip
    """Mark what depends in the families of a dataset on dyads whose shifts were written.

    What passed in the `changed` ones of them changed, and so what groups do with their members.
    """
    for family in _list_joint_families(db):
        if dataset in split_family(family):
            known = read_group_pairs(db, family, members)
            waiting = {*written, *list_dependents(changed, known, members)}
            _mark_joint_dyads(db, family, sorted(waiting))


def mark_shared_voters(db: Connection, dataset: str, actors: Sequence[str]) -> None:
    """Mark the dyads of some actors that share their votes with those of another dataset."""
    d, other = dyads.c, dyads.alias("other").c
    for family in _list_joint_families(db):
        datasets = split_family(family)
        if dataset in datasets:
            found = select(func.count()).where(other.dataset.in_(datasets))
            found = found.where(other.one == d.one, other.other == d.other)
            near = or_(d.one.in_(actors), d.other.in_(actors))
            stale = update(dyads).where(d.dataset == family, near, found.scalar_subquery() > 1)
            db.execute(stale.values(changed=d.changed + 1))


def read_group_pairs(db: Connection, family: str, members: GroupMembers) -> set[Pair]:
    """Read the dyads of a family of which a group with members is a side."""
    d = dyads.c
    some = or_(d.one.in_(members), d.other.in_(members))
    rows = db.execute(select(d.one, d.other).where(d.dataset == family, some))
    return {(one, other) for one, other in rows}


def _list_joint_families(db: Connection) -> list[str]:
    return [name for name in db.scalars(select(families.c.dataset)) if is_joint_family(name)]


def _mark_joint_dyads(db: Connection, family: str, pairs: Sequence[Pair]) -> None:
    bulk_add_sums(
        db, dyads, [(*pair, family, 1, 0, NO_END_DAY) for pair in pairs], keep_lesser("since")
    )
