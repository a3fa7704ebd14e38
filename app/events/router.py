"""HTTP routes for events, timelines and facets."""

import difflib
from typing import Annotated, Literal, get_args

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.dataset_access import Purpose
from app.db.as_of import resolve_as_of, resolve_version
from app.db.dialect.one_state import expect_plans
from app.db.lineage_table import find_ancestry
from app.db.request_versions import note_version
from app.errors import InvalidParameterError
from app.events import counts, queries, read
from app.events.acted_for import describe_acted_for_in_filter
from app.events.buckets import TooManyBucketsError
from app.events.coverage import find_empty_reason
from app.events.event_titles import encode_buckets
from app.events.explain import explain_document
from app.events.filter import EventFilter, EventQuery, Words
from app.events.output_formats import EVENT_MEDIA_TYPES, FIELDS_MEDIA_TYPE
from app.events.schemas import Event, EventFieldsPage
from app.events.word_index import list_unsearched_datasets
from app.examples import document_variant, example_responses
from app.http.accept import document_formats, negotiate_format
from app.http.caching import respond_with_strong_etag, respond_with_version_etag
from app.http.chart_formats import add_chart_responses, respond_in_chart_format
from app.http.dependencies import CursorKeyDep, DatabaseDep
from app.http.page import build_page_links, render_page
from app.http.path_ids import EVENT_PATH
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.http.raw_headers import read_request_header
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Links, Meta, Page
from app.query_models import AsOfQuery, ChartQuery

