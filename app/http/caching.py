"""ETags, 304 answers, and how long caches may keep an answer.

An unchanged database is recognized by reading its version.
"""

import hashlib
import re
from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request, Response

from app.http.answer_memory import AnswerMemory
from app.http.dependencies import get_reader
from app.http.raw_headers import find_header, read_request_header, replace_header
from app.http.recalled_answers import note_remembered
from app.lineages import Version
from app.query_models import today
from app.settings import Settings

SCHEMA_VERSION = 4
"""Part of every ETag; raised when answers change their form, so that old ETags expire."""
MAX_HEADER = 200
"""Characters of `Accept-Encoding` that are read."""
PERMALINK_SECONDS = 30 * 86400
"""How long a cache keeps the answer of a version, which never changes."""
STALE_SECONDS = 30
"""How long a shared cache may answer from an expired copy while it asks for a new one."""
LICENCES = '</v1/datasets>; rel="license"'
"""In the `Link` header of every read: where each dataset names its licence."""
_LICENCES = LICENCES.encode()
_PLAIN_PATH = re.compile("[A-Za-z0-9_.~/-]*")
"""A path that is encoded as it is."""


def respond_with_version_etag(
    request: Request,
    version: Version,
    make: Callable[[], Response],
    day: str = "",
    *,
    remember: bool = False,
) -> Response:
    """Return 304 where the reader has the answer of this version, else make it and add its ETag.

    So is what is closed to the reader: two readers share an answer only where they see the same.
    `day` is part of the ETag where the answer depends on today. With `remember` the answer depends
    on nothing but its ETag, and is kept in memory where it is one of status 200.
    """
    # Not `request.url`, which is put together from the headers: a tenth of a millisecond.
    asked = request.scope["query_string"].decode("latin-1")
    reader, path = get_reader(request), request.scope["path"]
    if not _PLAIN_PATH.fullmatch(path):
        path = quote(path)
    # What is closed or not searched is that of now, also as of a version.
    is_stable = not (reader.is_limited or (reader.misses_words and "q=" in asked))
    is_lasting = _names_version(request) and today() not in day and is_stable
    query = f"{SCHEMA_VERSION}|{version.label}|{day}|{reader.label}|{path}?{asked}"
    digest = hashlib.blake2b(query.encode(), digest_size=12).hexdigest()
    tag = f'W/"{digest}"'
    if remember:
        answer = _respond_from_memory(request, tag, make)
        is_whole = type(answer) is Response and answer.status_code == 200
        if is_whole and is_stable and today() not in day:
            note_remembered(request, tag, _read_coding(answer), version)
    else:
        answer = _respond_with_etag(request, tag, make)
    set_cache_control(request, answer, is_lasting=is_lasting)
    headers = answer.raw_headers
    replace_header(headers, b"entente-version", str(int(version)).encode())
    replace_header(headers, b"entente-lineage", version.lineage.encode())
    return answer


def _read_coding(answer: Response) -> str:
    found = find_header(answer.raw_headers, b"content-encoding")
    return "" if found is None else found.decode("latin-1")


def respond_from_memory(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    """Return 304 or an answer that depends on nothing but its ETag, and is kept in memory."""
    return set_cache_control(request, _respond_from_memory(request, tag, make))


def _respond_from_memory(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    memory: AnswerMemory = request.app.state.answers
    if (unmodified := _make_unmodified(request, tag)) is not None:
        return unmodified
    known = memory.find_answer(tag)
    if known is None:
        answer = _complete_answer(make(), tag)
        if answer.status_code != 200 or type(answer) is not Response:
            return answer
        known = memory.remember_answer(tag, answer)
        if known is None:
            return answer
    accepted = read_request_header(request.scope, b"accept-encoding") or ""
    return known.build_response(accepted[:MAX_HEADER])


def respond_with_strong_etag(request: Request, seqs: str, make: Callable[[], Response]) -> Response:
    """Return 304 or one document, whose strong ETag is the labelled `seq` of its revision.

    Writers send it in `If-Match`, which reads only the first label: `seqs` of whatever else the
    answer shows may follow after a dash.
    """
    answer = _respond_with_etag(request, f'"{seqs}"', make)
    is_lasting = _names_version(request) and today() not in seqs
    return set_cache_control(request, answer, is_lasting=is_lasting)


def respond_with_body_etag(request: Request, made: Response) -> Response:
    """Return 304 or an answer that can change within a version; its ETag hashes the body."""
    digest = hashlib.blake2b(bytes(made.body), digest_size=12).hexdigest()
    answer = _respond_with_etag(request, f'W/"{digest}"', lambda: made)
    return set_cache_control(request, answer)


def _respond_with_etag(request: Request, tag: str, make: Callable[[], Response]) -> Response:
    return _make_unmodified(request, tag) or _complete_answer(make(), tag)


def set_cache_control(request: Request, answer: Response, *, is_lasting: bool = False) -> Response:
    """Say how long caches may keep an answer, and on what it depends; returns the answer.

    `is_lasting`: the address names a version, and the answer does not depend on today.
    """
    settings: Settings = request.app.state.settings
    has_key = find_header(request.scope["headers"], b"authorization") is not None
    is_keyed = has_key or not settings.open_reading
    control = write_cache_control(
        settings.shared_cache_seconds, is_lasting=is_lasting, is_keyed=is_keyed
    )
    headers = answer.raw_headers
    replace_header(headers, b"cache-control", control.encode())
    varies = b"Authorization, Entente-Min-Version, Accept"
    if not _negotiates(request):
        varies = varies.removesuffix(b", Accept")
    before = [value for name, value in headers if name == b"vary"]
    # The middleware writes each name once.
    replace_header(headers, b"vary", b", ".join([*before, varies]) if before else varies)
    return answer


def write_cache_control(shared_seconds: int, *, is_lasting: bool, is_keyed: bool) -> str:
    """Write the header: what a key was sent for is for its reader alone."""
    if is_lasting:
        return f"{'private' if is_keyed else 'public'}, max-age={PERMALINK_SECONDS}, immutable"
    if is_keyed:
        return "private, no-cache"
    if not shared_seconds:
        return "no-cache"
    return f"public, max-age=0, s-maxage={shared_seconds}, stale-while-revalidate={STALE_SECONDS}"


def _negotiates(request: Request) -> bool:
    """Return whether the route has formats that `Accept` chooses from."""
    documented = getattr(request.scope.get("route"), "responses", {}).get(200, {})
    return len(documented.get("content", ())) > 1


def _names_version(request: Request) -> bool:
    return b"as_of=" in request.scope["query_string"] and (
        request.query_params.get("as_of", "").isdecimal()
    )


def _make_unmodified(request: Request, tag: str) -> Response | None:
    """Return 304 where the reader has the answer with this ETag."""
    if not matches_etag(read_request_header(request.scope, b"if-none-match"), tag):
        return None
    return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept-Encoding"})


def matches_etag(sent: str | None, tag: str) -> bool:
    """Return whether `If-None-Match` names an ETag."""
    # Compared weakly (RFC 9110, 13.1.2): a proxy that compresses makes a strong ETag weak.
    return sent is not None and tag.removeprefix("W/") in {
        t.strip().removeprefix("W/") for t in sent.split(",")
    }


def _complete_answer(answer: Response, tag: str) -> Response:
    headers = answer.raw_headers
    replace_header(headers, b"etag", tag.encode("latin-1"))
    links = find_header(headers, b"link")
    if links is None:
        headers.append((b"link", _LICENCES))
    elif b'rel="license"' not in links:
        replace_header(headers, b"link", links + b", " + _LICENCES)
    return answer
