"""What endpoints take from the application's state, as FastAPI dependencies."""

from typing import Annotated, Any

from fastapi import Depends, Request

from app.db.engine import Database
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


DatabaseDep = Annotated[Database, Depends(StateValue("database"))]
CursorKeyDep = Annotated[bytes, Depends(StateValue("cursor_key"))]
SettingsDep = Annotated[Settings, Depends(StateValue("settings"))]
