"""Serve the reference of the API: Swagger UI within the page of the explorer."""

from html import escape

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.explorer.router import HEADERS, build_body_response
from app.explorer.shell import wrap_page
from app.explorer.strings import find_words
from app.http.prefix_router import PrefixRouter

router = PrefixRouter(include_in_schema=False)
LIBRARIES = "/static-offline-docs"
"""Where the files of Swagger UI are served, out of an installed package."""
POLICY = HEADERS["Content-Security-Policy"].replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
"""Swagger UI writes styles into the page."""
TAGS = [
    {"name": "events", "description": "What happened between whom, who reports it, and counts."},
    {"name": "shifts", "description": "Who moves toward or away from whom, and on what evidence."},
    {"name": "actors", "description": "States, alliances, bodies and persons, and their names."},
    {"name": "alliances", "description": "Who belonged to what on a day, and to what it obliges."},
    {"name": "sources", "description": "Sources, datasets with their licences, and coverage."},
    {"name": "dumps", "description": "Whole datasets as files, each version written once."},
    {"name": "history", "description": "Revisions, changes, and what was known when."},
    {"name": "writing", "description": "Create, replace, patch, retract and merge; needs a key."},
    {"name": "imports", "description": "Files of events, loaded as jobs; needs a key."},
    {"name": "watches", "description": "Saved questions that speak up; need a key."},
    {"name": "ogc", "description": "Events with coordinates as features, for map programs."},
    {"name": "service", "description": "Whether the service is alive and ready."},
]
"""The tags of operations, in the order in which they are needed."""
PAGES = ("tutorial", "filters", "dictionary", "answer-formats", "writing")


@router.get("/docs")
def serve_reference(request: Request) -> Response:
    """Serve the reference in which requests can be tried."""
    label = escape(find_words("reference.search"))
    body = (
        f"{build_introduction()}"
        f'<form class="fields" id="find-operations" role="search" aria-label="{label}"><div>'
        f'<label for="q">{label}</label><input id="q" type="search" size="28" autocomplete="off">'
        '</div></form><p id="found" role="status" class="quiet"></p>'
        '<div id="swagger-ui" class="library"></div>'
    )
    head = (
        f'<link rel="stylesheet" href="{LIBRARIES}/swagger-ui.css">\n'
        f'<script src="{LIBRARIES}/swagger-ui-bundle.js" defer></script>\n'
    )
    title = find_words("nav.reference")
    page = wrap_page(title, body, script="reference.js", address="/docs", head=head)
    response = build_body_response(request, page.encode(), "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@router.get("/redoc")
def redirect_to_reference() -> Response:
    """Lead to the one reference: the bundle of Redoc fetches a picture from its maker's host."""
    return RedirectResponse("/docs", headers=HEADERS)


def build_introduction() -> str:
    """Build the first lines: what this is, and where help is."""
    links = [(f"/help/{name}", find_words(f"reference.{name.replace('-', '_')}")) for name in PAGES]
    links.append(("/openapi.json", find_words("nav.openapi")))
    listed = " · ".join(f'<a href="{address}">{escape(text)}</a>' for address, text in links)
    return (
        f"<h1>{escape(find_words('nav.reference'))}</h1>"
        f"<p>{escape(find_words('reference.intro'))}</p><p>{listed}</p>"
    )
