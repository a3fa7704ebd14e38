"""HTTP routes of briefs: `/v1/brief` in three formats, and its page."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from app.briefs.compose import build_brief
from app.briefs.drawing import draw_curve
from app.briefs.filter import BriefFormat, BriefQuery, PageQuery, PairQuery, PaperSize
from app.briefs.layout import fit_on_page, lay_out_brief
from app.briefs.render import render_brief_html, render_brief_pdf
from app.briefs.schemas import BriefAnswer, BriefLinks
from app.db.as_of import resolve_version
from app.db.engine import Database
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
    response_model=BriefAnswer,
    operation_id="getBrief",
    responses=document_formats(example_responses("getBrief"), BRIEF_MEDIA_TYPES) | NOT_INSTALLED,
)
def get_brief(
    asked: Annotated[BriefQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """One pair on one page: the answer, its evidence and its limits.

    The curve, up to ten events with their sources, the formal ties, and how far to trust it. Every
    number is that of `/v1/shifts`. As `pdf` it needs the extra `pdf` of the package.
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
    """Show the brief of a pair as a page to print."""
    return respond_with_brief(request, database, chosen, asked, "html")


def respond_with_brief(
    request: Request,
    database: Database,
    chosen: Settings,
    asked: PairQuery,
    form: BriefFormat,
    paper: PaperSize = "a4",
) -> Response:
    """Respond with a brief in a format; raises `MissingExtraError` for a PDF without the extra."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            brief = build_brief(db, asked, chosen.alignment_datasets, version, then)
            links = _build_links(request, version, brief.shift.id)
            answer = BriefAnswer(data=brief, meta=Meta(version=version), links=links)
            if form == "json":
                return _vary(Response(encode_json(answer), media_type="application/json"))
            svg = ""
            if brief.reason is None:
                svg = draw_curve(db, asked, chosen.alignment_datasets, version, then)
            page = lay_out_brief(answer, today(), resolve_public_url(request, chosen))
            whole = brief.speaks_for.n + brief.against.n
            if form == "html":
                text = render_brief_html(fit_on_page(page, whole), svg, brief.headline)
                return _vary(Response(text, media_type="text/html", headers=PAGE_HEADERS))
            made = render_brief_pdf(page, svg, brief.headline, paper, whole)
            name = "-".join([brief.shift.actor, *brief.shift.toward, *brief.shift.against])[:80]
            kept = {"Content-Disposition": f'inline; filename="entente-{name}-{version}.pdf"'}
            return _vary(Response(made, media_type="application/pdf", headers=kept))

        # Pages name the day on which they are read, and the public URL.
        variant = form if form == "json" else f"{form} {today()} {request.headers.get('host')}"
        return respond_with_version_etag(request, version, make_response, variant)


def _vary(answer: Response) -> Response:
    answer.headers.add_vary_header("Accept")
    return answer


def _build_links(request: Request, version: Version, shift_id: str) -> BriefLinks:
    """Build the links of a brief; those to other forms of it keep the filters of the request."""
    links = build_page_links(request, None, version)
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("format", "paper", "as_of", "lineage")
    ]

    def join_link(path: str, **more: str) -> str:
        named: Mapping[str, str] = more | pin_version(version)
        return f"{path}?{urlencode([*kept, *named.items()])}"

    return BriefLinks(
        self=links.self,
        permalink=links.permalink,
        page=join_link("/brief"),
        pdf=join_link("/v1/brief", format="pdf"),
        explorer=f"/?view=shift&{join_link('').removeprefix('?')}",
        shift=f"/v1/shifts/{shift_id}",
        curve=join_link("/v1/alignment", format="svg"),
    )
