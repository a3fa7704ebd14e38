"""FastAPI dependencies for the objects in the application's state."""

from typing import Annotated

from fastapi import Depends, Request

from app.db.engine import Database
from app.settings import Settings


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _cursor_key(request: Request) -> bytes:
    cursor_key: bytes = request.app.state.cursor_key
    return cursor_key


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Held = Annotated[Database, Depends(_database)]
CursorKey = Annotated[bytes, Depends(_cursor_key)]
Chosen = Annotated[Settings, Depends(_settings)]
