"""HTTP routes of embeds: a picture with its words and its source, for pages of others."""

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from app.briefs.citation import write_credit
from app.briefs.drawing import find_days_of_curve, list_remarks_of_chart, read_curve
from app.briefs.filter import PairQuery
from app.briefs.map_places import draw_map_of, read_map_places
from app.briefs.render import EmbedPanel, render_embed_html
from app.briefs.views import (
    MAX_PAIRS,
    ViewDescription,
    describe_events_on_map,
    describe_view,
    read_parameters,
)
from app.briefs.words import write_text
from app.charts.rendering import SVG_HEADERS, render_png
from app.db.as_of import resolve_version
from app.db.engine import Database
from app.errors import InvalidParameterError
from app.events.filter import EventFilter
from app.events.queries import resolve_filter
from app.events.read import read_event_page_meta
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.page import pin_version
from app.http.prefix_router import PrefixRouter
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.lineages import Version
from app.query_models import MIN_CHART_WIDTH, AsOfQuery, today
from app.settings import Settings
from app.text import ShortText

router = PrefixRouter(prefix="/embed", include_in_schema=False, route_class=QueryRoute)
WIDTHS = ((420, 360), (620, 520))
"""Widest window and width of the picture in it, in pixels; wider windows get the last."""
WIDE = 760
WIDTHS_OF_SEVERAL = ((420, 360), (800, 520))
WIDE_OF_SEVERAL = 480
"""The same for pictures side by side."""
MAX_MAP_WIDTH = 2000

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none';"
    " frame-ancestors {ancestors}"
)


class ShiftEmbedQuery(PairQuery):
    """A pair whose curve is embedded."""


class TimelineEmbedQuery(EventFilter):
    """Events whose timeline is embedded."""


class MapEmbedQuery(EventFilter):
    """Events whose places are embedded."""


class MapPictureQuery(EventFilter):
    """Events whose places are drawn, and the form of the picture."""

    format: Literal["svg", "png"] = Field("svg", description="A PNG has two pixels for each.")
    width: int = Field(WIDE, ge=MIN_CHART_WIDTH, le=MAX_MAP_WIDTH, description="In pixels.")


class MembersEmbedQuery(AsOfQuery):
    """A group whose members over time are embedded."""

    code: ShortText = Field(description="The group, by any name.", examples=["CSTO"])


class CompareEmbedQuery(AsOfQuery):
    """Pairs whose curves are embedded side by side."""

    pair: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=MAX_PAIRS)] = Field(
        description="`ARM>RUS`; up to four.", examples=[["ARM>RUS"]]
    )


