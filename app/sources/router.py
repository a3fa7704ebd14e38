"""HTTP routes of sources, datasets and coverage."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select

from app.db.as_of import resolve_version
from app.db.tables import datasets, events, sources
from app.db.versioning import select_current_or_as_of
from app.examples import example_responses
from app.http.caching import respond_with_version_etag
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.document_routes import DocumentRoute, respond_document_list, respond_one_document
from app.http.page import build_page_links, render_page
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.page_models import Meta, Page
from app.query_models import AsOfPagingQuery, AsOfQuery
from app.sources.schemas import Dataset, Source

router = APIRouter(
    prefix="/v1", tags=["sources"], responses=COMMON_RESPONSES, route_class=QueryRoute
)

SourceId = Annotated[
    str,
    Path(description="Id of the source.", examples=["news-2023-10-13-putin-loses-another-ally"]),
]
DatasetCode = Annotated[str, Path(description="Code of the dataset.", examples=["curated"])]


class Coverage(BaseModel):
    """The days that a dataset covers, and the events of it that are loaded."""

    dataset: str
    name: str
    signals: Literal["entente", "goldstein"] = Field(
        description="How its signals are derived: by the rules, or with plain Goldstein scores."
    )
    first: str | None
    last: str | None
    events: int
    first_event: str | None
    last_event: str | None


SOURCE_ROUTE = DocumentRoute("source", sources, "id", "/v1/sources")
DATASET_ROUTE = DocumentRoute("dataset", datasets, "code", "/v1/datasets")


@router.get(
    "/sources",
    response_model=Page[Source],
    operation_id="listSources",
    responses=example_responses("listSources"),
)
def list_sources(
    asked: Annotated[AsOfPagingQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """List the cited sources, ordered by id."""
    return respond_document_list(request, database, SOURCE_ROUTE, asked, key)


@router.get(
    "/sources/{source_id}",
    response_model=Source,
    operation_id="getSource",
    responses=example_responses("getSource"),
)
def get_source(
    source_id: SourceId,
    asked: Annotated[AsOfQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Return one cited source."""
    return respond_one_document(request, database, SOURCE_ROUTE, source_id, asked.as_of)


@router.get(
    "/datasets",
    response_model=Page[Dataset],
    operation_id="listDatasets",
    responses=example_responses("listDatasets"),
)
def list_datasets(
    asked: Annotated[AsOfPagingQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """List the datasets that events were loaded from, with licence and citation."""
    return respond_document_list(request, database, DATASET_ROUTE, asked, key)


@router.get(
    "/datasets/{dataset}",
    response_model=Dataset,
    operation_id="getDataset",
    responses=example_responses("getDataset"),
)
def get_dataset(
    dataset: DatasetCode,
    asked: Annotated[AsOfQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Return one dataset, with its licence and citation."""
    return respond_one_document(request, database, DATASET_ROUTE, dataset, asked.as_of)


@router.get(
    "/coverage",
    response_model=Page[Coverage],
    operation_id="getCoverage",
    responses=example_responses("getCoverage"),
)
def get_coverage(
    asked: Annotated[AsOfQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """List the days that each dataset covers; outside them an empty answer means missing data."""
    with database.connect() as db:
        version, then = resolve_version(db, asked.as_of)

        def build_response() -> Response:
            rows = db.execute(_select_coverage(then))
            found = [encode_json(Coverage(**row._mapping)).decode() for row in rows]
            return render_page(
                found, Meta(version=version), build_page_links(request, None, version)
            )

        return respond_with_version_etag(request, version, build_response)


def _select_coverage(as_of: int | None) -> Select[tuple[object, ...]]:
    known = select_current_or_as_of(
        as_of, datasets, lambda d: select(d.code, d.name, d.signals, d.first, d.last)
    ).subquery()
    loaded = select_current_or_as_of(as_of, events, lambda e: select(e.dataset, e.start)).subquery()
    d, e = known.c, loaded.c
    return (
        select(
            d.code.label("dataset"),
            d.name,
            d.signals,
            d.first,
            d.last,
            func.count(e.start).label("events"),
            func.min(e.start).label("first_event"),
            func.max(e.start).label("last_event"),
        )
        .outerjoin(loaded, e.dataset == d.code)
        .group_by(d.code, d.name, d.signals, d.first, d.last)
        .order_by(d.code)
    )
