"""Routes for documents of one table: a list ordered by id, and one document by id."""

from collections.abc import Callable

from fastapi import Request, Response
from sqlalchemy import Connection, Select, select

from app.db.as_of import AsksAsOf, resolve_as_of, resolve_version
from app.db.document_table import DocumentTable, RowConditions
from app.db.engine import Database
from app.db.journal import find_survivor
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import (
    find_ancestry,
    read_version,
    select_current_lineage,
    select_newest_seq,
)
from app.db.request_versions import note_version
from app.db.versioning import Columns, select_with_documents
from app.errors import MovedError, NotFoundError
from app.http.caching import respond_with_strong_etag, respond_with_version_etag
from app.http.page import build_page_links, render_page
from app.lineages import Version
from app.page_models import Links, Meta
from app.query_models import AsOfPagingQuery
from app.text import quote_id


def respond_one_document(
    request: Request,
    database: Database,
    stored: DocumentTable,
    ident: str,
    asked: AsksAsOf,
    require_visible: Callable[[Connection, str, str], None] = lambda _, __, ___: None,
) -> Response:
    """Respond with one document and its strong ETag.

    `require_visible` raises an error where the reader may not see one of a kind, by its id.
    Raises `MovedError` where it was merged, and `NotFoundError` where it does not exist.
    """
    with database.connect() as db:
        past = resolve_as_of(db, asked.as_of, asked.lineage)

        def select_document_seq(t: Columns) -> Select[int]:
            return select(t.seq).where(t[stored.id_column] == ident)

        readable = ident.isprintable()
        if readable:
            require_visible(db, stored.kind, ident)
        found = select_with_documents(past, stored.table, select_document_seq)
        found = found.add_columns(
            select_current_lineage().label("lineage"), select_newest_seq().label("newest")
        )
        row = db.execute(found).one_or_none() if readable else None
        if row is None:
            read_version(db)  # which the refusal says
            into = find_survivor(db, stored.kind, ident, past) if readable else None
            if into is not None:
                raise MovedError(f"{stored.path}/{quote_id(into)}")
            raise NotFoundError(f"No {stored.kind} has that id; {stored.path} lists them.")

        def build_response() -> Response:
            return Response(row.document, media_type="application/json")

        ancestry = find_ancestry(db, row.lineage)
        note_version(Version(row.newest if past is None else past, ancestry))
        label = Version(row.seq, ancestry).label
        return respond_with_strong_etag(request, label, build_response)


def respond_document_list(
    request: Request,
    database: Database,
    stored: DocumentTable,
    asked: AsOfPagingQuery,
    secret: bytes,
    narrow: Callable[[Connection, int | None], RowConditions] = lambda _, __: lambda _: [],
    render: Callable[[list[str], Meta, Links], Response] = render_page,
) -> Response:
    """Respond with a page of documents ordered by id.

    `narrow` returns a function from the columns of the table to the conditions of the list,
    `render` writes the page.
    """
    bound = (
        f"{stored.path} {asked.model_dump_json(exclude={'cursor', 'limit', 'as_of', 'lineage'})}"
    )
    with database.connect() as db:
        version, past = resolve_version(db, asked)

        def build_response() -> Response:
            after = decode_page_cursor(asked.cursor, bound, secret, version)
            conditions = narrow(db, past)

            def select_page_rows(t: Columns) -> Select[str, int]:
                more = [] if after is None else [t[stored.id_column] > after.id]
                return select(t[stored.id_column].label("key"), t.seq).where(*conditions(t), *more)

            found = select_with_documents(past, stored.table, select_page_rows).order_by("key")
            rows = db.execute(found.limit(asked.limit + 1)).all()
            shown, cursor = rows[: asked.limit], None
            if len(rows) > asked.limit:
                cursor = encode_cursor(PageKey("", shown[-1].key), bound, secret, version)
            known = Meta(version=version, reason=None if rows else "no_match")
            return render(
                [r.document for r in shown], known, build_page_links(request, cursor, version)
            )

        return respond_with_version_etag(request, version, build_response, remember=True)
