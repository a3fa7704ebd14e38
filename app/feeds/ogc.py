"""Routes of OGC API – Features, core: events as features for QGIS, GDAL and similar clients."""

import json
import re
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field, field_validator, model_validator
from sqlalchemy import Connection

from app.db.journal import version_of
from app.events import read
from app.events.filter import EventFilter, EventQuery
from app.examples import shown
from app.feeds.geojson import feature
from app.http.answer import encode
from app.http.asked import seen
from app.http.base import base
from app.http.caching import cached, cached_body
from app.http.database import Chosen, CursorKey, Held
from app.http.page import Cursor, NoQuery, links
from app.http.problems import RESPONSES, MissingError, crossed
from app.sources.citation import cited, sentence
from app.text import Word

router = APIRouter(prefix="/ogc", tags=["ogc"], responses=RESPONSES)
CONFORMS = [
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}"
    for part in ("core", "geojson", "oas30")
]
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
COLLECTION = "events"
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?")


class Link(BaseModel):
    """A link with an absolute address, which clients of this standard need."""

    href: str
    rel: str
    type: str
    title: str | None = None


class Landing(BaseModel):
    """The landing page: links to the other resources of the standard."""

    title: str
    description: str
    links: list[Link]


class Conformance(BaseModel):
    """The conformance classes of the standard that the service implements."""

    conformsTo: list[str]  # noqa: N815  the standard's name


class Collection(BaseModel):
    """A collection of features: its extent in space and time, and its attribution."""

    id: str
    title: str
    description: str
    itemType: str  # noqa: N815  the standard's name
    crs: list[str]
    extent: dict[str, Any]
    attribution: str
    links: list[Link]


class Collections(BaseModel):
    """The list of collections, which has one entry."""

    collections: list[Collection]
    links: list[Link]


class Feature(BaseModel):
    """An event as a GeoJSON feature."""

    type: str
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]
    links: list[Link] = []


class Features(BaseModel):
    """A page of features."""

    type: str
    features: list[Feature]
    links: list[Link]
    numberReturned: int  # noqa: N815  the standard's name


