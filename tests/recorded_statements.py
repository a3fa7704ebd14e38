"""The statements that a request runs."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event

from app.db.dialect.fast_statements import CompiledStatement, uses_fast_statements

_BACKGROUND = ("imports", "shifts", "key-use", "watches", "deliveries")
"""Names of threads whose statements belong to no request."""


@contextmanager
def record_statements(api: TestClient) -> Iterator[list[str]]:
    """The statements that run in the block for a request, transactions left out."""
    executed: list[str] = []

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        by_itself = threading.current_thread().name.startswith(_BACKGROUND)
        if not (text.startswith("BEGIN") or by_itself):
            executed.append(text)

    straight = CompiledStatement.fetch_rows  # what goes to the driver without the engine

    def noted(self: CompiledStatement, db: Connection, values: Mapping[str, Any]) -> Any:
        if uses_fast_statements(db):  # otherwise the engine sees it too
            note(None, None, self.text)
        return straight(self, db, values)

    engine = api.app.state.database.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(CompiledStatement, "fetch_rows", noted)
            yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)