router = PrefixRouter(
    prefix="/v1", tags=["events"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


class BucketEvent(BaseModel):
    """One of the events with the greatest absolute intensity in a bucket."""

    id: str
    title: str
    date: str
    type: str | None
    intensity: float | None
    sign: Literal[-1, 0, 1] = Field(
        description="What it counts as. 1: cooperation, −1: conflict, 0: neither."
    )


class TimelineBucket(BaseModel):
    """Totals of the events from one day to another, both inclusive."""

    start: str
    end: str
    count: int
    cooperation: int = Field(
        description="Events of quad 1 and 2; for a pair, those whose signals between the two are"
        " positive in sum."
    )
    conflict: int = Field(
        description="Events of quad 3 and 4; for a pair, those whose signals are negative in sum."
    )
    neutral: int = Field(
        description="Events of no quad; for a pair, those without a signal between the two."
    )
    mean_intensity: float | None = Field(
        description="Mean intensity of the events; for a pair, mean score of the signals."
    )
    positive: float | None = Field(
        description="For a pair: cooperative mass of the signals, as in alignment."
    )
    negative: float | None = Field(
        description="For a pair: conflictual mass of the signals, as in alignment."
    )
    index: float | None = Field(
        description="For a pair: the index at the end, as in alignment; null before its first"
        " signal."
    )
    spans: int = Field(description="Events that go beyond the bucket or have no known day.")
    spans_cooperation: int = Field(description="Those of them that count as cooperation.")
    spans_conflict: int = Field(description="Those of them that count as conflict.")
    covered: bool = Field(
        description="False: no dataset covers these days, so a count of 0 means unknown."
    )
    top: list[BucketEvent]


class EventUnderWay(BucketEvent):
    """An event that goes beyond a bucket or has no known day."""

    start: str
    end: str | None


class TimelineMeta(Meta):
    """The version of a timeline, what its buckets count, and what lasts."""

    basis: Literal["signals", "events"] = Field(
        description="What the buckets count: for a pair its signals, else the events by quad."
    )
    datasets: list[str] | None = Field(None, description="For a pair: whose signals count.")
    under_way: list[EventUnderWay] = Field(
        description="Events that go beyond a bucket or have no known day, each once, oldest first;"
        f" where there are more, the {counts.UNDER_WAY_LIMIT} weightiest."
    )


class TimelinePage(BaseModel):
    """The buckets of a timeline, oldest first."""

    data: list[TimelineBucket]
    meta: TimelineMeta
    links: Links


class TimelineQuery(EventFilter, ChartQuery):
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


class FacetCount(BaseModel):
    """A value of a field, with the number of events that have it."""

    value: str | int | None
    name: str | None = Field(None, description="Name of the actor whose code the value is.")
    count: int


class Facets(BaseModel):
    """Counts of the matching events, by each requested field."""

    data: dict[str, list[FacetCount]]
    meta: Meta
    links: Links


EventId = Annotated[
    str,
    Path(
        description="`{dataset}:{key}`.",
        examples=["curated:2023-10-03-armenia-ratifies-rome-statute"],
    ),
]


class EventDetailQuery(AsOfQuery):
    """Parameters of one event."""

    explain: bool = Field(False, description="Adds how type, signals and status were derived.")


@router.get(
    "/events",
    response_model=Page[Event],
    operation_id="listEvents",
    responses=document_formats(
        document_variant(example_responses("listEvents"), FIELDS_MEDIA_TYPE, EventFieldsPage),
        EVENT_MEDIA_TYPES,
    ),
)
def list_events(
    asked: Annotated[EventQuery, Query()],
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the matching events, newest first, in the format of `format` or `Accept`."""
    accepted = read_request_header(request.scope, b"accept")
    form = asked.format or negotiate_format(accepted, EVENT_MEDIA_TYPES)
    if form != "json":
        made: Response = request.app.state.feeds(form, asked, request)
        return made
    if asked.bom:
        raise InvalidParameterError(
            "bom", "does not go with format=json", "Use it with format=csv."
        )
    if asked.flat:
        raise InvalidParameterError(
            "flat", "does not go with format=json", "Use it with format=parquet or arrow."
        )
    with database.connect() as db:
        if not read.has_one_plan(asked):
            expect_plans(db)
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            resolved = queries.resolve_filter(db, asked, then)
            body, cursor = read.read_event_body(db, asked, resolved, key, version)
            known = read.read_event_page_meta(db, resolved, asked.count, version, not body)
            kind = FIELDS_MEDIA_TYPE if asked.fields else EVENT_MEDIA_TYPES["json"][0]
            return render_page(body, known, build_page_links(request, cursor, version), kind)

        return respond_with_version_etag(request, version, render_answer, remember=True)


@router.get(
    EVENT_PATH,
    response_model=Event,
    operation_id="getEvent",
    responses=example_responses("getEvent"),
)
def get_event(
    event_id: EventId,
    asked: Annotated[EventDetailQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Returns one event with its reports; an event that was merged redirects to its survivor."""
    with database.connect() as db:
        past = resolve_as_of(db, asked.as_of, asked.lineage)
        row = read.read_event(db, event_id, past)

        def render_answer() -> Response:
            document = row.document
            if asked.explain:
                kinds = read.read_participant_kinds(db, document)
                mode = read.read_derivation_mode(db, event_id.partition(":")[0])
                document = explain_document(document, kinds, mode)
            return Response(document, media_type="application/json")

        ancestry = find_ancestry(db, row.lineage)
        note_version(Version(row.newest if past is None else past, ancestry))
        label = Version(row.seq, ancestry).label
        shown = f"{label}-explain" if asked.explain else label
        return respond_with_strong_etag(request, shown, render_answer)


@router.get(
    "/timeline",
    response_model=TimelinePage,
    operation_id="getTimeline",
    responses=add_chart_responses(example_responses("getTimeline")),
)
def get_timeline(
    asked: Annotated[TimelineQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Counts the matching events in consecutive buckets, oldest first.

    A count of 0 in days that no dataset covers means unknown: see `covered`. `between` of two
    actors counts the events by the signals between the two: see `meta.basis`.
    """
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            resolved = queries.resolve_filter(db, asked, then, purpose="sums")
            try:
                found = counts.count_timeline(db, resolved, asked.granularity, asked.top)
            except TooManyBucketsError as many:
                hint = "Ask for a shorter window or a coarser granularity."
                raise InvalidParameterError("granularity", str(many), hint) from many
            known = TimelineMeta(
                version=version,
                basis="events" if found.pair is None else "signals",
                under_way=found.under_way,
                closed=list(queries.list_closed_datasets(db, resolved, "sums")) or None,
                unsearched=list_unsearched_datasets(db, resolved) or None,
                partly_recorded=find_partly_recorded(db, resolved.member_of, then) or None,
            )
            if found.pair is not None:
                read_sums = request.app.state.pair_sums
                known.datasets = counts.add_pair_sums(db, found, read_sums)
            rows = encode_buckets(found.buckets)
            if not any(b["count"] for b in found.buckets):
                known.reason = find_empty_reason(db, found.resolved, purpose="sums")
                known.remark = describe_acted_for_in_filter(db, found.resolved)
            answer = render_page(rows, known, build_page_links(request, None, version))
            return respond_in_chart_format(
                request, db, "timeline", asked, answer, lambda: _list_counted_datasets(db, found)
            )

        return respond_with_version_etag(
            request, version, render_answer, request.headers.get("accept", ""), remember=True
        )


def _list_counted_datasets(db: Connection, found: counts.Timeline) -> dict[str, object]:
    faces = counts.count_facets(db, found.resolved, ["dataset"])["dataset"]
    return {"datasets": [face["value"] for face in faces]}


@router.get(
    "/facets",
    response_model=Facets,
    operation_id="getFacets",
    responses=example_responses("getFacets"),
)
def get_facets(
    asked: Annotated[FacetQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Counts the matching events by one or several fields, the highest count first."""
    wanted = list(dict.fromkeys(part.strip() for one in asked.by for part in one.split(",")))
    fields = get_args(counts.FacetField)
    wrong = next((name for name in wanted if name not in fields), None)
    if wrong is not None:  # an empty name is wrong too
        near = difflib.get_close_matches(wrong, fields, 3)
        known = f"Known: {', '.join(fields)}."
        raise InvalidParameterError("by", "has a field that cannot be counted", known, near)
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def render_answer() -> Response:
            resolved = queries.resolve_filter(db, asked, then, purpose="sums")
            data = counts.count_facets(db, resolved, wanted)  # type: ignore[arg-type]
            purpose: Purpose = "sums" if counts.SUMMED_FACETS.issuperset(wanted) else "rows"
            known = Meta(
                version=version,
                closed=list(queries.list_closed_datasets(db, resolved, purpose)) or None,
                unsearched=list_unsearched_datasets(db, resolved) or None,
                partly_recorded=find_partly_recorded(db, resolved.member_of, then) or None,
            )
            tail = known.model_dump(exclude_none=True)
            where = build_page_links(request, None, version).model_dump()
            body = encode_json({"data": data, "meta": tail, "links": where})
            return Response(body, media_type="application/json")

        return respond_with_version_etag(request, version, render_answer, remember=True)
