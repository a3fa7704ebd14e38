"""Serve the files of the explorer as they are, without a build step or external resources."""

import hashlib
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import Request, Response

from app.errors import NotFoundError
from app.explorer.strings import fill_in_strings
from app.http.prefix_router import PrefixRouter

router = PrefixRouter(include_in_schema=False)
HEAD = re.compile(r"<title>.*?</title>\s*<meta name=\"description\"[^>]*>", re.DOTALL)
"""What the head of a view takes the place of."""
FOLDER = files("app") / "explorer" / "static"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self';"
        " img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The policy keeps a mistake in the page from loading other sites or running a title as code."""
SERVICE_LINKS = (
    '</.well-known/api-catalog>; rel="api-catalog", </openapi.json>; rel="service-desc",'
    ' </docs>; rel="service-doc"'
)
"""Where programs that ask for the first page find the API (RFC 9727, RFC 8631)."""


@router.get("/")
def serve_explorer(request: Request) -> Response:
    """Serve the page of the explorer, whose head says what the view of its address shows."""
    request.app.state.start_renderer()  # most views ask for a chart next
    head: str = request.app.state.page_head(request)
    page = read_explorer_files()["index.html"][1].decode()
    body = HEAD.sub(lambda _: head.rstrip(), page, count=1).encode()
    answer = build_body_response(request, body, KINDS[".html"])
    answer.headers["Link"] = SERVICE_LINKS
    return answer


@router.get("/explorer/{name:path}")
async def serve_explorer_file(name: str, request: Request) -> Response:
    """Serve a file of the explorer."""
    return build_file_response(request, name)


def build_file_response(request: Request, name: str) -> Response:
    """Build the response with a file and its ETag; `NotFoundError` for an unknown name."""
    found = read_explorer_files().get(name)
    if found is None:
        raise NotFoundError("The explorer has no such file.")
    return build_body_response(request, found[1], KINDS[name[name.rindex(".") :]], found[0])


def build_body_response(
    request: Request, body: bytes, kind: str, tag: str | None = None
) -> Response:
    """Build the response with a body and its ETag, which is made from the body where it is None."""
    tag = tag or make_tag(body)
    headers = {**HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def make_tag(body: bytes) -> str:
    """Make the ETag of a body."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


@cache
def read_explorer_files() -> dict[str, tuple[str, bytes]]:
    """Read every file once, by name, with its ETag."""
    # Names are looked up in this dictionary, so no path in a request can reach another file.
    found: dict[str, tuple[str, bytes]] = {}
    for name, part in _list_files(FOLDER, ""):
        body = part.read_bytes()
        if name.endswith(".html"):
            body = fill_in_strings(body.decode()).encode()
        found[name] = (make_tag(body), body)
    return found


def _list_files(folder: Traversable, before: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for part in folder.iterdir():
        if part.is_dir():
            found += _list_files(part, f"{before}{part.name}/")
        elif part.name[part.name.rfind(".") :] in KINDS:
            found.append((before + part.name, part))
    return found
