"""Actors named in a path or a parameter."""

from typing import Annotated

from fastapi import Path
from sqlalchemy import Connection, select

from app.actors.queries import UnknownActorError, find
from app.db.tables import actors
from app.http.problems import InvalidError, MissingError, MovedError

Name = Annotated[str, Path(description="Any name or code of the actor.", examples=["ARM"])]


def in_path(db: Connection, asked: str, kinds: tuple[str, ...] = ()) -> str:
    """The code of the actor that a path names; 404 where there is none, 308 where it merged."""
    try:
        code = find(db, asked[:200]) if asked.isprintable() else ""
    except UnknownActorError as unknown:
        told = str(unknown)
        raise MissingError(f"{told[0].upper()}{told[1:]}. {unknown.hint}") from unknown
    row = db.execute(select(actors).where(actors.c.code == code)).one_or_none()
    if row is None or (kinds and row.kind not in kinds):
        wanted = " or ".join(kinds) or "actor"
        raise MissingError(f"{code or 'That'} is no {wanted}.")
    if row.merged_into is not None:
        raise MovedError(f"/v1/actors/{row.merged_into}")
    return code


def in_query(db: Connection, field: str, asked: str) -> str:
    """The code of the actor that a parameter names; 422 with suggestions where there is none."""
    try:
        return find(db, asked)
    except UnknownActorError as unknown:
        raise InvalidError(field, str(unknown), unknown.hint) from unknown
