"""The store of deliveries: what each watch has to say, and what became of it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, func, select, update

from app.db.dialect.bulk_copy import bulk_insert
from app.db.dialect.stored_document import document_of
from app.db.revision_rows import instant_of
from app.db.tables import revisions, watch_deliveries, watches
from app.watches.watch_store import format_now

DeliveryState = Literal["pending", "delivered", "dead", "kept"]
MAX_KEPT, MAX_DEAD = 1_000, 10_000
"""Deliveries that are kept of each watch after the end: those that arrived or only feeds show, and
dead letters."""
D, W = watch_deliveries.c, watches.c
_COLUMNS = ("watch", "seq", "change", "state", "at", "attempts", "document")


class NewDelivery(NamedTuple):
    """Something that a watch has to say, and whether it is to be sent."""

    watch: str
    seq: int
    change: str
    is_sent: bool
    document: str | None = None


def add_deliveries(db: Connection, found: Sequence[NewDelivery]) -> None:
    """Add deliveries in order; those that are to be sent become due at once."""
    now = format_now()
    rows = [
        (one.watch, one.seq, one.change, "pending" if one.is_sent else "kept", now, 0, one.document)
        for one in sorted(found)
    ]
    bulk_insert(db, watch_deliveries.name, _COLUMNS, rows)
    counts = Counter(one.watch for one in found if one.is_sent)
    if counts:
        statement = (
            update(watches)
            .where(W.id == bindparam("ident"))
            .values(
                pending=W.pending + bindparam("more"),
                due_at=func.coalesce(W.due_at, bindparam("now")),
            )
        )
        rows_of = [{"ident": w, "more": n, "now": now} for w, n in sorted(counts.items())]
        db.execute(statement, rows_of)


def list_due_watches(
    db: Connection, limit: int, apart: Sequence[str], *, is_failing: bool
) -> list[str]:
    """List watches that have something to send now, the longest due first, but for some.

    Either those whose last attempt failed, or the others.
    """
    failed = W.failures > 0 if is_failing else W.failures == 0
    found = select(W.id).where(W.due_at <= format_now(), W.state == "active", failed)
    if apart:
        found = found.where(W.id.not_in(apart))
    return list(db.scalars(found.order_by(W.due_at).limit(limit)))


def _select_with_revisions(*columns: Any) -> tuple[Select[*tuple[Any, ...]], Any]:
    """Select revisions with the document before each, and return also what they are joined from."""
    before = revisions.alias("before")
    r, b = revisions.c, before.c
    found = select(
        *columns, r.kind, r.id, r.revision, r.action,
        instant_of(revisions, "written_at"), r.by, r.reason, r.derived,
        document_of(revisions, "event"), document_of(before, "before"),
    )  # fmt: skip
    same = (b.kind == r.kind) & (b.id == r.id) & (b.revision == r.revision - 1)
    return found, (before, same)


def _select_deliveries(watch: str) -> Select[*tuple[Any, ...]]:
    found, outer = _select_with_revisions(watch_deliveries)
    joined = watch_deliveries.join(revisions, revisions.c.seq == D.seq).outerjoin(*outer)
    return found.select_from(joined).where(D.watch == watch)


def list_pending(db: Connection, watch: str, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """List the pending deliveries of a watch in order, with the revision that each is of."""
    found = _select_deliveries(watch).where(D.state == "pending")
    return db.execute(found.order_by(D.seq).limit(limit)).all()


def list_newest(db: Connection, watch: str, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """List what a watch said last, newest first, with the revision that each is of."""
    return db.execute(_select_deliveries(watch).order_by(D.seq.desc()).limit(limit)).all()


def read_revisions(db: Connection, seqs: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Read some revisions in order, each with the document before it."""
    found, outer = _select_with_revisions(revisions.c.seq)
    found = found.select_from(revisions.outerjoin(*outer)).where(revisions.c.seq.in_(seqs))
    return db.execute(found.order_by(revisions.c.seq)).all()