class ItemsQuery(EventFilter):
    """The query of a feature page: every filter of events, with the standard's own parameters."""

    limit: int = Field(100, ge=1, le=1000, description="Features on a page.")
    cursor: Cursor | None = Field(None, description="From the link `next`.")
    datetime: Word | None = Field(
        None,
        description="An instant or an interval, such as 2023-09-01T00:00:00Z/..; days count.",
    )

    @field_validator("bbox", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """Drop the heights of a bbox with six numbers, since events have none."""
        parts = str(value).split(",")
        return ",".join([*parts[:2], *parts[3:5]]) if len(parts) == 6 else value

    @model_validator(mode="after")
    def _dated(self) -> "ItemsQuery":
        if self.datetime is None:
            return self
        if {"since", "until"} & self.model_fields_set:
            raise crossed("datetime", "does not go with since and until", "Ask for one of them.")
        try:
            first, last = _window(self.datetime)
        except ValueError as wrong:
            hint = "Such as 2023-09-01T00:00:00Z/2023-10-31T00:00:00Z, or with .. for an open end."
            raise crossed("datetime", "is no instant or interval", hint) from wrong
        if first and last and first > last:
            raise crossed("datetime", "ends before it begins", "Exchange the two.")
        return self

    def asked(self) -> EventQuery:
        """Convert to a query of events."""
        mine = {"limit", "cursor", "datetime"}
        filters = {k: getattr(self, k) for k in self.model_fields_set - mine}
        filters |= {"limit": self.limit, "cursor": self.cursor}
        if self.datetime is not None:
            since, until = _window(self.datetime)
            filters |= {"since": since, "until": until}
        return EventQuery.model_validate(filters)


def _window(text: str) -> tuple[str | None, str | None]:
    """Return the first and last day of an instant or interval; None for an open end."""
    first, slash, last = text.partition("/")
    return _day(first), _day(last if slash else first)


def _day(text: str) -> str | None:
    if text in ("", ".."):
        return None
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("is no instant")
    return date.fromisoformat(found[1]).isoformat()


def _links(root: str, *parts: tuple[str, str, str]) -> list[Link]:
    return [Link(href=root + path, rel=rel, type=kind, title=None) for rel, path, kind in parts]


JSON, GEOJSON = "application/json", "application/geo+json"
HERE = f"/ogc/collections/{COLLECTION}"
Collected = Annotated[str, Path(description="`events`.", examples=[COLLECTION])]


def _json(body: BaseModel, kind: str = JSON) -> Response:
    return Response(body.model_dump_json(exclude_none=False).encode(), media_type=kind)


@router.get("", response_model=Landing, operation_id="ogcLanding", responses=shown("ogcLanding"))
def landing(_: Annotated[NoQuery, Query()], request: Request, settings: Chosen) -> Response:
    """Return the landing page; its address is what QGIS asks for."""
    page_links = _links(
        base(request, settings),
        ("self", "/ogc", JSON),
        ("service-desc", "/openapi.json", "application/vnd.oai.openapi+json;version=3.0"),
        ("service-doc", "/docs", "text/html"),
        ("conformance", "/ogc/conformance", JSON),
        ("data", "/ogc/collections", JSON),
    )
    description = "What states and alliances do to each other, event by event."
    body = _json(Landing(title="Entente", description=description, links=page_links))
    return cached_body(request, body)


@router.get(
    "/conformance",
    response_model=Conformance,
    operation_id="ogcConformance",
    responses=shown("ogcConformance"),
)
def conformance(_: Annotated[NoQuery, Query()], request: Request) -> Response:
    """List the conformance classes of the standard that the service implements."""
    return cached_body(request, _json(Conformance(conformsTo=CONFORMS)))


@router.get(
    "/collections",
    response_model=Collections,
    operation_id="ogcCollections",
    responses=shown("ogcCollections"),
)
def collections(
    _: Annotated[NoQuery, Query()], request: Request, database: Held, settings: Chosen
) -> Response:
    """List the collections: one, with the events of all datasets."""
    root = base(request, settings)
    with database.connect() as db:
        version = version_of(db)
        found = [_collection(root, db)]
    page_links = _links(root, ("self", "/ogc/collections", JSON))
    body = Collections(collections=found, links=page_links)
    return cached(request, version, lambda: _json(body), root)


@router.get(
    "/collections/{collection}",
    response_model=Collection,
    operation_id="ogcCollection",
    responses=shown("ogcCollection"),
)
def collection(
    collection: Collected,
    _: Annotated[NoQuery, Query()],
    request: Request,
    database: Held,
    settings: Chosen,
) -> Response:
    """Return a collection: its extent in space and time, and its attribution."""
    _require(collection)
    root = base(request, settings)
    with database.connect() as db:
        version, body = version_of(db), _collection(root, db)
    return cached(request, version, lambda: _json(body), root)


def _require(collection: str) -> None:
    if collection != COLLECTION:
        raise MissingError(f"Unknown collection; known: {COLLECTION}.")


def _collection(root: str, db: Connection) -> Collection:
    sets = cited(db)
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
        crs=[CRS84],
        extent={
            "spatial": {"bbox": [[-180, -90, 180, 90]], "crs": CRS84},
            "temporal": {"interval": [interval], "trs": GREGORIAN},
        },
        attribution=" ".join(sentence(d) for d in sets),
        links=_links(
            root,
            ("self", HERE, JSON),
            ("items", f"{HERE}/items", GEOJSON),
            ("license", "/v1/datasets", JSON),
        ),
    )


@router.get(
    "/collections/{collection}/items",
    response_model=Features,
    operation_id="ogcItems",
    responses=shown("ogcItems"),
)
def items(
    collection: Collected,
    asked: Annotated[ItemsQuery, Query()],
    request: Request,
    database: Held,
    key: CursorKey,
    settings: Chosen,
) -> Response:
    """List a page of features, newest first; every filter of `/v1/events` works here too."""
    _require(collection)
    root = base(request, settings)
    wanted = asked.asked()
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            rows, cursor = read.read_page(db, wanted, key)
            where = links(request, cursor)
            addresses = [("self", where.self, GEOJSON), ("collection", HERE, JSON)]
            addresses += [("next", where.next, GEOJSON)] if where.next else []
            body = {
                "type": "FeatureCollection",
                "features": [feature(json.loads(row)) for row in rows],
                "links": [link.model_dump(exclude_none=True) for link in _links(root, *addresses)],
                "numberReturned": len(rows),
            }
            return Response(encode(body), media_type=GEOJSON)

        return cached(request, version, make, root)


@router.get(
    "/collections/{collection}/items/{item:path}",
    response_model=Feature,
    operation_id="ogcItem",
    responses=shown("ogcItem"),
)
def item(
    collection: Collected,
    item: Annotated[str, Path(description="`{dataset}:{key}`.")],
    _: Annotated[NoQuery, Query()],
    request: Request,
    database: Held,
    settings: Chosen,
) -> Response:
    """Return one event as a feature."""
    _require(collection)
    root = base(request, settings)
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            event = json.loads(read.one(db, item).document)
            page_links = _links(
                root,
                ("self", f"{HERE}/items/{event['id']}", GEOJSON),
                ("collection", HERE, JSON),
                ("alternate", f"/v1/events/{event['id']}", JSON),
            )
            body = feature(event) | {"links": [t.model_dump(exclude_none=True) for t in page_links]}
            return Response(encode(body), media_type=GEOJSON)

        return cached(request, version, make, root)
