"""The journal of changes: every write appends a revision, numbered (`seq`) without gaps.

Each write transaction has one instant, later than those of all earlier transactions even if the
clock was set back. Its last `seq` is the version of the database from then on.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from app.db.dialect import notify_commit
from app.db.dictionaries import pack_documents
from app.db.lineage_table import read_version
from app.db.revision_rows import NO_INSTANT
from app.db.tables import commits, moved, revisions
from app.errors import ForbiddenError
from app.lineages import Version

_INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Writer:
    """The author of a change, and the reason."""

    name: str
    reason: str | None = None
    datasets: frozenset[str] | None = None
    """The only datasets that it may write to; None for all."""
    sets_access: bool = True
    """Whether it may say who reads a dataset."""

    def require_permission(self, kind: str, ids: Iterable[str], known: Container[str]) -> None:
        """Raise `ForbiddenError` where documents are not of its datasets.

        It may also add sources, which its events cite; `known` are the ids that exist already.
        """
        if self.datasets is None:
            return
        for ident in ids:
            if kind == "event" and ident.partition(":")[0] in self.datasets:
                continue
            if kind == "dataset" and ident in self.datasets:
                continue
            if kind == "source" and ident not in known:
                continue
            raise ForbiddenError(
                f"The key writes only to the datasets {', '.join(sorted(self.datasets))} and to"
                f" sources that are new; this would change the {kind} {ident}."
            )


@dataclass(slots=True)
class WriteTransaction:
    """An open write transaction: its instant, and the last `seq` before it and so far."""

    instant: str
    version_before: Version
    last_seq: int


def begin_write_transaction(db: Connection) -> None:
    """Give a transaction its instant; the caller has taken the write lock."""
    last = read_version(db)
    latest = db.scalar(select(func.max(commits.c.at)))
    at = datetime.now(UTC)
    if latest is not None:
        follows = datetime.strptime(latest, _INSTANT_FORMAT).replace(tzinfo=UTC) + timedelta(
            microseconds=1
        )
        at = max(at, follows)
    db.info["moment"] = WriteTransaction(at.strftime(_INSTANT_FORMAT), last, int(last))


def current_write_transaction(db: Connection) -> WriteTransaction:
    """Return the write transaction of a connection."""
    opened: WriteTransaction = db.info["moment"]
    return opened


def label_seq(db: Connection, seq: int) -> Version:
    """Return a `seq` of the write transaction or of an earlier one with its lineage."""
    return Version(seq, current_write_transaction(db).version_before.ancestry)


def record_commit(db: Connection) -> bool:
    """Record the version that the transaction commits; return False where nothing changed."""
    ended: WriteTransaction = db.info.pop("moment")
    if ended.last_seq == ended.version_before:
        return False
    db.execute(insert(commits).values(seq=ended.last_seq, at=ended.instant))
    notify_commit(db, ended.last_seq)
    return True


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A document to append to the journal."""

    id: str
    document: str
    action: str = ""
    """`merge` or `retract`; empty means `create` for the first revision, then `update`."""


def read_latest_revision_numbers(db: Connection, kind: str, ids: Sequence[str]) -> dict[str, int]:
    """Return the number of the latest revision by document id; ids without revisions are absent."""
    r = revisions.c
    latest: dict[str, int] = {}
    for at in range(0, len(ids), 500):
        found = select(r.id, func.max(r.revision)).where(
            r.kind == kind, r.id.in_(ids[at : at + 500])
        )
        latest |= {row[0]: row[1] for row in db.execute(found.group_by(r.id))}
    return latest


def append_revisions(
    db: Connection,
    kind: str,
    entries: Sequence[NewRevision],
    by: Writer,
    *,
    derived: bool = False,
    latest_numbers: dict[str, int] | None = None,
) -> list[int]:
    """Append a revision for each document, and return their `seq`s.

    `latest_numbers` maps ids to revision numbers; without it they are read. `derived` marks
    changes that follow from another document's change.
    """
    if not entries:
        return []
    now = current_write_transaction(db)
    if latest_numbers is None:
        latest_numbers = read_latest_revision_numbers(db, kind, [e.id for e in entries])
    if not derived:
        by.require_permission(kind, (e.id for e in entries), latest_numbers)
    documents = [(entry.id, entry.document.encode()) for entry in entries]
    frames = pack_documents(db, kind, documents, now.instant)
    values = [
        {
            "seq": now.last_seq + n,
            "kind": kind,
            "id": entry.id,
            "revision": latest_numbers.get(entry.id, 0) + 1,
            "action": entry.action or ("update" if entry.id in latest_numbers else "create"),
            "own_instant": NO_INSTANT,
            "by": by.name,
            "reason": by.reason,
            "plain": entry.document if frame is None else "",
            "derived": derived,
            "packed": frame,
        }
        for n, (entry, frame) in enumerate(zip(entries, frames, strict=True), 1)
    ]
    db.execute(insert(revisions), values)
    seqs = list(range(now.last_seq + 1, now.last_seq + len(entries) + 1))
    now.last_seq += len(entries)
    return seqs


def record_merge(db: Connection, kind: str, merged: str, survivor: str, seq: int) -> None:
    """Record that a document was merged, so that its id resolves to the survivor."""
    db.execute(insert(moved).values(kind=kind, id=merged, into=survivor, seq=seq))


def find_survivor(db: Connection, kind: str, ident: str, as_of: int | None = None) -> str | None:
    """Return the id that a document was finally merged into; None where it was not merged."""
    found, m = None, moved.c
    then = [] if as_of is None else [m.seq <= as_of]
    while into := db.scalar(select(m.into).where(m.kind == kind, m.id == (found or ident), *then)):
        found = into
    return found
