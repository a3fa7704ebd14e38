"""HTTP routes of sources, datasets and coverage."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select, func, select

from app.db.tables import datasets, events, sources
from app.db.worlds import across
from app.examples import shown
from app.http.answer import encode
from app.http.asked import Past, PastPaging, seen
from app.http.caching import cached
from app.http.database import CursorKey, Held
from app.http.page import Meta, Page, links, page
from app.http.problems import RESPONSES
from app.http.record import Shelf, read_list, read_one
from app.sources.schemas import Dataset, Source

router = APIRouter(prefix="/v1", tags=["sources"], responses=RESPONSES)

SourceId = Annotated[
    str,
    Path(description="Id of the source.", examples=["news-2023-10-13-putin-loses-another-ally"]),
]
DatasetCode = Annotated[str, Path(description="Code of the dataset.", examples=["curated"])]


class Coverage(BaseModel):
    """The days that a dataset covers, and the events of it that are loaded."""

    dataset: str
    name: str
    first: str | None
    last: str | None
    events: int
    first_event: str | None
    last_event: str | None


SOURCES = Shelf("source", sources, "id", "/v1/sources")
DATASETS = Shelf("dataset", datasets, "code", "/v1/datasets")


@router.get(
    "/sources",
    response_model=Page[Source],
    operation_id="listSources",
    responses=shown("listSources"),
)
def list_sources(
    asked: Annotated[PastPaging, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """List the cited sources, ordered by id."""
    return read_list(request, database, SOURCES, asked, key)


@router.get(
    "/sources/{source_id}",
    response_model=Source,
    operation_id="getSource",
    responses=shown("getSource"),
)
def get_source(
    source_id: SourceId, asked: Annotated[Past, Query()], request: Request, database: Held
) -> Response:
    """Return one cited source."""
    return read_one(request, database, SOURCES, source_id, asked.as_of)


@router.get(
    "/datasets",
    response_model=Page[Dataset],
    operation_id="listDatasets",
    responses=shown("listDatasets"),
)
def list_datasets(
    asked: Annotated[PastPaging, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """List the datasets that events were loaded from, with licence and citation."""
    return read_list(request, database, DATASETS, asked, key)


@router.get(
    "/datasets/{dataset}",
    response_model=Dataset,
    operation_id="getDataset",
    responses=shown("getDataset"),
)
def get_dataset(
    dataset: DatasetCode, asked: Annotated[Past, Query()], request: Request, database: Held
) -> Response:
    """Return one dataset, with its licence and citation."""
    return read_one(request, database, DATASETS, dataset, asked.as_of)


@router.get(
    "/coverage",
    response_model=Page[Coverage],
    operation_id="getCoverage",
    responses=shown("getCoverage"),
)
def get_coverage(asked: Annotated[Past, Query()], request: Request, database: Held) -> Response:
    """List the days that each dataset covers; outside them an empty answer means missing data."""
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            rows = db.execute(_coverage(then))
            found = [encode(Coverage(**row._mapping)).decode() for row in rows]
            return page(found, Meta(version=version), links(request, None, version))

        return cached(request, version, make)


def _coverage(as_of: int | None) -> Select[tuple[object, ...]]:
    known = across(as_of, datasets, lambda d: select(d.code, d.name, d.first, d.last)).subquery()
    loaded = across(as_of, events, lambda e: select(e.dataset, e.start)).subquery()
    d, e = known.c, loaded.c
    return (
        select(
            d.code.label("dataset"),
            d.name,
            d.first,
            d.last,
            func.count(e.start).label("events"),
            func.min(e.start).label("first_event"),
            func.max(e.start).label("last_event"),
        )
        .outerjoin(loaded, e.dataset == d.code)
        .group_by(d.code, d.name, d.first, d.last)
        .order_by(d.code)
    )
