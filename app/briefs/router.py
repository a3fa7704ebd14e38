"""HTTP routes of briefs: `/v1/brief` in three formats, and its page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from sqlalchemy import Connection

from app.briefs.actor_brief import build_actor_brief
from app.briefs.actor_layout import lay_out_actor_brief
from app.briefs.compose import build_brief
from app.briefs.drawing import draw_curve, draw_shifts_of, read_curve
from app.briefs.filter import BriefFormat, BriefQuery, PageQuery, PaperSize, SubjectQuery
from app.briefs.layout import BriefPage, fit_on_page, lay_out_brief
from app.briefs.render import render_brief_html, render_brief_pdf
from app.briefs.schemas import ActorBriefAnswer, ActorBriefLinks, BriefAnswer, BriefLinks
from app.db.as_of import resolve_version
from app.db.engine import Database
from app.events.queries import read_names_of_codes
from app.examples import example_responses
from app.http.accept import document_formats, negotiate_format
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.page import build_page_links, pin_version
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, PROBLEM_RESPONSE, PROBLEM_TITLES, Responses
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Meta
from app.query_models import today
from app.settings import Settings

router = PrefixRouter(tags=["shifts"], responses=COMMON_RESPONSES, route_class=QueryRoute)

BRIEF_MEDIA_TYPES: dict[BriefFormat, Sequence[str]] = {
    "json": ("application/json",),
    "html": ("text/html",),
    "pdf": ("application/pdf",),
}
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Pages without a script, which load the style of the service and nothing else."""
NOT_INSTALLED: Responses = {501: {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[501]}}


@router.get(
    "/v1/brief",
    response_model=BriefAnswer | ActorBriefAnswer,
    operation_id="getBrief",
    responses=document_formats(example_responses("getBrief"), BRIEF_MEDIA_TYPES) | NOT_INSTALLED,
)
def get_brief(
    asked: Annotated[BriefQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """One pair or one actor on one page: the answer, its evidence and its limits.

    With `toward`: the curve, up to ten events with their sources, the formal ties, and how far to
    trust it; every number is that of `/v1/shifts`. Without: the actor's most certain shifts by
    partner, its memberships in words, and its weightiest events of the last two years on record.
    As `pdf` it needs the extra `pdf` of the package.
    """
    form = asked.format or negotiate_format(request.headers.get("accept"), BRIEF_MEDIA_TYPES)
    return respond_with_brief(request, database, chosen, asked, form, asked.paper)


@router.get("/brief", include_in_schema=False)
def show_brief(
    asked: Annotated[PageQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Show the brief of a pair or an actor as a page to print."""
    return respond_with_brief(request, database, chosen, asked, "html")


@dataclass(frozen=True, slots=True)
class Composed:
    """A brief in all that its forms need."""

    answer: BriefAnswer | ActorBriefAnswer
    page: BriefPage
    """With all of its events."""
    name: str
    """Of the file."""
    draw: Callable[[], str]
    """Draws its picture as SVG; empty where there is nothing to draw."""


def respond_with_brief(
    request: Request,
    database: Database,
    chosen: Settings,
    asked: SubjectQuery,
    form: BriefFormat,
    paper: PaperSize = "a4",
) -> Response:
    """Respond with a brief in a format; raises `MissingExtraError` for a PDF without the extra."""
    compose = _compose_pair if asked.toward else _compose_actor
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            made = compose(db, request, chosen, asked, version, then)
            if form == "json":
                return _vary(Response(encode_json(made.answer), media_type="application/json"))
            svg, headline = made.draw(), made.answer.data.headline
            if form == "html":
                text = render_brief_html(fit_on_page(made.page), svg, headline)
                return _vary(Response(text, media_type="text/html", headers=PAGE_HEADERS))
            body = render_brief_pdf(made.page, svg, headline, paper)
            kept = {"Content-Disposition": f'inline; filename="entente-{made.name}-{version}.pdf"'}
            return _vary(Response(body, media_type="application/pdf", headers=kept))

        # Pages name the day on which they are read, and the public URL; an actor's memberships
        # are those of that day.
        variant = f"{form} {today()} {request.headers.get('host')}"
        return respond_with_version_etag(request, version, make_response, variant)


def _compose_pair(
    db: Connection,
    request: Request,
    chosen: Settings,
    subject: SubjectQuery,
    version: Version,
    then: int | None,
) -> Composed:
    asked, defaults = subject.to_pair_query(), chosen.alignment_datasets
    curve = read_curve(db, asked, defaults, version, then)
    brief = build_brief(db, asked, defaults, version, then, curve.remarks)
    links = _build_links(request, version, brief.shift.id)
    answer = BriefAnswer(data=brief, meta=Meta(version=version), links=links)

    def draw() -> str:
        if brief.reason is not None:
            return ""
        return draw_curve(db, asked, chosen.alignment_datasets, curve.body, version, then)

    page = lay_out_brief(answer, today(), resolve_public_url(request, chosen))
    name = "-".join([brief.shift.actor, *brief.shift.toward, *brief.shift.against])[:80]
    return Composed(answer, page, name, draw)


def _compose_actor(
    db: Connection,
    request: Request,
    chosen: Settings,
    asked: SubjectQuery,
    version: Version,
    then: int | None,
) -> Composed:
    brief = build_actor_brief(db, asked, chosen.alignment_datasets, version, then, today())
    links = _build_actor_links(request, version, brief.actor)
    answer = ActorBriefAnswer(data=brief, meta=Meta(version=version), links=links)
    partners = [code for shift in brief.shifts for code in shift.toward]
    names = read_names_of_codes(db, sorted({*partners, brief.actor}), then)
    page = lay_out_actor_brief(answer, names, today(), resolve_public_url(request, chosen))

    def draw() -> str:
        return draw_shifts_of(db, answer)

    return Composed(answer, page, brief.actor, draw)


def _vary(answer: Response) -> Response:
    answer.headers.add_vary_header("Accept")
    return answer


def _join_link(request: Request, version: Version, path: str, **more: str) -> str:
    """Join a link to another form of a brief, which keeps the filters of the request."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("format", "paper", "as_of", "lineage")
    ]
    return f"{path}?{urlencode([*kept, *more.items(), *pin_version(version).items()])}"


def _build_actor_links(request: Request, version: Version, code: str) -> ActorBriefLinks:
    links = build_page_links(request, None, version)
    join_link = partial(_join_link, request, version)
    return ActorBriefLinks(
        self=links.self,
        permalink=links.permalink,
        page=join_link("/brief"),
        pdf=join_link("/v1/brief", format="pdf"),
        explorer=f"/?view=actor&{urlencode([('actor', code), *pin_version(version).items()])}",
        shifts=join_link("/v1/shifts"),
        events=join_link("/v1/events"),
        curve=join_link("/v1/shifts", format="svg"),
    )


def _build_links(request: Request, version: Version, shift_id: str) -> BriefLinks:
    """Build the links of a brief; those to other forms of it keep the filters of the request."""
    links = build_page_links(request, None, version)
    join_link = partial(_join_link, request, version)
    return BriefLinks(
        self=links.self,
        permalink=links.permalink,
        page=join_link("/brief"),
        pdf=join_link("/v1/brief", format="pdf"),
        explorer=f"/?view=shift&{join_link('').removeprefix('?')}",
        shift=f"/v1/shifts/{shift_id}",
        curve=join_link("/v1/alignment", format="svg"),
    )
