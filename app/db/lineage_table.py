"""The stored lineages: read with the version at every request, and begun at every fork."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import Connection, ScalarSelect, func, insert, select

from app.db.dialect.fast_statements import compile_prepared
from app.db.dialect.one_state import reads_one_state
from app.db.reader import CLOSED_DATASETS, note_closed_datasets, note_state
from app.db.request_versions import note_version
from app.db.tables import lineages, revisions
from app.lineages import LINEAGE_LENGTH, UNNAMED, Ancestry, Lineage, Version

_KEPT_ANCESTRIES = 64
_ANCESTRIES: dict[str, Ancestry] = {}
"""By the name of the current lineage. Names are random and rows never change, so that an entry
holds for every database that is in this lineage."""


def select_current_lineage() -> ScalarSelect[str]:
    """Select the name of the current lineage, as a column of another statement."""
    newest = select(lineages.c.lineage).order_by(lineages.c.number.desc()).limit(1)
    return newest.scalar_subquery()


def select_newest_seq() -> ScalarSelect[int]:
    """Select the `seq` of the last change, as a column of another statement."""
    return select(func.max(revisions.c.seq)).scalar_subquery()


_SELECT_VERSION = select(select_newest_seq(), select_current_lineage(), CLOSED_DATASETS)


def read_version(db: Connection) -> Version:
    """Return the `seq` of the last change, which is the version of the whole database."""
    [row] = compile_prepared(db.dialect.name, _SELECT_VERSION).fetch_rows(db, {})
    seq, lineage, closed = row
    note_closed_datasets(db, closed)  # one statement, since every request reads both
    version = Version(seq or 0, find_ancestry(db, lineage))
    note_version(version)
    if reads_one_state(db):
        note_state(db.info, version.label)
    return version


def write_version_question(kind: str) -> bytes | None:
    """Return the statement of the version for `SharedQuestion`; None where none is needed."""
    prepared = compile_prepared(kind, _SELECT_VERSION).prepared_statement
    return None if prepared is None else prepared.text


def name_database_state(version: Version) -> str:
    """Name the state of a database that was at a version."""
    return f"{int(version)}.{version.ancestry.current}"


def read_open_state(row: Sequence[str | None]) -> str | None:
    """Name the state of a version's row; None where a dataset is not open, or not searched."""
    seq, lineage, closed = row
    return f"{seq or 0}.{lineage}" if lineage is not None and closed is None else None


def find_ancestry(db: Connection, lineage: str | None) -> Ancestry:
    """Return the lineages that led to the current one; read from the database once a process."""
    name = lineage or UNNAMED
    known = _ANCESTRIES.get(name)
    if known is None:
        if len(_ANCESTRIES) >= _KEPT_ANCESTRIES:
            _ANCESTRIES.clear()
        known = _ANCESTRIES[name] = Ancestry(tuple(read_lineages(db)))
    return known


def read_lineages(db: Connection) -> list[Lineage]:
    """Read all lineages, oldest first; a database without any is in one that has no name."""
    c = lineages.c
    columns = (c.lineage, c.parent, c.forked_at, c.at, c.reason)
    rows = db.execute(select(*columns).order_by(c.number))
    return [Lineage(*row) for row in rows] or [Lineage(UNNAMED, None, 0, "", "")]


class LineageError(ValueError):
    """A fork that cannot be: at a version of an earlier lineage, or in the future."""


def begin_lineage(db: Connection, reason: str, forked_at: int | None = None) -> Lineage:
    """Begin a lineage after a version, by default the newest; the caller has the write lock.

    Raises `LineageError` for a version that is not of the current lineage.
    """
    lineages.create(db, checkfirst=True)  # a backup of an older schema has none
    before = read_lineages(db)
    if before[-1].lineage == UNNAMED:
        before = [_insert_lineage(db, 1, Lineage(_name_lineage(), None, 0, _now(), "created"))]
    newest = int(db.scalar(select(func.max(revisions.c.seq))) or 0)
    fork, parent = newest if forked_at is None else forked_at, before[-1]
    if not parent.forked_at <= fork <= newest:
        raise LineageError(
            f"the fork has to be at a version from {parent.forked_at} to {newest}, which is the"
            " newest"
        )
    made = Lineage(_name_lineage(), parent.lineage, fork, _now(), reason)
    return _insert_lineage(db, len(before) + 1, made)


def find_lineage_faults(db: Connection) -> Iterator[str]:
    """Describe what cannot be in the table of lineages, one fault a line."""
    found = read_lineages(db)
    newest = int(db.scalar(select(func.max(revisions.c.seq))) or 0)
    if found[0].lineage == UNNAMED:
        yield "lineages: the first one is missing; entente db lineage --renew mends it"
    for before, one in pairwise([None, *found]):
        assert one is not None
        if one.parent != (before and before.lineage):
            yield f"lineage {one.lineage}: its parent is not the lineage before it"
        if not (before.forked_at if before else 0) <= one.forked_at <= newest:
            yield f"lineage {one.lineage}: it cannot begin after version {one.forked_at}"


def _insert_lineage(db: Connection, number: int, made: Lineage) -> Lineage:
    db.execute(
        insert(lineages).values(
            number=number,
            lineage=made.lineage,
            parent=made.parent,
            forked_at=made.forked_at,
            at=made.at,
            reason=made.reason,
        )
    )
    return made


def _name_lineage() -> str:
    return secrets.token_hex(LINEAGE_LENGTH // 2)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