@router.get("/shift")
def embed_shift(
    _: Annotated[ShiftEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show the curve of a pair with its verdict."""
    return _respond_with_embed(request, database, chosen, [f"view=shift&{request.url.query}"])


@router.get("/timeline")
def embed_timeline(
    _: Annotated[TimelineEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show the timeline of a filter."""
    return _respond_with_embed(request, database, chosen, [f"view=events&{request.url.query}"])


@router.get("/map")
def embed_map(
    _: Annotated[MapEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show where the events of a filter happened."""
    return _respond_with_embed(request, database, chosen, [f"view=map&{request.url.query}"])


@router.get("/map/picture")
def draw_map_picture(
    asked: Annotated[MapPictureQuery, Query()],
    request: Request,
    database: DatabaseDep,
) -> Response:
    """Draw the map of a filter, as the explorer shows it, in a picture that names its source."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        wanted = EventFilter.model_construct(
            asked.model_fields_set & EventFilter.model_fields.keys(),
            **{name: getattr(asked, name) for name in EventFilter.model_fields},
        )

        def make_response() -> Response:
            view = describe_events_on_map(db, wanted, version, then)
            source = write_credit(db, view, then)
            credit = write_text("embed_source", credit=source, version=version)
            found = read_map_places(db, wanted, version, then)
            svg = draw_map_of(found, view.title, credit, asked.width)
            if asked.format == "png":
                return Response(render_png(svg), media_type="image/png")
            return Response(svg, headers=SVG_HEADERS, media_type="image/svg+xml")

        return respond_with_version_etag(request, version, make_response, asked.format)


@router.get("/members")
def embed_members(
    _: Annotated[MembersEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show the members of a group over time."""
    return _respond_with_embed(request, database, chosen, [f"view=alliance&{request.url.query}"])


@router.get("/compare")
def embed_compare(
    asked: Annotated[CompareEmbedQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show the curves of up to four pairs on one scale."""
    queries = []
    for text in asked.pair:
        actor, arrow, toward = text.partition(">")
        if not (arrow and actor.strip() and toward.strip()):
            raise InvalidParameterError("pair", "must be two names", "Write pair=ARM>RUS.")
        pins = (("as_of", asked.as_of), ("lineage", asked.lineage))
        versions = [(name, value) for name, value in pins if value]
        queries.append(
            urlencode([("view", "shift"), ("actor", actor), ("toward", toward), *versions])
        )
    return _respond_with_embed(request, database, chosen, queries)


def _respond_with_embed(
    request: Request, database: Database, chosen: Settings, queries: Sequence[str]
) -> Response:
    """Respond with a page of the pictures of some views, which the settings let others frame."""
    with database.connect() as db:
        views = [describe_view(db, query, chosen.alignment_datasets) for query in queries]
        version = views[0].version
        then = int(version)

        def make_response() -> Response:
            days = _find_common_days(db, queries, chosen, version, then)
            panels = [
                _draw_panel(view, days, _list_remarks(db, view, query, days, chosen, then))
                for view, query in zip(views, queries, strict=True)
            ]
            credit = write_credit(db, views[0], version)
            base = resolve_public_url(request, chosen)
            address = f"{base}{request.url.path}?{request.url.query}"
            text = render_embed_html(panels, credit, version, base, address)
            ancestors = " ".join(chosen.frame_ancestors) or "'none'"
            headers = {
                "Content-Security-Policy": PAGE_POLICY.format(ancestors=ancestors),
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            }
            return Response(text, media_type="text/html", headers=headers)

        variant = f"{today()} {request.headers.get('host')}"
        return respond_with_version_etag(request, version, make_response, variant)


def _find_common_days(
    db: Connection, queries: Sequence[str], chosen: Settings, version: Version, then: int
) -> tuple[str, str] | None:
    """Find the days over which several curves are drawn, so that they have one scale."""
    if len(queries) < 2:
        return None
    pairs = [read_parameters(PairQuery, parse_qsl(query)) for query in queries]
    defaults = chosen.alignment_datasets
    found = [find_days_of_curve(db, pair, defaults, version, then) for pair in pairs]
    known = [days for days in found if days is not None]
    return (min(d[0] for d in known), max(d[1] for d in known)) if known else None


def _list_remarks(
    db: Connection,
    view: ViewDescription,
    query: str,
    days: tuple[str, str] | None,
    chosen: Settings,
    then: int,
) -> Sequence[str]:
    """List what the picture of a view says below it, for those who hear its words."""
    if view.shift is not None:
        items = [*parse_qsl(query), *zip(("since", "until"), days or (), strict=False)]
        pair = read_parameters(PairQuery, items)
        return read_curve(db, pair, chosen.alignment_datasets, view.version, then).remarks
    if view.events is None:
        return view.remarks
    resolved = resolve_filter(db, view.events, then)
    meta = read_event_page_meta(db, resolved, "none", view.version, empty=False)
    return list_remarks_of_chart(db, "timeline", {"meta": meta.model_dump()})


def _draw_panel(
    view: ViewDescription, days: tuple[str, str] | None, remarks: Sequence[str]
) -> EmbedPanel:
    """Draw a view, over some days where it is one of several."""
    assert view.picture is not None
    pins = urlencode(pin_version(view.version))
    start = f"{view.picture}{'&' if '?' in view.picture else '?'}{pins}&format=svg"
    widths, wide = WIDTHS, WIDE
    if days is not None:
        start += f"&{urlencode(dict(zip(('since', 'until'), days, strict=True)))}"
        widths, wide = WIDTHS_OF_SEVERAL, WIDE_OF_SEVERAL
    return EmbedPanel(
        title=view.title,
        alt=" ".join([f"{view.title}.", *remarks]) if remarks else view.title,
        text=view.description,
        sources=[(most, f"{start}&width={width}") for most, width in widths],
        picture=f"{start}&width={wide}",
        address=view.address,
    )
