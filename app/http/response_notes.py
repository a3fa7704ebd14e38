"""What the OpenAPI document says of the answers of every operation: statuses and headers."""

from collections.abc import Iterator
from typing import Any

from app.http.problems import PROBLEM_SLUGS, PROBLEM_TITLES

Part = dict[str, Any]
HEADERS = {
    "Entente-Version": "Version of the database that the answer is of; send it as"
    " `Entente-Min-Version` to read that one or a later one.",
    "Accept-Ranges": "`bytes`: the file can be read in parts.",
    "Content-Range": "Which bytes of how many this is.",
    "ETag": "Version of the answer; send it as `If-None-Match` to get a 304 while nothing changed.",
    "Cache-Control": "How long the answer may be kept before it is asked for again.",
    "Link": "Addresses by relation (RFC 8288): `next` page, `license`.",
    "Location": "Address of what was made, or of where it is now.",
    "Repr-Digest": "SHA-256 of the whole file (RFC 9530).",
    "Retry-After": "Seconds to wait before the next request.",
    "WWW-Authenticate": "How to send a key.",
    "X-Request-Id": "Names this request in the log of the service.",
}
"""Headers of answers, which all are text; others are of single formats."""
OF_EVERY_ANSWER = ("X-Request-Id",)
PAGES_THAT_NEVER_FAIL = ("/healthz", "/readyz")
WITHOUT_VERSION = ("/ogc", "/ogc/conformance")
"""Paths whose answers do not depend on the database."""
TAGS_WITHOUT_ETAG = frozenset({"service", "imports", "watches"})
"""Operations whose answers change from moment to moment."""
UNREAD = (400, 408, 414, 431)
"""Statuses of what is refused before anything is read but its address and headers."""
READING = (*UNREAD, 401, 403, 421, 422, 429, 500, 503)
"""Statuses that any read may answer, besides its own."""
WRITING = (*UNREAD, 401, 403, 409, 412, 413, 415, 421, 422, 429, 500, 503, 507)
"""Statuses that any write may answer, besides its own."""
FURTHER_SLUGS = {421: ("standby",), 503: ("behind", "busy", "unreachable", "overload")}
"""Further types of problems with a status."""
FAILING_HEADERS = {
    401: ("WWW-Authenticate",),
    412: ("ETag",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
MIN_VERSION: Part = {
    "name": "Entente-Min-Version",
    "in": "header",
    "description": "The version that the answer must contain: the `Entente-Version` of an earlier"
    " one; with its lineage as `1201.3f9c2a7e`.",
    "schema": {"type": "string", "pattern": r"^[0-9]{1,16}(\.[0-9a-f]{8})?$"},
    "example": "1201",
}
WRITE_HEADERS: dict[str, tuple[str, Part]] = {
    "IdempotencyKey": (
        "Idempotency-Key",
        {
            "description": "A text of your choice: sent again, the write is not done again, and the"
            " answer is the first one.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            "example": "load-2026-12-01-7",
        },
    ),
    "IfMatch": (
        "If-Match",
        {
            "description": "The ETag of the document as it was read: a later change by others is a"
            " 412.",
            "schema": {"type": "string"},
            "example": '"1234"',
        },
    ),
}


def make_shared_responses() -> dict[str, Part]:
    """Return the problems and the 304 that operations share, by the name of their component."""
    made: dict[str, Part] = {
        "NotModified": {
            "description": "Nothing changed since the answer with that ETag.",
            "headers": refer_to_headers("ETag", "Cache-Control", *OF_EVERY_ANSWER),
        },
        "SeeOther": {
            "description": "The page for people, which `f=html` asks for, is at `Location`.",
            "headers": refer_to_headers("Location", *OF_EVERY_ANSWER),
        },
        "Moved": {
            "description": "It was merged into another document, whose address is in `Location`.",
            "headers": refer_to_headers("Location", *OF_EVERY_ANSWER),
        },
    }
    for status in sorted({*READING, *WRITING, 404, 406, 410, 416, 501}):
        title = PROBLEM_TITLES[status]
        slugs = [PROBLEM_SLUGS[status], *FURTHER_SLUGS.get(status, ())]
        listed = " or ".join(f"`/problems/{slug}`" for slug in slugs)
        made[name_problem_response(status)] = {
            "description": f"{title}: {listed}.",
            "headers": refer_to_headers(*FAILING_HEADERS.get(status, ()), *OF_EVERY_ANSWER),
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    return made


def make_shared_headers() -> dict[str, Part]:
    """Return the headers of answers, by name."""
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }


def refer_to_headers(*names: str) -> Part:
    """Return the headers of an answer as references."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def name_problem_response(status: int) -> str:
    """Return the name of the component for a status: `KeyNeeded` for 401."""
    return "".join(word.capitalize() for word in PROBLEM_SLUGS[status].split("-"))


def list_statuses(path: str, method: str, operation: Part) -> Iterator[int]:
    """Yield the statuses of problems that an operation may answer."""
    if path in PAGES_THAT_NEVER_FAIL:
        yield from (*UNREAD, 421, 500, 503)
        return
    yield from READING if method == "get" else WRITING
    if "{" in path:
        yield 404
    for status in (406, 416):
        if method == "get" and {str(status), status} & set(operation["responses"]):
            yield status
    names = list_parameter_names(operation)
    if "501" in operation["responses"] or "format" in names:
        yield 501
    if MIN_VERSION["name"] in names:  # it may be of a history that the database has left
        yield 410
    if method != "get":
        yield 404


def list_parameter_names(operation: Part) -> set[str]:
    """List the names of the parameters of an operation."""
    return {str(parameter.get("name")) for parameter in operation.get("parameters", ())}


def complete_responses(path: str, method: str, operation: Part) -> None:
    """Write statuses and headers of an operation in place."""
    responses = operation["responses"]
    if {"200", "201"} <= responses.keys():  # the same document, whether it was there or not
        [(kind, content)] = responses["201"]["content"].items()
        content.setdefault("schema", responses["200"]["content"][kind]["schema"])
    has_etag = not TAGS_WITHOUT_ETAG & set(operation["tags"])
    for status, response in responses.items():
        if not status.startswith("2"):
            continue
        names = [*OF_EVERY_ANSWER]
        if "service" not in operation["tags"] and path not in WITHOUT_VERSION:
            names.append("Entente-Version")
        if has_etag:
            names += ["ETag", "Cache-Control", "Link"] if method == "get" else ["ETag"]
        if status in ("201", "202"):
            names.append("Location")
        response["headers"] = refer_to_headers(*names) | response.get("headers", {})
    if method == "get" and has_etag:
        responses["304"] = {"$ref": "#/components/responses/NotModified"}
    if method == "get" and path.count("{") == 1 and path.startswith(("/v1/events/", "/v1/actors/")):
        responses["308"] = {"$ref": "#/components/responses/Moved"}
    if "f" in list_parameter_names(operation):
        responses["303"] = {"$ref": "#/components/responses/SeeOther"}
    for status in set(list_statuses(path, method, operation)):
        name = name_problem_response(status)
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    responses.pop("default", None)
    operation["responses"] = dict(sorted(responses.items()))
