"""What the owners of watches may read, where datasets are closed: decision 023."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from app.access.keys import find_readable_datasets
from app.db.reader import find_dataset_of, read_closed_codes


class WatchReaders:
    """The rights of the owners of watches, read once for many changes."""

    def __init__(self, db: Connection, owners: Mapping[str, str]) -> None:
        self._db, self._owners = db, owners
        self._closed = read_closed_codes(db)
        self._readable: dict[str, frozenset[str] | None] = {}

    def keep_readable(self, event: str, found: list[str]) -> list[str]:
        """Keep the watches whose owners may read an event."""
        dataset = find_dataset_of(event)
        if dataset not in self._closed:
            return found
        return [watch for watch in found if self._may_read(self._owners.get(watch), dataset)]

    def keep_messages(self, rows: Iterable[Row[Any]]) -> list[Row[Any]]:
        """Keep the messages all of whose events the owner of their watch may read now."""
        rows = list(rows)
        if not self._closed:
            return rows
        return [
            row
            for row in rows
            if all(self.keep_readable(e, [row.watch]) for e in _list_events(row))
        ]

    def _may_read(self, owner: str | None, dataset: str) -> bool:
        if owner is None:  # the terminal, which works on the database itself
            return True
        if owner not in self._readable:
            self._readable[owner] = find_readable_datasets(self._db, owner)
        readable = self._readable[owner]
        return readable is None or dataset in readable


def _list_events(row: Row[Any]) -> list[str]:
    """List the events that a message shows."""
    if row.document is None:
        return [json.loads(row.event)["id"]]
    return [share["event"] for share in json.loads(row.document)["data"]["evidence"]]
