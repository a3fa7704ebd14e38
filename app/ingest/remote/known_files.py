"""Files that were loaded by their address: fetched again only if they have changed since."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.db.dialect import build_upsert
from app.db.engine import Database
from app.db.tables import pull_items
from app.ingest.remote.address import FileAddress

if TYPE_CHECKING:
    from app.ingest.remote.download import Download

SOURCE = "address"
"""The source that the ledger has such files under."""
NO_DAY = "0001-01-01"


@dataclass(frozen=True, slots=True)
class FormerLoad:
    """What is known of a file that was loaded whole, without rejected rows."""

    etag: str
    last_modified: str
    loaded_at: str


def read_known_file(database: Database, address: FileAddress, purpose: str) -> FormerLoad | None:
    """Read what is known of a file; `purpose` says into what, and how, it is loaded."""
    c = pull_items.c
    asked = select(c.etag, c.last_modified, c.loaded_at).where(
        c.source == SOURCE, c.stream == purpose, c.item == _name_file(address), c.rejected == 0
    )
    with database.connect() as db:
        row = db.execute(asked).one_or_none()
    if row is None or not (row.etag or row.last_modified):
        return None
    return FormerLoad(row.etag or "", row.last_modified or "", row.loaded_at or "")


def write_known_file(
    database: Database,
    address: FileAddress,
    purpose: str,
    done: "Download",
    size: int,
    rows: int,
    rejected: int,
) -> None:
    """Write what is known of a file that was loaded; of its address without the query."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row = {
        "source": SOURCE,
        "stream": purpose,
        "item": _name_file(address),
        "url": address.shown,
        "stamp": NO_DAY,
        "state": "loaded" if rows else "empty",
        "size": size,
        "checksum": f"{address.algorithm}:{address.digest}" if address.digest else None,
        "etag": done.etag or None,
        "last_modified": done.last_modified or None,
        "tries": 1,
        "next_try": None,
        "first_listed": now,
        "loaded_at": now,
        "publications": 1,
        "rows": rows,
        "rejected": rejected,
        "error": None,
    }
    with database.write() as db:
        db.execute(build_upsert(db, pull_items), [row])


def _name_file(address: FileAddress) -> str:
    """Name a file by a hash: its query can have a secret in it."""
    return hashlib.sha256(address.url.encode()).hexdigest()[:32]
