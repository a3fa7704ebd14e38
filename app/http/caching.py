"""Validators: an unchanged database answers 304 from one cheap read."""

import hashlib
from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request, Response

SCHEMA_VERSION = 1
"""Raised when a rendered document gains fields."""


def cached(request: Request, version: int, make: Callable[[], Response], day: str = "") -> Response:
    """304 where the reader has this answer already, else the answer with its ETag."""
    query = f"{SCHEMA_VERSION}|{version}|{day}|{quote(request.scope['path'])}?{request.url.query}"
    digest = hashlib.blake2b(query.encode(), digest_size=12).hexdigest()
    return _tagged(request, f'W/"{digest}"', make)


def cached_one(request: Request, seqs: str, make: Callable[[], Response]) -> Response:
    """As `cached`, of one thing: its strong tag is the `seq` of its revision, to write with.

    What else the answer shows may follow after a dash; `If-Match` reads the first number only.
    """
    return _tagged(request, f'"{seqs}"', make)


def cached_body(request: Request, made: Response) -> Response:
    """As `cached`, of what changes without a new version: the tag is that of the answer itself."""
    digest = hashlib.blake2b(bytes(made.body), digest_size=12).hexdigest()
    return _tagged(request, f'W/"{digest}"', lambda: made)


def _tagged(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    # Compared weakly (RFC 9110, 13.1.2): whoever compresses on the way makes a strong tag weak.
    sent = request.headers.get("if-none-match", "").split(",")
    if tag.removeprefix("W/") in {t.strip().removeprefix("W/") for t in sent}:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
    answer = make()
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "no-cache"
    return answer
