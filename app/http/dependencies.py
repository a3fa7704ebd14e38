"""FastAPI dependencies for the objects in the application's state."""

from typing import Annotated

from fastapi import Depends, Request

from app.db.engine import Database
from app.settings import Settings


async def _get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _get_cursor_key(request: Request) -> bytes:
    cursor_key: bytes = request.app.state.cursor_key
    return cursor_key


async def _get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


DatabaseDep = Annotated[Database, Depends(_get_database)]
CursorKeyDep = Annotated[bytes, Depends(_get_cursor_key)]
SettingsDep = Annotated[Settings, Depends(_get_settings)]
