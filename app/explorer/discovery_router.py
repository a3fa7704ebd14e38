"""What programs find the service by: problem types, `llms.txt` and the catalog of the API.

The catalog is that of RFC 9727, a linkset (RFC 9264) with the relations of RFC 8631.
"""

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from app.errors import NotFoundError
from app.explorer.help_pages import list_groups, read_help_page
from app.explorer.router import HEADERS, build_body_response
from app.http.dependencies import SettingsDep
from app.http.prefix_router import PrefixRouter
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import StrictQuery

router = PrefixRouter(include_in_schema=False, route_class=QueryRoute)
PAGE = "problems"
CATALOG_TYPE = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
API_TYPE = "application/openapi+json;version=3.1"
SUMMARY = (
    "A sourced record of what states and alliances do to each other: events with the sources that"
    " report them, memberships with their dates, alignment between actors and its shifts."
)


@router.get("/problems")
def redirect_to_problems() -> Response:
    """Lead to the page that explains every type of problem."""
    return RedirectResponse(f"/help/{PAGE}", headers=HEADERS)


@router.get("/problems/{slug}")
def redirect_to_problem(slug: str) -> Response:
    """Lead to the section on a type of problem; `NotFoundError` where there is no such type."""
    known = {section.anchor for section in read_help_page(PAGE).sections if section.level == 2}
    if slug not in known:
        raise NotFoundError("There is no such type of problem; /problems lists them.")
    return RedirectResponse(f"/help/{PAGE}#{slug}", headers=HEADERS)


@router.get("/.well-known/api-catalog")
def serve_api_catalog(
    _asked: Annotated[StrictQuery, Query()], request: Request, settings: SettingsDep
) -> Response:
    """Serve the catalog: the API with its description, documentation, state and tools."""
    root = resolve_public_url(request, settings)
    links = {
        "service-desc": [("/openapi.json", API_TYPE)],
        "service-doc": [("/docs", "text/html"), ("/llms.txt", "text/plain")],
        "status": [("/readyz", "application/json")],
        "license": [("/v1/datasets", "application/json")],
    }
    api = {"anchor": f"{root}/v1"} | {
        relation: [{"href": root + path, "type": kind} for path, kind in found]
        for relation, found in links.items()
    }
    features = {
        "anchor": f"{root}/ogc",
        "service-desc": [{"href": f"{root}/openapi.json", "type": API_TYPE}],
        "service-doc": [{"href": f"{root}/docs", "type": "text/html"}],
    }
    catalog = {
        "anchor": f"{root}/.well-known/api-catalog",
        "item": [{"href": f"{root}/v1"}, {"href": f"{root}/ogc"}],
    }
    return build_body_response(
        request, encode_json({"linkset": [catalog, api, features]}), CATALOG_TYPE
    )


@router.get("/llms.txt")
def serve_assistants_guide(
    _asked: Annotated[StrictQuery, Query()], request: Request, settings: SettingsDep
) -> Response:
    """Serve a short guide for assistants: what there is, how to ask, and where to read on."""
    root = resolve_public_url(request, settings)
    parts = [
        f"# Entente\n\n> {SUMMARY}\n",
        "Ask with GET; answers are JSON `{data, meta, links}`. `links.permalink` answers the same"
        " for ever: cite it. An empty list says why in `meta.reason`: `no_match` is not"
        " `outside_coverage` or `not_recorded`. Actors go by code or any name; an unknown one is a"
        " 422 with suggestions. Unknown parameters are refused.\n",
        "## Ask\n",
    ]
    questions = (
        ("/v1/events?actor=ARM&since=2023-09", "what happened, with the sources that report it"),
        ("/v1/timeline?actor=ARM&granularity=month", "counts by period, and what is covered"),
        ("/v1/alliances/CSTO/members?on=2023-10-13", "who belonged to a group on a day"),
        ("/v1/alignment?actor=ARM&toward=RUS", "the index of alignment over time"),
        ("/v1/shifts?actor=ARM&toward=RUS", "when alignment changed, how surely, on what evidence"),
        ("/v1/actors/resolve?q=Armenia", "the code of a name"),
        ("/v1/changes?after=0", "what changed since"),
        ("/v1/coverage", "what each dataset covers, and its licence at /v1/datasets"),
    )
    parts += [f"- [{path}]({root}{path}): {text}\n" for path, text in questions]
    parts.append(
        f"\n## Read\n\n- [OpenAPI]({root}/openapi.json): every operation\n"
        f"- [Problems]({root}/problems): every error, and the way out\n"
    )
    for _, pages in list_groups():
        parts += [f"- [{page.title}]({root}/help/{page.name})\n" for page in pages[:6]]
    return build_body_response(request, "".join(parts).encode(), "text/plain; charset=utf-8")
