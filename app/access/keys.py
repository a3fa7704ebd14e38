"""API keys of the form `ent_{id}_{secret}`: shown once; the database stores the secret's hash."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Connection, Row, insert, or_, select, update

from app.dataset_access import ALL_DATASETS
from app.db.tables import keys
from app.errors import UnauthorizedError

Scope = Literal["read", "watch", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""All scopes; each includes those before it."""
KEY_PREFIX = "ent_"
_TOKEN = re.compile(r"ent_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
USE_RECORD_INTERVAL = timedelta(minutes=1)
"""A use of a key is recorded only if the last recorded one is older than this."""


class NoSuchKeyError(Exception):
    """No key in force has that id or name."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The key that a request was authenticated with: its id, name and scope."""

    id: str
    name: str
    scope: Scope
    last_used_is_stale: bool = False
    """Whether this use has to be recorded: see `USE_RECORD_INTERVAL`."""
    reads: frozenset[str] = frozenset()
    """The closed datasets that it may read beside those it may write to."""
    writes: frozenset[str] | None = None
    """The only datasets that it may write to; None for all."""

    def has_scope(self, scope: Scope) -> bool:
        """Return whether the key's scope includes another scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    @property
    def readable(self) -> frozenset[str] | None:
        """The closed datasets that it may read; None for all.

        A key that may write to a dataset may read it: else it could not know what it changes.
        """
        if ALL_DATASETS in self.reads or self.has_scope("admin"):
            return None
        if not self.has_scope("write"):
            return self.reads
        return None if self.writes is None else self.reads | self.writes


def _format_instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _hash_secret(secret: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


def _join_datasets(codes: Collection[str]) -> str:
    return ",".join(sorted(codes))


def create_key(
    db: Connection,
    name: str,
    scope: Scope,
    days: int | None = None,
    *,
    reads: Collection[str] = (),
    writes: Collection[str] | None = None,
) -> str:
    """Create a key and return it; afterwards only its hash exists.

    `reads` are the closed datasets that it may read (`*`: all), `writes` the only datasets that it
    may write to (None: all).
    """
    ident, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), datetime.now(UTC)
    row: dict[str, str | None] = {
        "id": ident,
        "name": name,
        "digest": _hash_secret(secret),
        "scope": scope,
    }
    row |= {"reads": _join_datasets(reads) or None}
    row |= {"writes": None if writes is None else _join_datasets(writes)}
    row |= {"created": _format_instant(now), "revoked": None, "used": None}
    row["expires"] = None if days is None else _format_instant(now + timedelta(days=days))
    db.execute(insert(keys).values(row))
    return f"ent_{ident}_{secret}"


def list_keys(db: Connection) -> list[dict[str, str | None]]:
    """List every key, without its hash."""
    columns = [c for c in keys.c if c.name != "digest"]
    rows = db.execute(select(*columns).order_by(keys.c.created, keys.c.id))
    return [dict(row._mapping) for row in rows]


def revoke_key(db: Connection, key: str) -> list[str]:
    """Revoke the key with this id, or all keys with this name, and return their ids.

    Raises `NoSuchKeyError` where no key in force has that id or name.
    """
    now = _format_instant(datetime.now(UTC))
    ident = (found[1] if (found := _TOKEN.fullmatch(key)) else key).removeprefix("ent_")
    meant = (keys.c.id == ident) | (keys.c.name == key)
    revoked = list(db.scalars(select(keys.c.id).where(meant, keys.c.revoked.is_(None))))
    if not revoked:
        raise NoSuchKeyError(f"no key in force has the id or name {key[:60]!r}")
    db.execute(update(keys).where(keys.c.id.in_(revoked)).values(revoked=now))
    return revoked


def authenticate_key(db: Connection, token: str) -> Principal:
    """Return the principal of a key; raises `UnauthorizedError` where it is not valid."""
    found = _TOKEN.fullmatch(token)
    row = None
    if found is not None:
        row = db.execute(select(keys).where(keys.c.id == found[1])).one_or_none()
    # Compared even where no such key exists, so that timing does not reveal which ids exist.
    right = hmac.compare_digest(row.digest if row else "", _hash_secret(found[2] if found else ""))
    if row is None or not right:
        raise UnauthorizedError("The key is unknown.")
    now = datetime.now(UTC)
    if row.revoked is not None:
        raise UnauthorizedError("That key was revoked.")
    if row.expires is not None and row.expires <= _format_instant(now):
        raise UnauthorizedError("That key has expired.")
    unnoted = row.used is None or row.used < _format_instant(now - USE_RECORD_INTERVAL)
    return _make_principal(row, unnoted=unnoted)


def find_readable_datasets(db: Connection, name: str) -> frozenset[str] | None:
    """Find the closed datasets that the keys in force with a name may read together; None: all."""
    now = _format_instant(datetime.now(UTC))
    in_force = (keys.c.revoked.is_(None), or_(keys.c.expires.is_(None), keys.c.expires > now))
    found: frozenset[str] = frozenset()
    for row in db.execute(select(keys).where(keys.c.name == name, *in_force)):
        readable = _make_principal(row, unnoted=False).readable
        if readable is None:
            return None
        found |= readable
    return found


def _make_principal(row: Row[object], *, unnoted: bool) -> Principal:
    writes = None if row.writes is None else _split_datasets(row.writes)
    return Principal(row.id, row.name, row.scope, unnoted, _split_datasets(row.reads), writes)


def _split_datasets(joined: str | None) -> frozenset[str]:
    return frozenset(filter(None, (joined or "").split(",")))


def record_key_use(db: Connection, principal: Principal) -> None:
    """Record that a key was used, unless a use was recorded within the last minute."""
    if principal.last_used_is_stale:
        now = _format_instant(datetime.now(UTC))
        db.execute(update(keys).where(keys.c.id == principal.id).values(used=now))
