"""HTTP routes for events, timelines and facets."""

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
    """One of the events with the greatest absolute intensity in a bucket."""

    id: str
    title: str
    date: str
    type: str | None
    intensity: float | None


class Bucket(BaseModel):
    """Totals of the events from one day to another, both inclusive."""

    start: str
    end: str
    count: int
    cooperation: int = Field(description="Events of quad 1 and 2.")
    conflict: int = Field(description="Events of quad 3 and 4.")
    mean_intensity: float | None
    covered: bool = Field(
        description="False: no dataset covers these days, so a count of 0 means unknown."
    )
    top: list[Top]


class TimelineQuery(EventFilter, Drawn):
    """A filter on events, with the buckets and the drawing of a timeline."""

    granularity: Literal["day", "week", "month", "quarter", "year", "auto"] = Field(
        "auto", description="Size of a bucket; `auto` keeps a window to about a hundred."
    )
    top: int = Field(
        3, ge=0, le=50, description="Events of greatest absolute intensity to name in each bucket."
    )


class FacetQuery(EventFilter):
    """A filter on events, with the fields to count by."""

    by: Annotated[Words, Field(min_length=1)] = Field(
        description="Fields to count by, separated by commas.", examples=[["type,actor"]]
    )


class Count(BaseModel):
    """A value of a field, with the number of events that have it."""

    value: str | int | None
    count: int


class Facets(BaseModel):
    """Counts of the matching events, by each requested field."""

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
    """Parameters of one event."""

    explain: bool = Field(False, description="Adds how type, signals and status were derived.")


@router.get(
    "/events",
    response_model=Page[Event],
    operation_id="listEvents",
    responses=in_every_form(shown("listEvents")),
)
def list_events(
    asked: Annotated[EventQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the matching events, newest first, in the format of `format` or `Accept`."""
    form = asked.format or accepted(request.headers.get("accept"), MEDIA)
    if form != "json":
        made: Response = request.app.state.feeds(form, asked, request)
        return made
    if asked.bom:
        raise InvalidError("bom", "does not go with format=json", "Use it with format=csv.")
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
    """Returns one event with its reports; an event that was merged redirects to its survivor."""
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
    """Counts the matching events in consecutive buckets, oldest first.

    A count of 0 in days that no dataset covers means unknown: see `covered`.
    """
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            try:
                buckets = counts.timeline(db, asked, asked.granularity, asked.top)
            except TooManyBucketsError as many:
                hint = "Ask for a shorter window or a coarser granularity."
                raise InvalidError("granularity", str(many), hint) from many
            rows = [encode(bucket).decode() for bucket in buckets]
            known = Meta(version=version)
            if not any(b["count"] for b in buckets):
                known.reason = read.why_empty(db, queries.settle(db, asked))
            answer = page(rows, known, links(request, None, version))
            return in_form(request, "timeline", asked, answer)

        return cached(request, version, make, request.headers.get("accept", ""))


FACES = ("type", "actor", "country", "dataset", "quad", "status", "role", "mode")


@router.get(
    "/facets", response_model=Facets, operation_id="getFacets", responses=shown("getFacets")
)
def get_facets(asked: Annotated[FacetQuery, Query()], request: Request, database: Held) -> Response:
    """Counts the matching events by one or several fields, the highest count first."""
    wanted = list(dict.fromkeys(part.strip() for one in asked.by for part in one.split(",")))
    if not set(wanted) <= set(FACES):
        known = f"Known: {', '.join(FACES)}."
        raise InvalidError("by", "has a field that cannot be counted", known)
    with database.connect() as db:
        version, _ = seen(db, asked.as_of)

        def make() -> Response:
            data = counts.facets(db, asked, wanted)  # type: ignore[arg-type]
            tail = Meta(version=version).model_dump(exclude_none=True)
            where = links(request, None, version).model_dump()
            body = encode({"data": data, "meta": tail, "links": where})
            return Response(body, media_type="application/json")

        return cached(request, version, make)
