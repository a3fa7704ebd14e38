"""ETags and 304 answers: an unchanged database is recognized by reading its version."""

import hashlib
from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request, Response

from app.http.answer_memory import AnswerMemory
from app.lineages import Version

SCHEMA_VERSION = 4
"""Part of every ETag; raised when answers change their form, so that old ETags expire."""
MAX_HEADER = 200
"""Characters of `Accept-Encoding` that are read."""
LICENCES = '</v1/datasets>; rel="license"'
"""In the `Link` header of every read: where each dataset names its licence."""


def respond_with_version_etag(
    request: Request,
    version: Version,
    make: Callable[[], Response],
    day: str = "",
    *,
    remember: bool = False,
) -> Response:
    """Return 304 where the reader has the answer of this version, else make it and add its ETag.

    `day` is part of the ETag where the answer depends on today. With `remember` the answer depends
    on nothing but its ETag, and is kept in memory where it is one of status 200.
    """
    # Not `request.url`, which is put together from the headers: a tenth of a millisecond.
    asked = request.scope["query_string"].decode("latin-1")
    query = f"{SCHEMA_VERSION}|{version.label}|{day}|{quote(request.scope['path'])}?{asked}"
    digest = hashlib.blake2b(query.encode(), digest_size=12).hexdigest()
    tag = f'W/"{digest}"'
    if remember:
        answer = respond_from_memory(request, tag, make)
    else:
        answer = _respond_with_etag(request, tag, make)
    answer.headers["Entente-Version"] = str(version)
    answer.headers["Entente-Lineage"] = version.lineage
    return answer


def respond_from_memory(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    """Return 304 or an answer that depends on nothing but its ETag, and is kept in memory."""
    memory: AnswerMemory = request.app.state.answers
    accepted = request.headers.get("accept-encoding", "")[:MAX_HEADER]
    if (unmodified := _find_unmodified(request, tag)) is not None:
        return unmodified
    known = memory.find_answer(tag)
    if known is None:
        answer = _complete_answer(make(), tag)
        if answer.status_code != 200 or type(answer) is not Response:
            return answer
        known = memory.remember_answer(tag, answer)
        if known is None:
            return answer
    return known.build_response(accepted)


def respond_with_strong_etag(request: Request, seqs: str, make: Callable[[], Response]) -> Response:
    """Return 304 or one document, whose strong ETag is the labelled `seq` of its revision.

    Writers send it in `If-Match`, which reads only the first label: `seqs` of whatever else the
    answer shows may follow after a dash.
    """
    return _respond_with_etag(request, f'"{seqs}"', make)


def respond_with_body_etag(request: Request, made: Response) -> Response:
    """Return 304 or an answer that can change within a version; its ETag hashes the body."""
    digest = hashlib.blake2b(bytes(made.body), digest_size=12).hexdigest()
    return _respond_with_etag(request, f'W/"{digest}"', lambda: made)


def _respond_with_etag(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    return _find_unmodified(request, tag) or _complete_answer(make(), tag)


def _find_unmodified(request: Request, tag: str) -> Response | None:
    """Return 304 where the reader has the answer with this ETag."""
    # Compared weakly (RFC 9110, 13.1.2): a proxy that compresses makes a strong ETag weak.
    sent = request.headers.get("if-none-match")
    if sent is None or tag.removeprefix("W/") not in {
        t.strip().removeprefix("W/") for t in sent.split(",")
    }:
        return None
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    return Response(status_code=304, headers=headers)


def _complete_answer(answer: Response, tag: str) -> Response:
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "no-cache"
    links = answer.headers.get("Link")
    if links is None:
        answer.headers["Link"] = LICENCES
    elif 'rel="license"' not in links:
        answer.headers["Link"] = f"{links}, {LICENCES}"
    return answer
