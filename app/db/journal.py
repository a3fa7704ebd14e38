"""The journal: every write appends a revision, numbered without a gap."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from app.db.tables import revisions


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and why."""

    name: str
    reason: str | None = None


def now() -> str:
    """This instant as the record keeps it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def append(
    db: Connection, kind: str, rows: list[tuple[str, str]], by: Writer, action: str = "create"
) -> list[int]:
    """Append a revision for each (id, document); returns their `seq`s. One writer at a time."""
    if not rows:
        return []
    r = revisions.c
    last = int(db.scalar(select(func.coalesce(func.max(r.seq), 0))) or 0)
    ids = [key for key, _ in rows]
    held: dict[str, int] = {}
    for at in range(0, len(ids), 500):
        found = select(r.id, func.max(r.revision)).where(
            r.kind == kind, r.id.in_(ids[at : at + 500])
        )
        held |= {row[0]: row[1] for row in db.execute(found.group_by(r.id))}
    moment = now()
    values = [
        {
            "seq": last + n,
            "kind": kind,
            "id": key,
            "revision": held.get(key, 0) + 1,
            "action": action if key not in held else "update",
            "at": moment,
            "by": by.name,
            "reason": by.reason,
            "document": document,
        }
        for n, (key, document) in enumerate(rows, 1)
    ]
    db.execute(insert(revisions), values)
    return [last + n for n in range(1, len(rows) + 1)]
