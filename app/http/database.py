"""How a handler reaches what the application holds."""

from typing import Annotated

from fastapi import Depends, Request

from app.db.engine import Database
from app.settings import Settings


async def _database(request: Request) -> Database:
    held: Database = request.app.state.database
    return held


async def _cursor_key(request: Request) -> bytes:
    held: bytes = request.app.state.cursor_key
    return held


async def _settings(request: Request) -> Settings:
    held: Settings = request.app.state.settings
    return held


Held = Annotated[Database, Depends(_database)]
CursorKey = Annotated[bytes, Depends(_cursor_key)]
Chosen = Annotated[Settings, Depends(_settings)]
