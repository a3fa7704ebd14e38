"""HTTP routes of sources, datasets and coverage."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from sqlalchemy import Connection

from app.db.as_of import resolve_version
from app.db.document_table import RowConditions
from app.db.reader import get_hidden, require_open_event
from app.examples import example_responses
from app.http.accept import document_media_types
from app.http.caching import respond_with_version_etag
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.document_routes import respond_document_list, respond_one_document
from app.http.page import build_page_links, render_page
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.page_models import Links, Meta, Page
from app.query_models import AsOfQuery
from app.sources.bibliography import (
    REFERENCE_MEDIA_TYPES,
    BibliographyFormat,
    Reference,
    refer_to_dataset,
    refer_to_source,
    render_references,
)
from app.sources.coverage_schemas import Coverage, make_coverage, name_state
from app.sources.covered import read_slot_days
from app.sources.filter import ReferenceQuery, SourceQuery
from app.sources.following import read_following
from app.sources.queries import (
    DATASET_DOCUMENTS,
    SOURCE_DOCUMENTS,
    match_sources,
    select_dataset_coverage,
)
from app.sources.schemas import Dataset, Source
from app.sources.visible import list_open_sources, require_open_document

router = PrefixRouter(
    prefix="/v1", tags=["sources"], responses=COMMON_RESPONSES, route_class=QueryRoute
)

SourceId = Annotated[
    str,
    Path(description="Id of the source.", examples=["news-2023-10-13-putin-loses-another-ally"]),
]
DatasetCode = Annotated[str, Path(description="Code of the dataset.", examples=["curated"])]


DUMP_LINKS = (
    '</v1/dumps>; rel="related",'
    ' </v1/dumps/datapackage.json>; rel="describedby"; type="application/json",'
    ' </v1/dumps/datasets.jsonld>; rel="describedby"; type="application/ld+json"'
)
"""Where whole datasets are downloaded, and what describes the files."""


def _render_bibliography(
    form: BibliographyFormat,
    documents: list[str],
    references: Iterable[Reference],
    known: Meta,
    where: Links,
) -> Response:
    if form == "json":
        return render_page(documents, known, where)
    headers = {"Link": f'<{where.next}>; rel="next"'} if where.next else {}
    body = render_references(references, form)
    return Response(body, media_type=REFERENCE_MEDIA_TYPES[form][0], headers=headers)


@router.get(
    "/sources",
    response_model=Page[Source],
    operation_id="listSources",
    responses=document_media_types(example_responses("listSources"), REFERENCE_MEDIA_TYPES),
)
def list_sources(
    asked: Annotated[SourceQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """List the cited sources that match, ordered by id."""

    def narrow(db: Connection, then: int | None) -> RowConditions:
        if asked.event is not None:
            require_open_event(db, asked.event)
        return lambda t: [*match_sources(asked, t, then), *list_open_sources(db, t.id)]

    def render(documents: list[str], known: Meta, where: Links) -> Response:
        found = (refer_to_source(Source.model_validate_json(text)) for text in documents)
        return _render_bibliography(asked.format, documents, found, known, where)

    return respond_document_list(request, database, SOURCE_DOCUMENTS, asked, key, narrow, render)


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
    return respond_one_document(
        request, database, SOURCE_DOCUMENTS, source_id, asked, require_open_document
    )


@router.get(
    "/datasets",
    response_model=Page[Dataset],
    operation_id="listDatasets",
    responses=document_media_types(example_responses("listDatasets"), REFERENCE_MEDIA_TYPES),
)
def list_datasets(
    asked: Annotated[ReferenceQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """List the datasets that events were loaded from, with licence and citation."""

    def render(documents: list[str], known: Meta, where: Links) -> Response:
        found = (refer_to_dataset(Dataset.model_validate_json(text)) for text in documents)
        answer = _render_bibliography(asked.format, documents, found, known, where)
        links = [answer.headers["Link"]] if "Link" in answer.headers else []
        answer.headers["Link"] = ", ".join([*links, DUMP_LINKS])
        return answer

    return respond_document_list(request, database, DATASET_DOCUMENTS, asked, key, render=render)


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
    return respond_one_document(request, database, DATASET_DOCUMENTS, dataset, asked)


def _hide_counts(db: Connection, row: dict[str, Any]) -> dict[str, Any]:
    if row["dataset"] in get_hidden(db).sums:
        return row | dict.fromkeys(("events", "first_event", "last_event"))
    return row


@router.get(
    "/coverage",
    response_model=Page[Coverage],
    operation_id="getCoverage",
    responses=example_responses("getCoverage"),
)
def get_coverage(
    asked: Annotated[AsOfQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """List the days that each dataset covers, with gaps and slots that are missing.

    Outside of these days an empty answer means missing data. What is known of slots is known of now
    only, and so is how current a dataset is that is followed: with `as_of`, `partial_days` is empty
    and `followed` null.
    """
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        slots = {} if asked.as_of is not None else read_slot_days(db)
        followed = {} if asked.as_of is not None else read_following(db)

        def build_response() -> Response:
            rows = db.execute(select_dataset_coverage(then)).mappings()
            found = [
                make_coverage(
                    _hide_counts(db, dict(row)),
                    slots.get(row["dataset"], ()),
                    followed.get(row["dataset"]),
                )
                for row in rows
            ]
            return render_page(
                [encode_json(one).decode() for one in found],
                Meta(version=version),
                build_page_links(request, None, version),
            )

        return respond_with_version_etag(
            request, version, build_response, name_state(slots, followed)
        )
