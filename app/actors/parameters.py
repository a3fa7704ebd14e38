"""Actors named in a path or a query parameter are resolved to their codes."""

from urllib.parse import quote

from sqlalchemy import Connection

from app.actors.queries import UnknownActorError, find_actor, resolve_actor_code
from app.db.state_memory import StateMemory
from app.errors import InvalidParameterError, MovedError, NotFoundError

MOST_KNOWN, LONGEST_KNOWN = 4096, 100
"""Names that are remembered, of each engine, and the longest of them."""
_KNOWN = StateMemory[str](MOST_KNOWN)
"""By the name and the version that was asked about."""


def resolve_path_actor(
    db: Connection,
    asked: str,
    kinds: tuple[str, ...] = (),
    as_of: int | None = None,
    here: str = "/v1/actors/{code}",
) -> str:
    """Resolve the actor that a path names to its code.

    Raises `NotFoundError` for an unknown actor or one that is not of `kinds`, and `MovedError` for
    a merged one, with the address of its survivor by the pattern `here`.
    """
    try:
        row = find_actor(db, asked[:200], as_of) if asked.isprintable() else None
    except UnknownActorError as unknown:
        message = str(unknown)
        raise NotFoundError(f"{message[0].upper()}{message[1:]}. {unknown.hint}") from unknown
    if row is not None and row.merged_into is not None:
        raise MovedError(
            here.format(code=quote(resolve_actor_code(db, row.code, as_of=as_of), safe=""))
        )
    if row is None or (kinds and row.kind not in kinds):
        wanted = " or ".join(kinds) or "actor"
        raise NotFoundError(f"{row.code if row else 'That'} is not an {wanted}.")
    return str(row.code)


def resolve_query_actor(db: Connection, field: str, asked: str, as_of: int | None = None) -> str:
    """Resolve the actor that a query parameter names to its code.

    Raises `InvalidParameterError` with the nearest names for an unknown actor. What a name means in
    a version of the database is remembered.
    """
    if (code := _KNOWN.find_value(db, (asked, as_of))) is not None:
        return code
    try:
        code = resolve_actor_code(db, asked, as_of=as_of)
        if len(asked) <= LONGEST_KNOWN:
            _KNOWN.remember_value(db, (asked, as_of), code)
        return code
    except UnknownActorError as unknown:
        near = [candidate.code for candidate in unknown.near]
        raise InvalidParameterError(field, str(unknown), unknown.hint, near) from unknown
