"""Documents of the smaller tables over HTTP: all of them by id, or one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from sqlalchemy import ColumnElement, Connection, Select, Table, select

from app.db.engine import Database
from app.db.journal import survivor_of
from app.db.keyset import Key, pack
from app.db.worlds import with_documents
from app.http.asked import PastPaging, seen, version_at
from app.http.caching import cached, cached_one
from app.http.page import Meta, links, page, resumed
from app.http.problems import MissingError, MovedError

Narrowing = Callable[[Any], list[ColumnElement[bool]]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of documents of one kind, and where it is answered."""

    kind: str
    table: Table
    key: str
    path: str


def read_one(
    request: Request, database: Database, shelf: Shelf, ident: str, as_of: str | None
) -> Response:
    """One document, with its strong ETag; one that was merged leads to its survivor."""
    with database.connect() as db:
        then = version_at(db, as_of)

        def build(t: Any) -> Select[Any]:
            return select(t.seq).where(t[shelf.key] == ident)

        readable = ident.isprintable()
        found = with_documents(then, shelf.table, build)
        row = db.execute(found).one_or_none() if readable else None
        if row is None:
            into = survivor_of(db, shelf.kind, ident, then) if readable else None
            if into is not None:
                raise MovedError(f"{shelf.path}/{quote(into)}")
            raise MissingError(f"No {shelf.kind} has that id; {shelf.path} lists them.")

        def make() -> Response:
            return Response(row.document, media_type="application/json")

        return cached_one(request, str(row.seq), make)


def read_list(
    request: Request,
    database: Database,
    shelf: Shelf,
    asked: PastPaging,
    secret: bytes,
    narrow: Callable[[Connection, int | None], Narrowing] = lambda _, __: lambda _: [],
) -> Response:
    """A page of documents by id, of those that `narrow` leaves."""
    bound = f"{shelf.path} {asked.model_dump_json(exclude={'cursor', 'limit', 'as_of'})}"
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            after = resumed(asked.cursor, bound, secret)
            conditions = narrow(db, then)

            def build(t: Any) -> Select[Any]:
                more = [] if after is None else [t[shelf.key] > after.id]
                return select(t[shelf.key].label("key"), t.seq).where(*conditions(t), *more)

            found = with_documents(then, shelf.table, build).order_by("key")
            rows = db.execute(found.limit(asked.limit + 1)).all()
            shown, cursor = rows[: asked.limit], None
            if len(rows) > asked.limit:
                cursor = pack(Key("", shown[-1].key), bound, secret)
            known = Meta(version=version, reason=None if rows else "no_match")
            return page([r.document for r in shown], known, links(request, cursor, version))

        return cached(request, version, make)
