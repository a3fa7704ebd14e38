"""The store of import jobs: the tables of imports and of their rejected rows."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import accumulate
from typing import Literal

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from app.db.dialect import build_upsert
from app.db.keyset import PageKey
from app.db.tables import import_names, import_rejects, imports
from app.events.schemas import UnresolvedName
from app.events.unresolved import NamePosition, NameTotal, describe_total, report_names
from app.ingest.loading.load_options import LoadOptions
from app.ingest.loading.stats import COUNT_NAMES, PARTY_COUNT_NAMES, LoadStats, NameCounts
from app.ingest.readers.rows import Reject

SMALL_IMPORT_BYTES = 256 << 10
"""Maximum bytes of a small import: some six hundred events."""
MAX_STORED_REASONS = 100
"""Reasons, warnings and unresolved names that the document of an import has of each."""
NAMES_PER_QUERY = 400
"""Names in one statement; each takes two of the parameters that SQLite limits."""
ImportState = Literal["waiting", "running", "cancelling", "done", "failed", "cancelled"]
OPEN_STATES: tuple[ImportState, ...] = ("waiting", "running", "cancelling")
FINAL_STATES: tuple[ImportState, ...] = ("done", "failed", "cancelled")
MAX_CANDIDATES = 100
"""Maximum imports that are examined to find one to run; services that share the table run fewer."""
ABANDONED_SECONDS = 86_400
"""Seconds after which an import whose file is missing counts as abandoned."""
MAX_PAGE_CHARACTERS = 8 << 20
"""Maximum characters of the rejects of a page."""
ARRIVING_PREFIX, UPLOADED_PREFIX = "arriving-", "upload-"
"""Prefixes of file names: of an upload that is being received, and of a complete one."""
_TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_encode = msgspec.json.Encoder().encode


class LostImportError(Exception):
    """Another process has continued the import."""


def format_current_time() -> str:
    """Format the current time, in UTC."""
    return datetime.now(UTC).strftime(_TIMESTAMP_FORMAT)


def add_import(
    db: Connection, digest: str, options: LoadOptions, by: str, file: str, size: int
) -> tuple[str, bool]:
    """Add an import for an upload; returns its id, and whether it is new.

    The same upload again, while its import has not ended, is the same import.
    """
    i = imports.c
    known = select(i.id, i.state).where(or_(i.id == digest, i.id.startswith(f"{digest}-")))
    rows = db.execute(known.order_by(i.created_at.desc())).all()
    if rows and rows[0].state not in (*FINAL_STATES, "cancelling"):
        return rows[0].id, False
    ident = f"{digest}-{len(rows) + 1}" if rows else digest
    db.execute(
        insert(imports).values(
            id=ident,
            state="waiting",
            by=by,
            created_at=format_current_time(),
            options=json.dumps(asdict(options)),
            counts="{}",
            file=file,
            size=size,
            done=0,
        )
    )
    return ident, True


def list_unfinished_imports(db: Connection, *, small: bool) -> Sequence[Row[tuple[str]]]:
    """List imports that have not ended, oldest first.

    `small`: those that are small and have not started; otherwise all others.
    """
    i = imports.c
    apart = (i.size <= SMALL_IMPORT_BYTES) & i.started_at.is_(None)
    found = select(imports).where(i.state.in_(OPEN_STATES), apart if small else ~apart)
    return db.execute(found.order_by(i.created_at).limit(MAX_CANDIDATES)).all()


def find_import(db: Connection, ident: str) -> Row[tuple[str]] | None:
    """Find an import by id."""
    return db.execute(select(imports).where(imports.c.id == ident)).one_or_none()


def list_imports_after(
    db: Connection, after: PageKey | None, limit: int
) -> Sequence[Row[tuple[str]]]:
    """List imports, newest first, from the one that follows the last of a page."""
    i = imports.c
    found = select(imports).order_by(i.created_at.desc(), i.id.desc()).limit(limit)
    if after is not None:
        before = (i.created_at < after.value) | ((i.created_at == after.value) & (i.id < after.id))
        found = found.where(before)
    return db.execute(found).all()


def read_rejects_page(
    db: Connection, ident: str, after: int | None, limit: int
) -> tuple[Sequence[Row[int, str]], bool]:
    """Read rejects (number, reject) of an import after a number, and whether there are more.

    Together they have at most `MAX_PAGE_CHARACTERS`, unless the first alone is longer.
    """
    r = import_rejects.c
    found = select(r.number, r.reject).where(r["import"] == ident).order_by(r.number)
    sizes = select(func.length(r.reject)).where(r["import"] == ident).order_by(r.number)
    if after is not None:
        found, sizes = found.where(r.number > after), sizes.where(r.number > after)
    row_sizes = list(db.scalars(sizes.limit(limit + 1)))
    whole = accumulate(row_sizes[:limit])
    fit = max(1, sum(size <= MAX_PAGE_CHARACTERS for size in whole))
    rows = db.execute(found.limit(fit)).all()
    return rows, len(row_sizes) > len(rows)


def claim_import(db: Connection, ident: str) -> Row[tuple[str]] | None:
    """Mark an import as running; None if it has ended. The caller must have its `FileLock`."""
    i = imports.c
    row = db.execute(select(imports).where(i.id == ident, i.state.in_(OPEN_STATES))).one_or_none()
    if row is not None:
        state = "cancelling" if row.state == "cancelling" else "running"
        begun = {
            "state": state,
            "seen_at": format_current_time(),
            "started_at": row.started_at or format_current_time(),
        }
        db.execute(update(imports).where(i.id == ident).values(begun))
    return row


def record_progress(
    db: Connection,
    ident: str,
    before: str,
    tally: LoadStats,
    part: LoadStats,
    rejects: Sequence[Reject],
) -> tuple[str, str]:
    """Record the progress of an import in the transaction of its batch.

    `part` has the statistics of the batch, `tally` those of the import so far. Returns its state,
    which others may change, and its new counts. Raises `LostImportError` if the stored counts are
    not those `before`: then another process has stored the batch.
    """
    i, r = imports.c, import_rejects.c
    counts = json.dumps(encode_stats(tally))
    values = {"counts": counts, "done": i.done + part.rows, "seen_at": format_current_time()}
    if part.names.totals:
        _add_import_names(db, ident, list(part.names.totals.values()))
        names = [describe_total(total) for total in read_import_names(db, ident)]
        values["names"] = _encode_names(names)
    noted = db.execute(update(imports).where(i.id == ident, i.counts == before).values(values))
    if noted.rowcount != 1:
        raise LostImportError(ident)
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
    return str(db.scalar(select(i.state).where(i.id == ident))), counts


def _add_import_names(db: Connection, ident: str, totals: Sequence[NameTotal]) -> None:
    """Add the unresolved names of a batch to those of its import."""
    n = import_names.c
    known = NameCounts()
    for at in range(0, len(totals), NAMES_PER_QUERY):
        part = totals[at : at + NAMES_PER_QUERY]
        asked = select(n.kind, n.name, n.label, n.times, n.first, n.last).where(
            n["import"] == ident, tuple_(n.kind, n.name).in_([total[:2] for total in part])
        )
        known.totals = {row[:2]: NameTotal(*row) for row in map(tuple, db.execute(asked))}
        known.add_totals(part)
        names = [column.name for column in import_names.columns]
        rows = [dict(zip(names, (ident, *total), strict=True)) for total in known.totals.values()]
        db.execute(build_upsert(db, import_names), rows)


def read_import_names(
    db: Connection,
    ident: str,
    after: NamePosition | None = None,
    limit: int | None = MAX_STORED_REASONS,
) -> Iterator[NameTotal]:
    """Read the unresolved names of an import, the most frequent first."""
    n = import_names.c
    asked = select(n.kind, n.name, n.label, n.times, n.first, n.last)
    asked = asked.where(n["import"] == ident).order_by(n.times.desc(), n.name, n.kind).limit(limit)
    if after is not None:
        rest = tuple_(n.name, n.kind) > tuple_(literal(after.name), after.kind)
        asked = asked.where(or_(n.times < after.times, and_(n.times == after.times, rest)))
    for row in db.execute(asked.execution_options(yield_per=1000)):
        yield NameTotal(*row)


def report_import_names(db: Connection, ident: str) -> list[UnresolvedName]:
    """Report the most frequent unresolved names of an import, with the nearest names."""
    return list(report_names(db, list(read_import_names(db, ident))))


def _encode_names(names: Sequence[UnresolvedName]) -> str:
    return json.dumps([one.model_dump() for one in names], ensure_ascii=False)


def finish_import(
    db: Connection,
    ident: str,
    state: str,
    tally: LoadStats,
    error: str | None,
    names: Sequence[UnresolvedName] = (),
) -> str:
    """Record the end of an import, or that it is postponed; returns the state it has then.

    A postponed import becomes cancelled if its cancellation was requested meanwhile. `names` has
    the unresolved names with the nearest ones, where there are any.
    """
    i = imports.c
    if (
        state not in FINAL_STATES
        and db.scalar(select(i.state).where(i.id == ident)) == "cancelling"
    ):
        state = "cancelled"
    ended = format_current_time() if state in FINAL_STATES else None
    values = {"state": state, "counts": json.dumps(encode_stats(tally)), "error": error}
    if names:
        values["names"] = _encode_names(names)
    db.execute(update(imports).where(i.id == ident).values(**values, finished_at=ended))
    return state


def is_abandoned(row: Row[object]) -> bool:
    """Return whether an import without a file is abandoned: cancelled, or idle for long."""
    last_sign = datetime.strptime(row.seen_at or row.created_at, _TIMESTAMP_FORMAT).replace(
        tzinfo=UTC
    )
    return (
        row.state == "cancelling"
        or (datetime.now(UTC) - last_sign).total_seconds() > ABANDONED_SECONDS
    )


def request_cancellation(db: Connection, ident: str) -> None:
    """Request the cancellation of an import; one that has not started is cancelled at once."""
    i = imports.c
    never = {"state": "cancelled", "finished_at": format_current_time()}
    db.execute(update(imports).where(i.id == ident, i.state == "waiting").values(never))
    asked = update(imports).where(i.id == ident, i.state == "running")
    db.execute(asked.values(state="cancelling"))


def encode_stats(tally: LoadStats) -> dict[str, object]:
    """Encode statistics for storage, but for unresolved names, which have a table."""
    return {
        **tally.counts_by_name(),
        "reasons": dict(tally.reasons.most_common(MAX_STORED_REASONS)),
        "warnings": dict(tally.warnings.most_common(MAX_STORED_REASONS)),
        **{name: getattr(tally, name) for name in PARTY_COUNT_NAMES},
    }


def decode_stats(counts: str) -> LoadStats:
    """Decode stored statistics."""
    stored = json.loads(counts)
    counted = (*COUNT_NAMES, *PARTY_COUNT_NAMES)
    made = LoadStats(**{name: stored.get(name, 0) for name in counted})
    made.reasons.update(stored.get("reasons", {}))
    made.warnings.update(stored.get("warnings", {}))
    return made
