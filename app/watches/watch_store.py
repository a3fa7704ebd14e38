"""The store of watches: who keeps which question, and how far it was compared with changes."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from app.access.keys import SCOPES
from app.db.dialect import build_upsert
from app.db.keyset import PageKey
from app.db.tables import house, keys, watch_deliveries, watches
from app.watches.signatures import WatchSecret, decode_secrets

WatchState = Literal["active", "paused", "suspended"]
POSITION, EDITION = "watches", "watch_edition"
"""Rows of `house`: the `seq` that all watches were compared up to, and the count of changes."""
MAX_PENDING = 10_000
"""Deliveries that wait for one receiver; with more, its watch falls behind until it takes them."""
W = watches.c


def format_now() -> str:
    """Return the present instant in the form of stored instants."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ── positions ─────────────────────────────────────────────────────────────────────────────────
def _read_number(db: Connection, name: str) -> int:
    return int(db.scalar(select(house.c.value).where(house.c.name == name)) or 0)


def _write_number(db: Connection, name: str, value: int) -> None:
    db.execute(build_upsert(db, house), {"name": name, "value": str(value)})


def read_position(db: Connection) -> int:
    """Return the `seq` up to which changes were compared with all watches that go along."""
    return _read_number(db, POSITION)


def move_position(db: Connection, before: int, after: int) -> bool:
    """Move the position of all watches on; False where another process has moved it."""
    if before == after:
        return read_position(db) == before
    done = db.execute(
        update(house)
        .where(house.c.name == POSITION, house.c.value == str(before))
        .values(value=str(after))
    )
    return done.rowcount == 1


def read_edition(db: Connection) -> int:
    """Return the number that grows with every change of any watch."""
    return _read_number(db, EDITION)


def begin_edition(db: Connection) -> int:
    """Return the next edition, for the watches that this transaction changes."""
    edition = read_edition(db) + 1
    _write_number(db, EDITION, edition)
    return edition


def make_token() -> str:
    """Make the part of a feed's address that cannot be guessed."""
    return secrets.token_urlsafe(24)


def make_test_id(watch: str) -> str:
    """Make the id of a test message, of which each is another one."""
    return f"msg_{watch.removeprefix('w_')}_test_{secrets.token_hex(6)}"


# ── watches ───────────────────────────────────────────────────────────────────────────────────
def add_watch(db: Connection, values: dict[str, object], version: int, after: int | None) -> str:
    """Add a watch, which hears of changes after a `seq`, by default after the newest; its id.

    `version` is that of the database.
    """
    if not db.scalar(select(func.count()).select_from(watches)):
        _write_number(db, POSITION, version)  # nothing was compared as long as there was none
    edition = begin_edition(db)
    named = f"{edition} {values['owner']} {values['question']}"
    ident = f"w_{blake2b(named.encode(), digest_size=8).hexdigest()}"
    position = version if after is None else after
    row = {
        "id": ident, "state": "active", "token": make_token(), "created_at": format_now(),
        "edition": edition, "pending": 0, "failures": 0,
        "position": None if position == read_position(db) else position, **values,
    }  # fmt: skip
    db.execute(insert(watches).values(row))
    return ident


def change_watch(db: Connection, ident: str, values: dict[str, object]) -> None:
    """Change some columns of a watch."""
    edition = begin_edition(db)
    db.execute(update(watches).where(W.id == ident).values(edition=edition, **values))


def remove_watch(db: Connection, ident: str) -> None:
    """Remove a watch and all of its deliveries."""
    begin_edition(db)
    db.execute(delete(watch_deliveries).where(watch_deliveries.c.watch == ident))
    db.execute(delete(watches).where(W.id == ident))


def stop_watch(db: Connection, ident: str, state: WatchState, reason: str | None) -> None:
    """Pause or suspend a watch where it is, so that it can go on from there."""
    row = find_watch(db, ident)
    if row is None:
        return
    position = row.position if row.position is not None else read_position(db)
    change_watch(db, ident, {"state": state, "reason": reason, "position": position})


def resume_watch(db: Connection, ident: str, after: int | None) -> None:
    """Let a watch go on from where it stopped, or after another `seq`."""
    values: dict[str, object] = {"state": "active", "reason": None, "failures": 0}
    if after is not None:
        values["position"] = after
        d = watch_deliveries.c  # what is compared again is said again
        db.execute(delete(watch_deliveries).where(d.watch == ident, d.seq > after))
        waiting = select(func.count()).where(d.watch == ident, d.state == "pending")
        values["pending"] = db.scalar(waiting)
    change_watch(db, ident, values)
    db.execute(update(watches).where(W.id == ident, W.pending > 0).values(due_at=format_now()))


def find_watch(db: Connection, ident: str) -> Row[object] | None:
    """Find a watch by its id."""
    if not ident.isprintable():
        return None
    return db.execute(select(watches).where(W.id == ident)).one_or_none()


def list_watches_after(
    db: Connection, owner: str | None, after: PageKey | None, limit: int
) -> Sequence[Row[object]]:
    """List watches of an owner, or of all, in the order of their making."""
    found = select(watches).order_by(W.created_at, W.id).limit(limit)
    if owner is not None:
        found = found.where(W.owner == owner)
    if after is not None:
        later = (W.created_at == after.value) & (W.id > after.id)
        found = found.where(or_(W.created_at > after.value, later))
    return db.execute(found).all()


def count_watches(db: Connection, owner: str) -> int:
    """Count the watches of an owner."""
    return db.scalar(select(func.count()).select_from(watches).where(W.owner == owner)) or 0


def list_changed_watches(db: Connection, edition: int) -> Sequence[Row[object]]:
    """List the watches that changed after an edition."""
    return db.execute(select(watches).where(W.edition > edition)).all()


def list_watch_ids(db: Connection) -> set[str]:
    """List the ids of all watches."""
    return set(db.scalars(select(W.id)))


def list_lagging_watches(db: Connection) -> Sequence[Row[object]]:
    """List the active watches that do not go along with the others and may catch up."""
    found = select(watches).where(W.state == "active", W.position.is_not(None))
    return db.execute(found.where(W.pending <= MAX_PENDING // 2)).all()


def set_positions(db: Connection, ids: Iterable[str], position: int | None) -> None:
    """Set the position of some watches; None lets them go along with the others."""
    wanted, edition = list(ids), begin_edition(db)
    for at in range(0, len(wanted), 500):
        part = wanted[at : at + 500]
        values = {"position": position, "edition": edition}
        db.execute(update(watches).where(W.id.in_(part), W.state == "active").values(values))


def delay_full_watches(db: Connection, position: int) -> None:
    """Let watches whose receiver does not keep up stay behind at a position."""
    full = (W.state == "active") & W.position.is_(None) & (W.pending > MAX_PENDING)
    if ids := list(db.scalars(select(W.id).where(full))):
        set_positions(db, ids, position)


def has_key_in_force(db: Connection, owner: str) -> bool:
    """Return whether the owner of a watch still has a key that may keep watches."""
    k, now = keys.c, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    scopes = SCOPES[SCOPES.index("watch") :]
    found = select(k.id).where(
        k.name == owner,
        k.scope.in_(scopes),
        k.revoked.is_(None),
        or_(k.expires.is_(None), k.expires > now),
    )
    return db.scalar(found.limit(1)) is not None


def read_secrets(row: Row[object]) -> list[WatchSecret]:
    """Return the secrets of a watch that are valid now, the newest first."""
    now = format_now()
    return [s for s in decode_secrets(row.secrets) if s.until is None or s.until > now]
