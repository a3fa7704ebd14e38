"""Databases of the tests share what SQLAlchemy compiles: statements, and types of a dialect.

Each engine has a dialect and a cache of statements of its own, and most tests have an engine of
their own, so that every one of them would compile again what the one before it has compiled.
"""

from typing import Any

from sqlalchemy import Engine, create_engine

STATEMENTS = 3000
"""Statements that are kept compiled: a test asks for hundreds, a server seldom for more."""
_first_engines: dict[tuple[str, str | None, int | None], Engine] = {}
"""The first engine of each server, whose dialect knows that server's version."""


def create_similar_engine(url: str, **options: Any) -> Engine:
    """Create an engine that goes on with the dialect of an earlier one on the same server."""
    made = create_engine(url, query_cache_size=STATEMENTS, **options)
    server = made.dialect.name, made.url.host, made.url.port
    first = _first_engines.get(server)
    if first is None or first.dialect.server_version_info is None:  # it has not been used yet
        _first_engines[server] = made
        return made
    # Its own dialect has nothing to find out of the server.
    made.dialect.initialize = lambda _: None  # type: ignore[assignment, method-assign]
    made.dialect = made.pool._dialect = first.dialect
    made._compiled_cache = first._compiled_cache
    return made
