"""The journal of changes: every write appends a revision, numbered (`seq`) without gaps.

Each write transaction has one instant, later than those of all earlier transactions even if the
clock was set back. Its last `seq` is the version of the database from then on.
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
    """Return the `seq` of the last change, which is the version of the whole database."""
    return int(prepared(db.dialect.name, _NEWEST).rows(db, {})[0][0] or 0)


@dataclass(frozen=True, slots=True)
class Writer:
    """The author of a change, and the reason."""

    name: str
    reason: str | None = None


@dataclass(slots=True)
class Moment:
    """An open write transaction: its instant, and the last `seq` before it and so far."""

    at: str
    before: int
    last: int


def open_moment(db: Connection) -> None:
    """Give a transaction its instant; the caller has taken the write lock."""
    last = int(db.scalar(select(func.coalesce(func.max(revisions.c.seq), 0))) or 0)
    latest = db.scalar(select(func.max(commits.c.at)))
    at = datetime.now(UTC)
    if latest is not None:
        follows = datetime.strptime(latest, _FORM).replace(tzinfo=UTC) + timedelta(microseconds=1)
        at = max(at, follows)
    db.info["moment"] = Moment(at.strftime(_FORM), last, last)


def moment(db: Connection) -> Moment:
    """Return the write transaction of a connection."""
    opened: Moment = db.info["moment"]
    return opened


def close_moment(db: Connection) -> bool:
    """Record the version that the transaction commits; return False where nothing changed."""
    ended: Moment = db.info.pop("moment")
    if ended.last == ended.before:
        return False
    db.execute(insert(commits).values(seq=ended.last, at=ended.at))
    announce(db, ended.last)
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """A document to append to the journal."""

    id: str
    document: str
    action: str = ""
    """`merge` or `retract`; empty means `create` for the first revision, then `update`."""


def numbers(db: Connection, kind: str, ids: Sequence[str]) -> dict[str, int]:
    """Return the number of the latest revision by document id; ids without revisions are absent."""
    r = revisions.c
    latest: dict[str, int] = {}
    for at in range(0, len(ids), 500):
        found = select(r.id, func.max(r.revision)).where(
            r.kind == kind, r.id.in_(ids[at : at + 500])
        )
        latest |= {row[0]: row[1] for row in db.execute(found.group_by(r.id))}
    return latest


def append(
    db: Connection,
    kind: str,
    entries: Sequence[Entry],
    by: Writer,
    *,
    derived: bool = False,
    held: dict[str, int] | None = None,
) -> list[int]:
    """Append a revision for each document, and return their `seq`s.

    `held` maps ids to the latest revision numbers; without it they are read. `derived` marks
    changes that follow from another document's change.
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


def note_merge(db: Connection, kind: str, merged: str, survivor: str, seq: int) -> None:
    """Record that a document was merged, so that its id resolves to the survivor."""
    db.execute(insert(moved).values(kind=kind, id=merged, into=survivor, seq=seq))


def survivor_of(db: Connection, kind: str, ident: str, as_of: int | None = None) -> str | None:
    """Return the id that a document was finally merged into; None where it was not merged."""
    found, m = None, moved.c
    then = [] if as_of is None else [m.seq <= as_of]
    while into := db.scalar(select(m.into).where(m.kind == kind, m.id == (found or ident), *then)):
        found = into
    return found