class Attempt(NamedTuple):
    """What became of one attempt to deliver."""

    watch: str
    seq: int
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None


def record_attempts(db: Connection, made: Sequence[Attempt]) -> None:
    """Record attempts; what arrived, or is given up, no longer waits."""
    now = format_now()
    db.execute(
        update(watch_deliveries)
        .where(D.watch == bindparam("w"), D.seq == bindparam("s"), D.state == "pending")
        .values(
            state=bindparam("new_state"), attempts=bindparam("times"), sent_at=now,
            status=bindparam("code"), error=bindparam("why"),
        ),
        [
            {
                "w": a.watch, "s": a.seq, "new_state": a.state, "times": a.attempts,
                "code": a.status, "why": a.error,
            }
            for a in made
        ],
    )  # fmt: skip
    ended = sorted({a.watch for a in made if a.state != "pending"})
    for watch in ended:
        refresh_pending(db, watch)


def refresh_pending(db: Connection, watch: str) -> None:
    """Count what waits of a watch again; where nothing does, no attempt is due."""
    waiting = db.scalar(
        select(func.count())
        .select_from(watch_deliveries)
        .where(D.watch == watch, D.state == "pending")
    )
    values: dict[str, Any] = {"pending": waiting}
    if not waiting:
        values["due_at"] = None
    db.execute(update(watches).where(W.id == watch).values(values))


def set_due(db: Connection, watch: str, due_at: str, failures: int) -> None:
    """Set when the next attempt is made, and how many failed since one succeeded."""
    db.execute(update(watches).where(W.id == watch).values(due_at=due_at, failures=failures))


def list_deliveries_after(
    db: Connection, watch: str, state: str | None, before: int | None, limit: int
) -> Sequence[Row[Any]]:
    """List the deliveries of a watch, newest first, before a `seq`."""
    found = select(watch_deliveries).where(D.watch == watch).order_by(D.seq.desc()).limit(limit)
    if state is not None:
        found = found.where(D.state == state)
    if before is not None:
        found = found.where(D.seq < before)
    return db.execute(found).all()


def find_delivery(db: Connection, watch: str, seq: int) -> Row[Any] | None:
    """Find a delivery of a watch."""
    found = select(watch_deliveries).where(D.watch == watch, D.seq == seq)
    return db.execute(found).one_or_none()


def replay_deliveries(db: Connection, watch: str, seq: int | None) -> int:
    """Let dead letters of a watch be tried again, all or one, and return how many."""
    found = update(watch_deliveries).where(D.watch == watch, D.state == "dead")
    if seq is not None:
        found = found.where(D.seq == seq)
    count = db.execute(found.values(state="pending", attempts=0)).rowcount
    if count:
        refresh_pending(db, watch)
        set_due(db, watch, format_now(), 0)
    return count


def drop_old_deliveries(db: Connection, watch: str) -> None:
    """Drop the oldest ended deliveries of a watch beyond those that are kept."""
    for states, most in ((("delivered", "kept"), MAX_KEPT), (("dead",), MAX_DEAD)):
        ended = (D.watch == watch) & D.state.in_(states)
        last = select(D.seq).where(ended).order_by(D.seq.desc()).offset(most).limit(1)
        db.execute(delete(watch_deliveries).where(ended, D.seq <= last.scalar_subquery()))


def withdraw_deliveries(db: Connection, watch: str, seqs: Sequence[int]) -> None:
    """Withdraw deliveries that wait, of events that their owner may not read any more."""
    waiting = (D.watch == watch) & (D.state == "pending") & D.seq.in_(seqs)
    db.execute(delete(watch_deliveries).where(waiting))
    refresh_pending(db, watch)


def has_delivery(db: Connection, watch: str, seq: int) -> bool:
    """Return whether a watch has something to say at a `seq` already."""
    return bool(db.scalar(select(exists().where(D.watch == watch, D.seq == seq))))
