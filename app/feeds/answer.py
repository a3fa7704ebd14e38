"""Build the HTTP response for an event list in any format but JSON."""

from functools import partial

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from app.db.as_of import resolve_version
from app.events.filter import EventQuery
from app.events.output_formats import OutputFormat
from app.events.queries import resolve_filter
from app.feeds.export import EventExport
from app.feeds.registry import DOWNLOADED_FORMATS, FEED_FORMATS, get_feed_media_type
from app.http.caching import respond_with_version_etag
from app.http.dependencies import get_readers_database
from app.http.export_limiter import stream_in_limited_threads
from app.http.page import build_page_links
from app.http.public_url import resolve_public_url
from app.sources.citation import build_license_links


def build_feed_response(form: OutputFormat, asked: EventQuery, request: Request) -> Response:
    """Build the response with the requested events in a format.

    `limit` and `cursor` work as in JSON. Without `limit`, a streaming format sends every event.
    """
    state = request.app.state
    database = get_readers_database(request)
    unlimited = database.without_time_limit()
    with database.connect() as db:
        version, then = resolve_version(db, asked)

    root = resolve_public_url(request, state.settings)

    def make_response() -> Response:
        address = partial(build_page_links, request)
        with database.connect() as db:
            resolved = resolve_filter(db, asked, then)
        opened = EventExport(
            form, asked, resolved, version, unlimited, state.cursor_key, address, root
        )
        headers = _build_headers(form, opened)
        parts = FEED_FORMATS[form].write(opened.feed)
        if FEED_FORMATS[form].streams:
            paced = stream_in_limited_threads(state.exports, parts)
            return StreamingResponse(paced, 200, headers, get_feed_media_type(form))
        return Response(b"".join(parts), 200, headers, get_feed_media_type(form))

    found = respond_with_version_etag(request, version, make_response, f"{form} {root}")
    found.headers.add_vary_header("Accept")
    return found


def _build_headers(form: OutputFormat, opened: EventExport) -> dict[str, str]:
    following = opened.links.next
    page_links = [f'<{following}>; rel="next"'] if following else []
    if not FEED_FORMATS[form].carries_licence:
        page_links += build_license_links(opened.feed.datasets)
    headers: dict[str, str] = {}
    if opened.empty_reason:
        headers["Entente-Reason"] = opened.empty_reason
    if opened.unsearched:
        headers["Entente-Unsearched"] = ", ".join(opened.unsearched)
    if opened.partly_recorded:
        headers["Entente-Partly-Recorded"] = ", ".join(opened.partly_recorded)
    if page_links:
        headers["Link"] = ", ".join(page_links)
    if form in DOWNLOADED_FORMATS:
        name = f"entente-events.{FEED_FORMATS[form].suffix}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return headers
