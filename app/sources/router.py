"""Sources, datasets and coverage over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select, Table, func, select

from app.db.keyset import Key, pack
from app.db.tables import datasets, events, revisions, sources
from app.examples import shown
from app.http.answer import encode
from app.http.caching import cached, version_of
from app.http.database import CursorKey, Held
from app.http.page import Meta, NoQuery, Page, Paging, links, page, resumed
from app.http.problems import RESPONSES
from app.sources.schemas import Dataset, Source

router = APIRouter(prefix="/v1", tags=["sources"], responses=RESPONSES)


class Coverage(BaseModel):
    """What a dataset covers, and what of it is here."""

    dataset: str
    name: str
    first: str | None
    last: str | None
    events: int
    first_event: str | None
    last_event: str | None


def _list(
    request: Request, database: Held, table: Table, key: str, asked: Paging, secret: bytes
) -> Response:
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            ident = table.c[key]
            chosen: Select[Any] = select(ident.label("key"), revisions.c.document).join(
                revisions, revisions.c.seq == table.c.seq
            )
            after = resumed(asked.cursor, table.name, secret)
            if after is not None:
                chosen = chosen.where(ident > after.id)
            rows = db.execute(chosen.order_by(ident).limit(asked.limit + 1)).all()
            shown = rows[: asked.limit]
            more = len(rows) > asked.limit
            cursor = pack(Key("", shown[-1].key), table.name, secret) if more else None
            known = Meta(version=version, reason=None if rows else "no_match")
            return page([r.document for r in shown], known, links(request, cursor))

        return cached(request, version, make)


@router.get(
    "/sources",
    response_model=Page[Source],
    operation_id="listSources",
    responses=shown("listSources"),
)
def list_sources(
    asked: Annotated[Paging, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """The documents that are cited, by id."""
    return _list(request, database, sources, "id", asked, key)


@router.get(
    "/datasets",
    response_model=Page[Dataset],
    operation_id="listDatasets",
    responses=shown("listDatasets"),
)
def list_datasets(
    asked: Annotated[Paging, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Where the rows come from, with licence and citation."""
    return _list(request, database, datasets, "code", asked, key)


@router.get(
    "/coverage",
    response_model=Page[Coverage],
    operation_id="getCoverage",
    responses=shown("getCoverage"),
)
def get_coverage(_: Annotated[NoQuery, Query()], request: Request, database: Held) -> Response:
    """Which days each dataset covers; outside them an empty answer says nothing."""
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            d, e = datasets.c, events.c
            rows = db.execute(
                select(
                    d.code.label("dataset"),
                    d.name,
                    d.first,
                    d.last,
                    func.count(e.id).label("events"),
                    func.min(e.start).label("first_event"),
                    func.max(e.start).label("last_event"),
                )
                .outerjoin(events, e.dataset == d.code)
                .group_by(d.code, d.name, d.first, d.last)
                .order_by(d.code)
            )
            found = [encode(Coverage(**row._mapping)).decode() for row in rows]
            return page(found, Meta(version=version), links(request, None))

        return cached(request, version, make)
