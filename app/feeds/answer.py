"""Build the HTTP response for an event list in any format but JSON."""

from functools import partial

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from app.events.filter import EventQuery
from app.events.forms import Form
from app.feeds.opening import Opened
from app.feeds.registry import SAVED, WRITINGS, media_type
from app.http.asked import seen
from app.http.caching import cached
from app.http.pacing import paced_by
from app.http.page import links
from app.sources.citation import license_links


def answer(form: Form, asked: EventQuery, request: Request) -> Response:
    """Build the response with the requested events in a format.

    `limit` and `cursor` work as in JSON. Without `limit`, a streaming format sends every event.
    """
    state = request.app.state
    with state.database.connect() as db:
        version, _ = seen(db, asked.as_of)

    def make() -> Response:
        address = partial(links, request)
        opened = Opened(form, asked, state.database, state.cursor_key, address)
        headers = _headers(form, opened)
        parts = WRITINGS[form].write(opened.feed)
        if WRITINGS[form].streams:
            paced = paced_by(state.exports, parts)
            return StreamingResponse(paced, 200, headers, media_type(form))
        return Response(b"".join(parts), 200, headers, media_type(form))

    found = cached(request, version, make, form)
    found.headers["Vary"] = "Accept"
    return found


def _headers(form: Form, opened: Opened) -> dict[str, str]:
    following = opened.links.next
    page_links = [f'<{following}>; rel="next"'] if following else []
    if not WRITINGS[form].says_licence:
        page_links += license_links(opened.feed.cited)
    headers = {"Entente-Version": str(opened.reading.version)}
    if opened.reason:
        headers["Entente-Reason"] = opened.reason
    if page_links:
        headers["Link"] = ", ".join(page_links)
    if form in SAVED:
        name = f"entente-events.{WRITINGS[form].suffix}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return headers
