"""HTTP route of citations: `/v1/citation`."""

import json
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from fastapi import Query, Request, Response
from pydantic import Field, field_validator
from sqlalchemy import Connection

from app.briefs.citation import CitationAnswer, build_citation, read_references
from app.briefs.views import ViewDescription, describe_view
from app.errors import InvalidParameterError
from app.events.counts import count_facets
from app.events.filter import EventFilter
from app.events.queries import resolve_filter
from app.events.read import read_event
from app.examples import example_responses
from app.http.accept import document_media_types
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.page import build_page_links
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.page_models import Meta
from app.query_models import StrictQuery, today
from app.settings import Settings
from app.shifts import answers
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import resolve_question
from app.shifts.shift_id import unpack_shift_id
from app.sources.bibliography import (
    REFERENCE_MEDIA_TYPES,
    BibliographyFormat,
    ReferenceFormat,
    render_references,
)
from app.text import require_storable

router = PrefixRouter(tags=["sources"], responses=COMMON_RESPONSES, route_class=QueryRoute)
MAX_ADDRESS = 4000
MAX_SOURCES = 2000
"""Sources that a bibliography lists."""
SUFFIXES: dict[ReferenceFormat, str] = {"bibtex": "bib", "ris": "ris", "csl": "json", "csv": "csv"}


VIEWS = (
    "", "actor", "alliance", "alliances", "compare", "datasets", "event", "events", "imports",
    "map", "shift",
)  # fmt: skip
"""The views of the explorer; the first is its home."""


class CitationQuery(StrictQuery):
    """The view to cite, and in which form."""

    view: Annotated[str, Field(max_length=MAX_ADDRESS)] = Field(
        description="Address of a view of the explorer, from its `?` on, percent-encoded.",
        examples=["view=shift&actor=ARM&toward=RUS"],
    )
    of: Literal["view", "sources"] = Field(
        "view",
        description="`sources`: those of the event, of the evidence of the shift, or of the events"
        " that the view lists, as `bibtex`, `ris`, `csl` or `csv`.",
    )
    format: BibliographyFormat = Field("json", description="JSON, or references to import.")

    @field_validator("view")
    @classmethod
    def _keep_query(cls, value: str) -> str:
        query = require_storable(urlsplit(value).query if "?" in value else value)
        asked = dict(parse_qsl(query))
        if query and not asked:
            raise ValueError("must be the query of a view, such as view=shift&actor=ARM&toward=RUS")
        if asked.get("view", "") not in VIEWS:
            raise ValueError(
                f"has the unknown view {asked['view']!r}; one of {', '.join(VIEWS[1:])}"
            )
        return query


@router.get(
    "/v1/citation",
    response_model=CitationAnswer,
    operation_id="getCitation",
    responses=document_media_types(example_responses("getCitation"), REFERENCE_MEDIA_TYPES),
)
def get_citation(
    asked: Annotated[CitationQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """How to cite a view of the explorer: a footnote, BibTeX, RIS and CSL-JSON.

    It names the version of the record, so that the link in it shows the same for ever, and the
    day of access. With `of=sources` the sources behind the answer, which are what an author quotes.
    """
    with database.connect() as db:
        view = describe_view(db, asked.view, chosen.alignment_datasets)
        then = int(view.version)

        def make_response() -> Response:
            if asked.of == "sources":
                return _respond_with_sources(db, asked, view, then, chosen)
            base = resolve_public_url(request, chosen)
            found = build_citation(db, view, then, base, today())
            if asked.format == "csv":
                hint = "Ask for of=sources, or for format=bibtex."
                raise InvalidParameterError("format", "csv is a table of sources", hint)
            if asked.format == "json":
                links = build_page_links(request, None)
                answer = CitationAnswer(data=found, meta=Meta(version=view.version), links=links)
                return Response(encode_json(answer), media_type="application/json")
            return _offer_file(getattr(found, asked.format).encode(), asked.format)

        variant = f"{today()} {request.headers.get('host')}"
        return respond_with_version_etag(request, view.version, make_response, variant)


def _respond_with_sources(
    db: Connection,
    asked: CitationQuery,
    view: ViewDescription,
    then: int | None,
    chosen: Settings,
) -> Response:
    if asked.format == "json":
        raise InvalidParameterError("format", "of=sources has no json", "Ask for format=bibtex.")
    if view.event is not None:
        event = json.loads(read_event(db, view.event, then).document)
        ids = [report["source"] for report in event["reports"]]
    elif view.shift is not None:
        reference = unpack_shift_id(view.shift)
        question = resolve_question(db, reference.asked, chosen.alignment_datasets, then)
        known = read_calibration(db, then)
        shift = answers.build_shift_detail(db, question, reference, view.version, known)
        ids = [source.source for event in shift.evidence for source in event.sources]
    elif view.events is not None:
        ids = _list_cited_sources(db, view.events, then)
    else:
        hint = "An event, events and the shift of a pair have them: view=event&id=…"
        raise InvalidParameterError("of", "this view has no sources of its own", hint)
    references = read_references(db, sorted(set(ids)), then)
    return _offer_file(render_references(references, asked.format), asked.format)


def _list_cited_sources(db: Connection, asked: EventFilter, then: int | None) -> list[str]:
    """List the sources of the events of a filter; raises `InvalidParameterError` for too many."""
    resolved = resolve_filter(db, asked, then)
    ids = [row["value"] for row in count_facets(db, resolved, ["source"])["source"]]
    if len(ids) > MAX_SOURCES:
        message = f"has {len(ids):,} sources; {MAX_SOURCES:,} are listed at most"
        raise InvalidParameterError("view", message, "Narrow it, or ask /v1/sources?format=csv.")
    return ids


def _offer_file(body: bytes, form: ReferenceFormat) -> Response:
    kept = {"Content-Disposition": f'attachment; filename="entente.{SUFFIXES[form]}"'}
    return Response(body, media_type=REFERENCE_MEDIA_TYPES[form][0], headers=kept)
