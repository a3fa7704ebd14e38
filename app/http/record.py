"""Routes for documents of one table: a list ordered by id, and one document by id."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from sqlalchemy import ColumnElement, Connection, Select, Table, select

from app.db.engine import Database
from app.db.journal import survivor_of
from app.db.keyset import Key, pack
from app.db.worlds import Columns, with_documents
from app.http.asked import PastPaging, seen, version_at
from app.http.caching import cached, cached_one
from app.http.page import Meta, links, page, resumed
from app.http.problems import MissingError, MovedError

Narrowing = Callable[[Columns], list[ColumnElement[bool]]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A kind of document, its table with the column of ids, and the path of its list."""

    kind: str
    table: Table
    key: str
    path: str


def read_one(
    request: Request, database: Database, route: Shelf, ident: str, as_of: str | None
) -> Response:
    """Respond with one document and its strong ETag.

    Raises `MovedError` where it was merged, and `NotFoundError` where it does not exist.
    """
    with database.connect() as db:
        past = version_at(db, as_of)

        def build(t: Columns) -> Select[Any]:
            return select(t.seq).where(t[route.key] == ident)

        readable = ident.isprintable()
        found = with_documents(past, route.table, build)
        row = db.execute(found).one_or_none() if readable else None
        if row is None:
            into = survivor_of(db, route.kind, ident, past) if readable else None
            if into is not None:
                raise MovedError(f"{route.path}/{quote(into)}")
            raise MissingError(f"No {route.kind} has that id; {route.path} lists them.")

        def make() -> Response:
            return Response(row.document, media_type="application/json")

        return cached_one(request, str(row.seq), make)


def read_list(
    request: Request,
    database: Database,
    route: Shelf,
    asked: PastPaging,
    secret: bytes,
    narrow: Callable[[Connection, int | None], Narrowing] = lambda _, __: lambda _: [],
) -> Response:
    """Respond with a page of documents ordered by id.

    `narrow` returns a function from the columns of the table to the conditions of the list.
    """
    bound = f"{route.path} {asked.model_dump_json(exclude={'cursor', 'limit', 'as_of'})}"
    with database.connect() as db:
        version, past = seen(db, asked.as_of)

        def make() -> Response:
            after = resumed(asked.cursor, bound, secret)
            conditions = narrow(db, past)

            def build(t: Columns) -> Select[Any]:
                more = [] if after is None else [t[route.key] > after.id]
                return select(t[route.key].label("key"), t.seq).where(*conditions(t), *more)

            found = with_documents(past, route.table, build).order_by("key")
            rows = db.execute(found.limit(asked.limit + 1)).all()
            shown, cursor = rows[: asked.limit], None
            if len(rows) > asked.limit:
                cursor = pack(Key("", shown[-1].key), bound, secret)
            known = Meta(version=version, reason=None if rows else "no_match")
            return page([r.document for r in shown], known, links(request, cursor, version))

        return cached(request, version, make)
