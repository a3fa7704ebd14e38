"""The journal: every write appends a revision, numbered without a gap.

A transaction has one instant, later than that of every transaction before it, however the clock is
set; its last `seq` is the version of the database from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from app.db.dialect import announce
from app.db.dialect.statements import prepared
from app.db.tables import commits, moved, revisions

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
_NEWEST = select(func.max(revisions.c.seq))


def version_of(db: Connection) -> int:
    """`seq` of the last change: the version of the whole database."""
    return int(prepared(db.dialect.name, _NEWEST).rows(db, {})[0][0] or 0)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and why."""

    name: str
    reason: str | None = None


@dataclass(slots=True)
class Moment:
    """A transaction that writes: its instant, and the last `seq` before it and of it."""

    at: str
    before: int
    last: int


def open_moment(db: Connection) -> None:
    """Give a transaction its instant; the one writer has just begun."""
    last = int(db.scalar(select(func.coalesce(func.max(revisions.c.seq), 0))) or 0)
    latest = db.scalar(select(func.max(commits.c.at)))
    at = datetime.now(UTC)
    if latest is not None:
        follows = datetime.strptime(latest, _FORM).replace(tzinfo=UTC) + timedelta(microseconds=1)
        at = max(at, follows)
    db.info["moment"] = Moment(at.strftime(_FORM), last, last)


def moment(db: Connection) -> Moment:
    """The instant of the transaction that is writing."""
    held: Moment = db.info["moment"]
    return held


def close_moment(db: Connection) -> bool:
    """Note the version that the transaction leaves behind; False where it changed nothing."""
    held: Moment = db.info.pop("moment")
    if held.last == held.before:
        return False
    db.execute(insert(commits).values(seq=held.last, at=held.at))
    announce(db, held.last)
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """A document to append."""

    id: str
    document: str
    action: str = ""
    """`merge` or `retract`; otherwise `create` for the first revision, then `update`."""


def numbers(db: Connection, kind: str, ids: Sequence[str]) -> dict[str, int]:
    """The number of the latest revision of each of some documents that have any."""
    r = revisions.c
    held: dict[str, int] = {}
    for at in range(0, len(ids), 500):
        found = select(r.id, func.max(r.revision)).where(
            r.kind == kind, r.id.in_(ids[at : at + 500])
        )
        held |= {row[0]: row[1] for row in db.execute(found.group_by(r.id))}
    return held


def append(
    db: Connection,
    kind: str,
    entries: Sequence[Entry],
    by: Writer,
    *,
    derived: bool = False,
    held: dict[str, int] | None = None,
) -> list[int]:
    """Append a revision for each document; returns their `seq`s.

    `held` gives the revisions that the documents have now, where the caller knows them.
    """
    if not entries:
        return []
    now = moment(db)
    if held is None:
        held = numbers(db, kind, [e.id for e in entries])
    values = [
        {
            "seq": now.last + n,
            "kind": kind,
            "id": entry.id,
            "revision": held.get(entry.id, 0) + 1,
            "action": entry.action or ("update" if entry.id in held else "create"),
            "at": now.at,
            "by": by.name,
            "reason": by.reason,
            "document": entry.document,
            "derived": derived,
        }
        for n, entry in enumerate(entries, 1)
    ]
    db.execute(insert(revisions), values)
    seqs = list(range(now.last + 1, now.last + len(entries) + 1))
    now.last += len(entries)
    return seqs


def note_merge(db: Connection, kind: str, loser: str, survivor: str, seq: int) -> None:
    """From now on asking for the loser is answered with the survivor."""
    db.execute(insert(moved).values(kind=kind, id=loser, into=survivor, seq=seq))


def survivor_of(db: Connection, kind: str, ident: str, as_of: int | None = None) -> str | None:
    """What something was merged into, in the end; None where it was not merged."""
    found, m = None, moved.c
    then = [] if as_of is None else [m.seq <= as_of]
    while into := db.scalar(select(m.into).where(m.kind == kind, m.id == (found or ident), *then)):
        found = into
    return found
