"""Serve the documentation below `/help`, with the look of the explorer and without JavaScript."""

from functools import cache
from html import escape
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from app.errors import NotFoundError
from app.explorer.help_pages import (
    Hit,
    list_groups,
    read_help_pages,
    read_terms,
    search_help,
)
from app.explorer.markdown import HelpPage
from app.explorer.router import HEADERS, build_body_response
from app.explorer.shell import wrap_page
from app.explorer.strings import find_words
from app.http.prefix_router import PrefixRouter
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import StrictQuery

router = PrefixRouter(include_in_schema=False, route_class=QueryRoute)
HTML = "text/html; charset=utf-8"
MOST_CHARACTERS = 200


class HelpQuery(StrictQuery):
    """The parameter of the search in the documentation."""

    q: str = Field("", max_length=MOST_CHARACTERS, description="Words to search for.")


@router.get("/help")
def serve_help(request: Request, asked: Annotated[HelpQuery, Query()]) -> Response:
    """Serve the list of all pages, or what a search found in them."""
    q = asked.q
    title = find_words("help.title")
    found = build_results(q) if q.strip() else build_contents()
    body = f"<h1>{escape(title)}</h1>{build_search(q)}{found}"
    return build_body_response(request, wrap_help(title, body).encode(), HTML)


@router.get("/help/glossary.json")
def serve_terms(request: Request) -> Response:
    """Serve the terms of the glossary, which the explorer shows beside its words."""
    return build_body_response(request, encode_json(read_terms()), "application/json")


@router.get("/help/{name:path}")
def serve_help_page(name: str, request: Request) -> Response:
    """Serve a page; one that is asked for as its file is led to its address."""
    page = read_help_pages().get(name.removesuffix(".md").rstrip("/"))
    if page is None:
        if name.strip("/") in ("", "decisions"):
            return RedirectResponse("/help", headers=HEADERS)
        raise NotFoundError("There is no such page of help; /help lists all pages.")
    if name != page.name:
        return RedirectResponse(f"/help/{page.name}", headers=HEADERS)
    return build_body_response(request, render_help_page(page.name).encode(), HTML)


@cache
def render_help_page(name: str) -> str:
    """Render a page with the list of pages beside it."""
    page = read_help_pages()[name]
    parts = [s for s in page.sections if s.level == 2]
    inner = "".join(f'<li><a href="#{s.anchor}">{escape(s.title)}</a></li>' for s in parts)
    here = f'<nav aria-label="{escape(find_words("help.on_page"))}"><ul>{inner}</ul></nav>'
    body = (
        f'{build_search("")}<div class="help"><aside>{here if len(parts) > 2 else ""}'
        f"{build_contents(page)}</aside><article>{page.body}</article></div>"
    )
    return wrap_help(page.title, body)


def build_search(text: str) -> str:
    """Build the form that searches in all pages."""
    label = escape(find_words("help.search"))
    return (
        f'<form class="fields" role="search" action="/help" aria-label="{label}"><div>'
        f'<label for="q">{label}</label><input id="q" name="q" type="search" size="28"'
        f' maxlength="{MOST_CHARACTERS}" value="{escape(text)}"></div>'
        f"<button>{escape(find_words('search.find'))}</button></form>"
    )


def build_contents(current: HelpPage | None = None) -> str:
    """Build the list of all pages in their groups; the current one is marked."""
    made = f'<nav class="contents" aria-label="{escape(find_words("help.pages"))}">'
    for key, pages in list_groups():
        made += f"<h2>{escape(find_words(key))}</h2><ul>"
        for page in pages:
            mark = ' aria-current="page"' if page is current else ""
            made += f'<li><a href="/help/{page.name}"{mark}>{escape(page.title)}</a></li>'
        made += "</ul>"
    return (
        f'{made}<ul><li><a href="/?view=datasets">{escape(find_words("help.datasets"))}</a></li>'
        f'<li><a href="/docs">{escape(find_words("nav.reference"))}</a></li></ul></nav>'
    )


def build_results(text: str) -> str:
    """Build the list of what a search found, or words that nothing was found."""
    hits = search_help(text)
    count = find_words("help.found" if hits else "help.found_none").replace("{text}", text.strip())
    listed = "".join(_build_hit(hit) for hit in hits)
    return f'<p role="status">{escape(count)}</p><ol class="found">{listed}</ol>{build_contents()}'


def _build_hit(hit: Hit) -> str:
    address = f"/help/{hit.page.name}#{hit.section.anchor}"
    where = (
        "" if hit.section.level == 1 else f' <span class="quiet">{escape(hit.page.title)}</span>'
    )
    return (
        f'<li><a href="{address}">{escape(hit.section.title)}</a>{where}'
        f"<br>{escape(hit.snippet)}</li>"
    )


def wrap_help(title: str, body: str) -> str:
    """Wrap a page of help in the page of the explorer."""
    return wrap_page(title, body, script="help.js", address="/help")
