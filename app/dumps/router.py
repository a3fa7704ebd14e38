"""HTTP routes of dumps: their list, their descriptions for programs, and the files."""

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field

from app.actors.relations import require_datasets
from app.db.lineage_table import read_version
from app.db.reader import get_hidden, require_open
from app.dumps.describe import build_data_package, build_dataset_graph
from app.dumps.file_response import build_dump_response
from app.dumps.schemas import Dump, DumpLinks, DumpPage
from app.dumps.store import find_dump, list_dumps, list_newest_dumps
from app.errors import NotFoundError
from app.events.schemas import Event
from app.events.typed import TYPED_FIELDS
from app.examples import example_responses
from app.http.caching import respond_with_body_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.page import rewrite_address
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.http.schema_notes import find_field_note
from app.json_encoding import encode_json
from app.page_models import Meta
from app.query_models import EmptyQuery, StrictQuery
from app.sources.citation import read_cited_datasets
from app.text import ShortText

router = PrefixRouter(
    prefix="/v1/dumps", tags=["dumps"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole file.",
        "content": {"application/vnd.apache.parquet": BINARY, "application/zstd": BINARY},
        "headers": {
            "Accept-Ranges": {"$ref": "#/components/headers/Accept-Ranges"},
            "Repr-Digest": {"$ref": "#/components/headers/Repr-Digest"},
        },
    },
    206: {
        "description": "The bytes that `Range` asked for.",
        "content": {"application/vnd.apache.parquet": BINARY, "application/zstd": BINARY},
        "headers": {"Content-Range": {"$ref": "#/components/headers/Content-Range"}},
    },
    404: {"description": "There is no such dump."},
    416: {"description": "The range lies outside of the file."},
}


class DumpQuery(StrictQuery):
    """Parameters of the list of dumps."""

    dataset: ShortText | None = Field(
        None, description="Only of this dataset.", examples=["curated"]
    )


DumpName = Annotated[
    str,
    Path(
        description="Name of the file, as listed.",
        examples=["curated-v1201-3f9c2a7e.parquet"],
    ),
]


def _list_known_dumps(
    database: DatabaseDep, settings: SettingsDep, dataset: str | None
) -> tuple[list[Dump], int]:
    """List the dumps, with whether each is still of the history of the database."""
    with database.connect() as db:
        version = read_version(db)
        hidden = get_hidden(db).rows
        require_datasets(db, [dataset] if dataset else [])
    shared = version.ancestry
    dumps = [
        dump
        if dump.version <= version and dump.lineage == shared.find_lineage(dump.version)
        else dump.model_copy(update={"in_history": False})
        for dump in list_dumps(settings.dump_path, dataset)
        if dump.dataset not in hidden
    ]
    return dumps, int(version)


@router.get(
    "",
    response_model=DumpPage,
    operation_id="listDumps",
    responses=example_responses("listDumps"),
)
def list_dataset_dumps(
    asked: Annotated[DumpQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """List the files of whole datasets, with length and SHA-256; an empty list: none is written."""
    dumps, version = _list_known_dumps(database, settings, asked.dataset)
    page = DumpPage(
        data=dumps,
        meta=Meta(version=version, reason=None if dumps else "no_match"),
        links=DumpLinks(
            self=rewrite_address(request),
            datapackage="/v1/dumps/datapackage.json",
            jsonld="/v1/dumps/datasets.jsonld",
        ),
    )
    body = Response(page.model_dump_json(exclude_none=True), media_type="application/json")
    return respond_with_body_etag(request, body)


@router.get("/datapackage.json", include_in_schema=False)
def get_data_package(
    _: Annotated[EmptyQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Describe the newest dumps as a Frictionless data package, with a Table Schema."""
    dumps, _version = _list_known_dumps(database, settings, None)
    with database.connect() as db:
        datasets = {dataset.code: dataset for dataset in read_cited_datasets(db)}
    notes = {
        f.name: Event.model_fields[f.name].description or find_field_note("Event", f.name) or ""
        for f in TYPED_FIELDS
    }
    made = build_data_package(list_newest_dumps(dumps), datasets, notes)
    return respond_with_body_etag(
        request, Response(encode_json(made), media_type="application/json")
    )


@router.get("/datasets.jsonld", include_in_schema=False)
def get_dataset_graph(
    _: Annotated[EmptyQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Describe the datasets that have dumps in terms of schema.org, with their downloads."""
    dumps, _version = _list_known_dumps(database, settings, None)
    with database.connect() as db:
        datasets = {dataset.code: dataset for dataset in read_cited_datasets(db)}
    root = resolve_public_url(request, settings)
    made = build_dataset_graph(list_newest_dumps(dumps), datasets, root)
    return respond_with_body_etag(
        request, Response(encode_json(made), media_type="application/ld+json")
    )


@router.get(
    "/files/{name}", operation_id="getDump", response_class=Response, responses=FILE_RESPONSES
)
def get_dump(
    name: DumpName,
    _: Annotated[EmptyQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Send a dump, in whole or by ranges of bytes; it never changes under its name."""
    folder = settings.dump_path
    dump = find_dump(folder, name)
    if dump is None:
        raise NotFoundError("No dump has that name; /v1/dumps lists them.")
    with database.connect() as db:
        require_open(db, [dump.dataset])
    try:
        return build_dump_response(request, folder, dump)
    except FileNotFoundError as gone:
        raise NotFoundError("The dump was removed; /v1/dumps lists newer ones.") from gone
