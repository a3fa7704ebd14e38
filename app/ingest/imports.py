"""The table of imports: who uploaded what, how far it is, and who works on it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, Row, func, insert, or_, select, update

from app.db.tables import import_rejects, imports
from app.ingest.load import Options
from app.ingest.reading import Reject
from app.ingest.schemas import OVER
from app.ingest.tally import COUNTS, Tally

STALE = timedelta(seconds=15)
"""A running import whose worker was not heard of for so long is taken over."""
TOLD = 100
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
_encode = msgspec.json.Encoder().encode


def now(less: timedelta = timedelta()) -> str:
    """This instant, or one before."""
    return (datetime.now(UTC) - less).strftime(_FORM)


def enter(
    db: Connection, digest: str, options: Options, by: str, file: str, size: int
) -> tuple[str, bool]:
    """Note an upload; its id, and whether it is new: one that is still to be done stays one."""
    i = imports.c
    known = select(i.id, i.state).where(or_(i.id == digest, i.id.startswith(f"{digest}-")))
    rows = db.execute(known.order_by(i.created_at.desc())).all()
    if rows and rows[0].state not in OVER:
        return rows[0].id, False
    ident = f"{digest}-{len(rows) + 1}" if rows else digest
    db.execute(
        insert(imports).values(
            id=ident, state="waiting", by=by, created_at=now(), options=json.dumps(asdict(options)),
            counts="{}", file=file, size=size, done=0,
        )
    )  # fmt: skip
    return ident, True


def claim(db: Connection) -> Row[tuple[str]] | None:
    """Take the oldest import that nobody works on; None where there is none."""
    i = imports.c
    abandoned = i.state.in_(("running", "cancelling")) & (i.seen_at < now(STALE))
    found = select(imports).where((i.state == "waiting") | abandoned).order_by(i.created_at)
    row = db.execute(found.limit(1)).one_or_none()
    if row is None:
        return None
    state = "cancelling" if row.state == "cancelling" else "running"
    begun = {"state": state, "seen_at": now(), "started_at": row.started_at or now()}
    db.execute(update(imports).where(i.id == row.id).values(begun))
    return row


def waiting(db: Connection) -> bool:
    """Whether there may be something to claim."""
    i = imports.c
    abandoned = i.state.in_(("running", "cancelling")) & (i.seen_at < now(STALE))
    return db.scalar(select(i.id).where((i.state == "waiting") | abandoned).limit(1)) is not None


def beat(db: Connection, ids: Sequence[str]) -> None:
    """Tell that somebody works on some imports."""
    db.execute(update(imports).where(imports.c.id.in_(ids)).values(seen_at=now()))


def advance(db: Connection, ident: str, tally: Tally, rows: int, rejects: Sequence[Reject]) -> str:
    """Note how far an import is, with the rows themselves; its state, which others may change."""
    i, r = imports.c, import_rejects.c
    values = {"counts": json.dumps(told(tally)), "done": i.done + rows, "seen_at": now()}
    db.execute(update(imports).where(i.id == ident).values(values))
    if rejects:
        last = select(func.coalesce(func.max(r.number), 0)).where(r["import"] == ident)
        first = int(db.scalar(last) or 0) + 1
        db.execute(
            insert(import_rejects),
            [
                {"import": ident, "number": n, "reject": _encode(reject).decode()}
                for n, reject in enumerate(rejects, first)
            ],
        )
    return str(db.scalar(select(i.state).where(i.id == ident)))


def finish(db: Connection, ident: str, state: str, tally: Tally, error: str | None) -> None:
    """Note how an import ended; one that is only put off is waiting again."""
    ended = now() if state in OVER else None
    values = {"state": state, "counts": json.dumps(told(tally)), "error": error}
    db.execute(update(imports).where(imports.c.id == ident).values(**values, finished_at=ended))


def cancel(db: Connection, ident: str) -> None:
    """Ask for an import to end; one that has not begun ends at once."""
    i = imports.c
    never = {"state": "cancelled", "finished_at": now()}
    db.execute(update(imports).where(i.id == ident, i.state == "waiting").values(never))
    asked = update(imports).where(i.id == ident, i.state == "running")
    db.execute(asked.values(state="cancelling"))


def told(tally: Tally) -> dict[str, object]:
    """Counts as they are kept."""
    return {
        **tally.counts(),
        "reasons": dict(tally.reasons.most_common(TOLD)),
        "warnings": dict(tally.warnings.most_common(TOLD)),
        "unknown_actors": dict(tally.unknown.most_common(TOLD)),
        "days": [tally.first, tally.last],
    }


def tally_of(counts: str) -> Tally:
    """Counts as they were kept."""
    held = json.loads(counts)
    made = Tally(**{name: held.get(name, 0) for name in COUNTS})
    made.reasons.update(held.get("reasons", {}))
    made.warnings.update(held.get("warnings", {}))
    made.unknown.update(held.get("unknown_actors", {}))
    return made
