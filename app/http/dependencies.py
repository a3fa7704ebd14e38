"""What endpoints take from the application's state, as FastAPI dependencies."""

from typing import Annotated, Any

from fastapi import Depends, Request

from app.db.cursor_key import load_cursor_key
from app.db.engine import Database
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


DatabaseDep = Annotated[Database, Depends(StateValue("database"))]
WriterDep = Annotated[Database, Depends(StateValue("writer"))]
"""The database, read where it is written: for what a write has to see at once."""
CursorKeyDep = Annotated[bytes, Depends(CursorKeyValue("cursor_key"))]
SettingsDep = Annotated[Settings, Depends(StateValue("settings"))]
