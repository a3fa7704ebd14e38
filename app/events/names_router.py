"""HTTP routes for the names in stored events that no actor has."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import Field

from app.actors.relations import require_datasets
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.events.name_table import format_name_table
from app.events.schemas import UnresolvedName
from app.events.unresolved import NamePosition, read_unresolved_names, report_names
from app.examples import example_responses
from app.http.accept import document_media_types
from app.http.caching import respond_with_body_etag
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.page import build_page_links, render_page
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.lineages import Version
from app.page_models import Meta, Page
from app.query_models import PagingQuery
from app.text import Code

router = PrefixRouter(
    prefix="/v1", tags=["actors"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


class NamesQuery(PagingQuery):
    """Parameters of a list of unresolved names."""

    format: Literal["json", "csv"] = Field(
        "json", description="`csv`: a table whose column `actor` can be filled in."
    )


class UnresolvedQuery(NamesQuery):
    """Parameters of the unresolved names of stored events."""

    dataset: list[Code] = Field([], description="Only events of these datasets.")


NAME_TABLE_FORMATS = {"json": ("application/json",), "csv": ("text/csv",)}
"""In what names without an actor are listed, by `format`."""


def render_names_page(
    request: Request,
    names: list[UnresolvedName],
    asked: NamesQuery,
    version: Version,
    bound: str,
    key: bytes,
) -> Response:
    """Render a page of names, of which one more than the limit was read."""
    shown, cursor = names[: asked.limit], None
    if len(names) > asked.limit:
        last = shown[-1]
        cursor = encode_cursor(PageKey(f"{last.count} {last.kind}", last.name), bound, key, version)
    where = build_page_links(request, cursor)
    if asked.format == "csv":
        headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
        body = "".join(format_name_table(shown))
        return respond_with_body_etag(request, Response(body, 200, headers, "text/csv"))
    meta = Meta(version=version, reason=None if shown else "no_match")
    return respond_with_body_etag(
        request, render_page([one.model_dump_json() for one in shown], meta, where)
    )


def decode_names_cursor(
    asked: NamesQuery, bound: str, key: bytes, version: Version
) -> NamePosition | None:
    """Return where the list of names goes on; None at its beginning."""
    after = decode_page_cursor(asked.cursor, bound, key, version)
    if after is None:
        return None
    times, _, kind = after.value.partition(" ")
    return NamePosition(int(times), after.id, kind)  # type: ignore[arg-type]


@router.get(
    "/unresolved",
    response_model=Page[UnresolvedName],
    operation_id="listUnresolvedNames",
    responses=document_media_types(example_responses("listUnresolvedNames"), NAME_TABLE_FORMATS),
)
def list_unresolved_names(
    asked: Annotated[UnresolvedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the names in loaded events that no actor has, the most frequent first.

    `POST /v1/actors/{code}/aliases` gives a name to an actor. The first page has the nearest names
    for up to 100 of its rows.
    """
    bound = f"unresolved {sorted(set(asked.dataset))}"
    with database.connect() as db:
        require_datasets(db, asked.dataset)
        version = read_version(db)
        after = decode_names_cursor(asked, bound, key, version)
        totals = list(read_unresolved_names(db, asked.dataset, after, asked.limit + 1))
        names = list(report_names(db, totals))
        return render_names_page(request, names, asked, version, bound, key)
