"""What was read of a version of a database, remembered while questions are asked of that version.

Only of connections whose transactions each see one state, and have read which (`get_state`).
"""

from collections.abc import Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect

from app.db.reader import get_state

T = TypeVar("T")


class StateMemory(Generic[T]):
    """Values by the version that was read and a key, for each engine."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known = WeakKeyDictionary[Dialect, dict[tuple[str, Hashable], T]]()

    def find_value(self, db: Connection, key: Hashable) -> T | None:
        """Find what is remembered of the version that a connection sees; None for nothing."""
        state = get_state(db)
        known = None if state is None else self._known.get(db.dialect)
        return None if state is None or known is None else known.get((state, key))

    def remember_value(self, db: Connection, key: Hashable, value: T) -> None:
        """Remember a value; where there are too many, all others are forgotten."""
        if (state := get_state(db)) is None:
            return
        known = self._known.setdefault(db.dialect, {})
        if len(known) >= self._most:
            known.clear()
        known[state, key] = value
