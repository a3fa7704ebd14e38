"""Routes of OGC API – Features, core: events as features for QGIS, GDAL and similar clients."""

import datetime
import json
from contextlib import suppress
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from app.db.as_of import resolve_version
from app.db.lineage_table import read_version
from app.errors import NotFoundError, TooCostlyError
from app.events import read
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.resolved_filter import ResolvedFilter
from app.examples import example_responses
from app.feeds.geojson import build_feature
from app.feeds.ogc_crs import (
    CRS84,
    SUPPORTED_CRS,
    UnknownCrsError,
    orient_feature,
    require_crs,
)
from app.feeds.ogc_models import (
    Collection,
    Collections,
    Conformance,
    Feature,
    Features,
    Landing,
    Link,
)
from app.feeds.ogc_query import ItemQuery, ItemsQuery, RepresentationQuery, parse_interval
from app.feeds.ogc_queryables import build_queryables
from app.feeds.plain_text import link_event_page, link_list_page
from app.http.caching import respond_with_body_etag, respond_with_version_etag
from app.http.dependencies import CursorKeyDep, DatabaseDep, SettingsDep
from app.http.page import build_page_links, rewrite_address
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, render_problem
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import Version
from app.sources.citation import format_citation, read_cited_datasets

router = PrefixRouter(
    prefix="/ogc", tags=["ogc"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
CONFORMANCE_CLASSES = [
    f"http://www.opengis.net/spec/ogcapi-features-{part}"
    for part in (
        "1/1.0/conf/core",
        "1/1.0/conf/geojson",
        "2/1.0/conf/crs",
        "3/1.0/conf/queryables",
        "3/1.0/conf/queryables-query-parameters",
    )
]
QUERYABLES_RELATION = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
SCHEMA = "application/schema+json"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
COLLECTION = "events"


def _build_links(root: str, *parts: tuple[str, str, str]) -> list[Link]:
    return [Link(href=root + path, rel=rel, type=kind, title=None) for rel, path, kind in parts]


JSON, GEOJSON = "application/json", "application/geo+json"
COLLECTION_PATH = f"/ogc/collections/{COLLECTION}"
CollectionId = Annotated[str, Path(description="`events`.", examples=[COLLECTION])]


def _build_json_response(body: BaseModel, kind: str = JSON) -> Response:
    return Response(body.model_dump_json(exclude_none=True).encode(), media_type=kind)


def _lead_to_page(page: str) -> Response:
    """Lead a reader who asks for HTML to the page of the explorer that shows the same."""
    return Response(status_code=303, headers={"Location": page})


@router.get("/", include_in_schema=False)
@router.get(
    "", response_model=Landing, operation_id="ogcLanding", responses=example_responses("ogcLanding")
)
def get_landing_page(
    asked: Annotated[RepresentationQuery, Query()], request: Request, settings: SettingsDep
) -> Response:
    """Return the landing page; its address is what QGIS asks for."""
    if asked.f == "html":
        return _lead_to_page("/?view=map")
    page_links = _build_links(
        resolve_public_url(request, settings),
        ("self", "/ogc", JSON),
        ("service-desc", "/openapi.json", "application/vnd.oai.openapi+json;version=3.1"),
        ("service-doc", "/docs", "text/html"),
        ("conformance", "/ogc/conformance", JSON),
        ("data", "/ogc/collections", JSON),
    )
    description = "What states and alliances do to each other, event by event."
    body = _build_json_response(Landing(title="Entente", description=description, links=page_links))
    return respond_with_body_etag(request, body)


@router.get(
    "/conformance",
    response_model=Conformance,
    operation_id="ogcConformance",
    responses=example_responses("ogcConformance"),
)
def list_conformance_classes(
    asked: Annotated[RepresentationQuery, Query()], request: Request
) -> Response:
    """List the conformance classes of the standard that the service implements."""
    if asked.f == "html":
        return _lead_to_page("/help/tools")
    return respond_with_body_etag(
        request, _build_json_response(Conformance(conformsTo=CONFORMANCE_CLASSES))
    )


@router.get(
    "/collections",
    response_model=Collections,
    operation_id="ogcCollections",
    responses=example_responses("ogcCollections"),
)
def list_collections(
    asked: Annotated[RepresentationQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """List the collections: one, with the events of all datasets."""
    if asked.f == "html":
        return _lead_to_page("/?view=datasets")
    root = resolve_public_url(request, settings)
    with database.connect() as db:
        version = read_version(db)
        found = [_build_collection(root, db)]
    page_links = _build_links(root, ("self", "/ogc/collections", JSON))
    body = Collections(collections=found, links=page_links)
    return respond_with_version_etag(request, version, lambda: _build_json_response(body), root)


@router.get(
    "/collections/{collection}",
    response_model=Collection,
    operation_id="ogcCollection",
    responses=example_responses("ogcCollection"),
)
def get_collection(
    collection: CollectionId,
    asked: Annotated[RepresentationQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Return a collection: its extent in space and time, and its attribution."""
    _require_collection(collection)
    if asked.f == "html":
        return _lead_to_page("/?view=datasets")
    root = resolve_public_url(request, settings)
    with database.connect() as db:
        version, body = read_version(db), _build_collection(root, db)
    return respond_with_version_etag(request, version, lambda: _build_json_response(body), root)


def _require_collection(collection: str) -> None:
    if collection != COLLECTION:
        raise NotFoundError(f"Unknown collection; known: {COLLECTION}.")


def _build_collection(root: str, db: Connection) -> Collection:
    sets = read_cited_datasets(db)
    firsts = [d.first for d in sets if d.first]
    lasts = [d.last for d in sets if d.last]
    interval = [
        f"{min(firsts)}T00:00:00Z" if firsts else None,
        f"{max(lasts)}T23:59:59Z" if lasts else None,
    ]
    return Collection(
        id=COLLECTION,
        title="Events",
        description="Events of every dataset; those without a place have no geometry.",
        itemType="feature",
        crs=list(SUPPORTED_CRS),
        storageCrs=CRS84,
        extent={
            "spatial": {"bbox": [[-180, -90, 180, 90]], "crs": CRS84},
            "temporal": {"interval": [interval], "trs": GREGORIAN},
        },
        attribution=" ".join(format_citation(d) for d in sets),
        links=_build_links(
            root,
            ("self", COLLECTION_PATH, JSON),
            ("items", f"{COLLECTION_PATH}/items", GEOJSON),
            (QUERYABLES_RELATION, f"{COLLECTION_PATH}/queryables", SCHEMA),
            ("license", "/v1/datasets", JSON),
        ),
    )


@router.get("/collections/{collection}/queryables", include_in_schema=False)
def describe_queryables(
    collection: CollectionId,
    asked: Annotated[RepresentationQuery, Query()],
    request: Request,
    settings: SettingsDep,
) -> Response:
    """Describe what features can be filtered by, as a JSON schema."""
    _require_collection(collection)
    if asked.f == "html":
        return _lead_to_page("/help/filters")
    root = resolve_public_url(request, settings)
    found = build_queryables(f"{root}{COLLECTION_PATH}/queryables")
    return respond_with_body_etag(request, Response(encode_json(found), media_type=SCHEMA))


@router.get(
    "/collections/{collection}/items",
    response_model=None,
    response_class=Response,
    operation_id="ogcItems",
    responses=example_responses("ogcItems", model=Features),
)
def list_features(
    collection: CollectionId,
    asked: Annotated[ItemsQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
    settings: SettingsDep,
) -> Response:
    """List a page of features, newest first; every filter of `/v1/events` works here too."""
    _require_collection(collection)
    root = resolve_public_url(request, settings)
    try:
        crs = require_crs("crs", asked.crs)
        require_crs("bbox-crs", asked.bbox_crs)
    except UnknownCrsError as unknown:  # the standard asks for 400
        return render_problem(400, str(unknown))
    wanted = asked.to_event_query()
    if asked.f == "html":
        return _lead_to_page(link_list_page("", rewrite_address(request, **_list_days(asked))))
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            resolved = resolve_filter(db, wanted, then)
            start = (
                wanted
                if asked.cursor
                else _skip_features(db, wanted, resolved, key, version, asked.offset)
            )
            rows, cursor = (
                read.read_event_page(db, start, resolved, key, version) if start else ([], None)
            )
            where = build_page_links(request, cursor)
            addresses = [("self", where.self, GEOJSON), ("collection", COLLECTION_PATH, JSON)]
            addresses += [("next", where.next, GEOJSON)] if where.next else []
            known: dict[str, object] = {}
            if not asked.cursor and not asked.offset:  # counted once, for the first page
                with suppress(TooCostlyError):  # the number may be left out
                    meta = read.read_event_page_meta(db, resolved, "exact", version, not rows)
                    known["numberMatched"] = meta.count
            body = {
                "type": "FeatureCollection",
                "features": [orient_feature(build_feature(json.loads(row)), crs) for row in rows],
                "links": [
                    link.model_dump(exclude_none=True) for link in _build_links(root, *addresses)
                ],
                "timeStamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "numberReturned": len(rows),
                **known,
            }
            headers = {"Content-Crs": f"<{crs}>"}
            return Response(encode_json(body), headers=headers, media_type=GEOJSON)

        return respond_with_version_etag(request, version, make_response, root)


def _list_days(asked: ItemsQuery) -> dict[str, str]:
    """Return the days of `datetime` as the explorer takes them."""
    if asked.datetime is None:
        return {}
    since, until = parse_interval(asked.datetime)
    return {name: day for name, day in (("since", since), ("until", until)) if day}


def _skip_features(
    db: Connection,
    wanted: EventQuery,
    resolved: ResolvedFilter,
    key: bytes,
    version: Version,
    offset: int,
) -> EventQuery | None:
    """Return the query of what follows some features; None where there are no more."""
    at: EventQuery = wanted
    while offset:
        rows, cursor = read.read_event_page(
            db, at.model_copy(update={"limit": min(offset, 1000)}), resolved, key, version
        )
        if cursor is None:
            return None
        offset -= len(rows)
        at = at.model_copy(update={"cursor": cursor})
    return at


@router.get(
    "/collections/{collection}/items/{item:path}",
    response_model=None,
    response_class=Response,
    operation_id="ogcItem",
    responses=example_responses("ogcItem", model=Feature),
)
def get_feature(
    collection: CollectionId,
    item: Annotated[str, Path(description="`{dataset}:{key}`.")],
    asked: Annotated[ItemQuery, Query()],
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
) -> Response:
    """Return one event as a feature."""
    _require_collection(collection)
    try:
        crs = require_crs("crs", asked.crs)
    except UnknownCrsError as unknown:
        return render_problem(400, str(unknown))
    if asked.f == "html":
        return _lead_to_page(link_event_page("", item))
    root = resolve_public_url(request, settings)
    with database.connect() as db:
        version = read_version(db)

        def make_response() -> Response:
            event = json.loads(read.read_event(db, item).document)
            page_links = _build_links(
                root,
                ("self", f"{COLLECTION_PATH}/items/{event['id']}", GEOJSON),
                ("collection", COLLECTION_PATH, JSON),
                ("alternate", f"/v1/events/{event['id']}", JSON),
            )
            body = orient_feature(build_feature(event), crs) | {
                "links": [t.model_dump(exclude_none=True) for t in page_links]
            }
            headers = {"Content-Crs": f"<{crs}>"}
            return Response(encode_json(body), headers=headers, media_type=GEOJSON)

        return respond_with_version_etag(request, version, make_response, root)
