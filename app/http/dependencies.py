"""What endpoints take from the application's state, as FastAPI dependencies."""

from typing import Annotated, Any

from fastapi import Depends, Request

from app.db.cursor_key import load_cursor_key
from app.db.engine import Database
from app.db.reader import Reader
from app.errors import VersionAwaitedError
from app.settings import Settings


class StateValue:
    """A dependency that returns an attribute of the application's state.

    `QueryRoute` reads it without the framework, which would take longer for it than for a page's
    text (decision 005).
    """

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, request: Request) -> Any:
        """Return the value, where the framework asks for it."""
        return self.read_state(request)

    def read_state(self, request: Request) -> Any:
        """Return the value."""
        return getattr(request.app.state, self.name)


class CursorKeyValue(StateValue):
    """The key of cursors; looked up again while the primary of a standby has none yet."""

    def read_state(self, request: Request) -> Any:
        """Return the key; raises `VersionAwaitedError` where there is none."""
        state = request.app.state
        if not state.cursor_key:
            state.cursor_key = load_cursor_key(state.database)
            if not state.cursor_key:
                raise VersionAwaitedError(1, 0)
        return state.cursor_key


def get_reader(request: Request) -> Reader:
    """Return who reads: a key that is checked for the request widens what its reader may see."""
    state = request.scope.setdefault("state", {})
    reader: Reader | None = state.get("reader")
    if reader is None:
        reader = state["reader"] = Reader()
    return reader


class ReadersDatabase(StateValue):
    """A database as the reader of the request may see it."""

    def read_state(self, request: Request) -> Database:
        """Return the value."""
        database: Database = super().read_state(request)
        return database.for_reader(get_reader(request))


def get_readers_database(request: Request) -> Database:
    """Return the database as the reader of a request may see it."""
    return ReadersDatabase("database").read_state(request)


DatabaseDep = Annotated[Database, Depends(ReadersDatabase("database"))]
WriterDep = Annotated[Database, Depends(ReadersDatabase("writer"))]
"""The database, read where it is written: for what a write has to see at once."""
CursorKeyDep = Annotated[bytes, Depends(CursorKeyValue("cursor_key"))]
SettingsDep = Annotated[Settings, Depends(StateValue("settings"))]
