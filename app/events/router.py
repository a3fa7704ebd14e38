"""Events over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from app.events import counts, queries, read
from app.events.buckets import TooManyBucketsError
from app.events.explain import explained
from app.events.filter import EventFilter, EventQuery, Words
from app.events.forms import MEDIA, in_every_form
from app.events.schemas import Event
from app.examples import shown
from app.http.accept import accepted
from app.http.answer import encode
from app.http.asked import Past, seen, version_at
from app.http.caching import cached, cached_one
from app.http.database import CursorKey, Held
from app.http.drawing import Drawn, drawable, in_form
from app.http.page import Links, Meta, Page, links, page
from app.http.problems import RESPONSES, InvalidError

router = APIRouter(prefix="/v1", tags=["events"], responses=RESPONSES)


class Top(BaseModel):
    """One of the weightiest events of a bucket."""

    id: str
    title: str
    date: str
    type: str | None
    intensity: float | None


class Bucket(BaseModel):
    """A stretch of days, both inclusive."""

    start: str
    end: str
    count: int
    cooperation: int = Field(description="Events of quad 1 and 2.")
    conflict: int = Field(description="Events of quad 3 and 4.")
    mean_intensity: float | None
    covered: bool = Field(description="False: no dataset covers these days, so 0 says nothing.")
    top: list[Top]


class TimelineQuery(EventFilter, Drawn):
    """A filter, and how to draw it."""

    granularity: Literal["day", "week", "month", "quarter", "year", "auto"] = Field(
        "auto", description="Size of a bucket; `auto` keeps a window to about a hundred."
    )
    top: int = Field(3, ge=0, le=50, description="Weightiest events to name in each bucket.")


class FacetQuery(EventFilter):
    """A filter, and what to count by."""

    by: Annotated[Words, Field(min_length=1)] = Field(
        description="Fields, separated by commas.", examples=[["type,actor"]]
    )


class Count(BaseModel):
    """How many events have a value."""

    value: str | int | None
    count: int


class Facets(BaseModel):
    """Counts by each field asked for."""

    data: dict[str, list[Count]]
    meta: Meta
    links: Links


EventId = Annotated[
    str,
    Path(
        description="`{dataset}:{key}`.",
        examples=["curated:2023-10-03-armenia-ratifies-rome-statute"],
    ),
]


class OneQuery(Past):
    """What one event takes."""

    explain: bool = Field(False, description="Adds how type, signals and status came about.")


@router.get(
    "/events",
    response_model=Page[Event],
    operation_id="listEvents",
    responses=in_every_form(shown("listEvents")),
)
def list_events(
    asked: Annotated[EventQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Events, newest first, in the form asked for by `format` or by `Accept`."""
    form = asked.format or accepted(request.headers.get("accept"), MEDIA)
    if form != "json":
        made: Response = request.app.state.feeds(form, asked, request)
        return made
    if asked.bom:
        raise InvalidError("bom", "does not go with format=json", "Goes with format=csv.")
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            rows, cursor = read.read_page(db, asked, key)
            known = read.meta(db, asked, version, not rows)
            return page(rows, known, links(request, cursor, version))

        answer = cached(request, version, make)
        answer.headers["Vary"] = "Accept"
        return answer


@router.get(
    "/events/{event_id}",
    response_model=Event,
    operation_id="getEvent",
    responses=shown("getEvent"),
)
def get_event(
    event_id: EventId, asked: Annotated[OneQuery, Query()], request: Request, database: Held
) -> Response:
    """One event, with every report of it; one that was merged leads to its survivor."""
    with database.connect() as db:
        row = read.one(db, event_id, version_at(db, asked.as_of))

        def make() -> Response:
            document = row.document
            if asked.explain:
                document = explained(document, read.kinds(db, document))
            return Response(document, media_type="application/json")

        return cached_one(request, f"{row.seq}{'-explain' if asked.explain else ''}", make)


@router.get(
    "/timeline",
    response_model=Page[Bucket],
    operation_id="getTimeline",
    responses=drawable(shown("getTimeline")),
)
def get_timeline(
    asked: Annotated[TimelineQuery, Query()], request: Request, database: Held
) -> Response:
    """Buckets without holes, oldest first; zero is not the same as not covered."""
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            try:
                held = counts.timeline(db, asked, asked.granularity, asked.top)
            except TooManyBucketsError as many:
                hint = "Ask for a shorter window or a coarser granularity."
                raise InvalidError("granularity", str(many), hint) from many
            rows = [encode(bucket).decode() for bucket in held]
            known = Meta(version=version)
            if not any(b["count"] for b in held):
                known.reason = read.why_empty(db, queries.settle(db, asked))
            answer = page(rows, known, links(request, None, version))
            return in_form(request, "timeline", asked, answer)

        return cached(request, version, make, request.headers.get("accept", ""))


FACES = ("type", "actor", "country", "dataset", "quad", "status", "role", "mode")


@router.get(
    "/facets", response_model=Facets, operation_id="getFacets", responses=shown("getFacets")
)
def get_facets(asked: Annotated[FacetQuery, Query()], request: Request, database: Held) -> Response:
    """Counts of the matching events by one field or several, most first."""
    wanted = list(dict.fromkeys(part.strip() for one in asked.by for part in one.split(",")))
    if not set(wanted) <= set(FACES):
        known = f"Known: {', '.join(FACES)}."
        raise InvalidError("by", "names a field that cannot be counted", known)
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            data = counts.facets(db, asked, wanted)  # type: ignore[arg-type]
            tail = Meta(version=version).model_dump(exclude_none=True)
            where = links(request, None, version).model_dump()
            body = encode({"data": data, "meta": tail, "links": where})
            return Response(body, media_type="application/json")

        return cached(request, version, make)
