"""How each error becomes a problem response (RFC 9457)."""

import difflib
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from app.db.failures import classify_failure, describe_cause
from app.errors import (
    ConflictError,
    ConflictingBodyError,
    Fault,
    ForbiddenError,
    FormatNotOfferedError,
    InvalidBodyError,
    InvalidParameterError,
    MissingExtraError,
    MovedError,
    NotFoundError,
    OutdatedError,
    ReadOnlyServiceError,
    TooManyRequestsError,
    UnauthorizedError,
    VersionAwaitedError,
)
from app.http.database_problems import DATABASE_PROBLEMS
from app.lineages import StateGoneError
from app.validation import MAX_BODY_FAULTS

log = logging.getLogger("entente.problems")


class Problem(BaseModel):
    """A problem response (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/invalid",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "1 error: actor",
                    "errors": [
                        {
                            "loc": ["query", "actor"],
                            "message": "no actor is called 'Armenai'",
                            "hint": "Did you mean ARM (Armenia)?",
                            "suggestions": ["ARM"],
                        }
                    ],
                }
            ]
        }
    )
    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    current: dict[str, object] | None = Field(
        None, description="After a 412: the current document, as `etag` and `document`."
    )


class UnreadableRequestError(Exception):
    """The request cannot be read at all; `status` says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotAcceptableError(Exception):
    """The `Accept` header accepts none of the available formats."""


PROBLEM_TITLES = {
    400: "The request cannot be read",
    401: "A key is required",
    403: "The key does not permit this",
    404: "Not found",
    405: "Method not allowed",
    406: "Format not available",
    408: "The request took too long to arrive",
    409: "The request conflicts with the current record",
    410: "The database has left that history",
    412: "The document has changed",
    413: "The request is too large",
    414: "The address is too long",
    415: "Content type not supported",
    416: "The range lies outside of the file",
    421: "The request is for another host",
    422: "The request is not valid",
    429: "Too many requests",
    431: "The headers are too large",
    500: "The server failed",
    501: "Not available on this server",
    503: "The service is unavailable",
    507: "The server has no space left",
}
PROBLEM_SLUGS = {
    400: "unreadable",
    401: "key-needed",
    403: "key-too-narrow",
    404: "missing",
    405: "method",
    406: "format",
    408: "timeout",
    409: "conflict",
    410: "history-left",
    412: "outdated",
    413: "too-large",
    414: "address",
    415: "content-type",
    416: "range",
    421: "host",
    422: "invalid",
    429: "rate",
    431: "headers",
    500: "failed",
    501: "not-installed",
    503: "unavailable",
    507: "full",
}

STATUSES: dict[type[Exception], int] = {
    UnauthorizedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    NotAcceptableError: 406,
    ConflictError: 409,
    ConflictingBodyError: 409,
    StateGoneError: 410,
    OutdatedError: 412,
    ReadOnlyServiceError: 421,
    TooManyRequestsError: 429,
    InvalidParameterError: 422,
    InvalidBodyError: 422,
    RequestValidationError: 422,
    MissingExtraError: 501,
    FormatNotOfferedError: 501,
    VersionAwaitedError: 503,
    DataError: 422,
    IntegrityError: 422,
    DBAPIError: 503,
    PoolTimeoutError: 503,
}
"""The status of each error; the nearest class in this table counts.

`MovedError` redirects, `UnreadableRequestError` and `HTTPException` carry their own status, and any
other error is a 500.
"""

MAX_FAULTS = 20
"""Errors reported for one query; further ones are left out."""

NARROWING = ("actor", "between", "since", "until", "dataset", "type", "limit")
"""Parameters that make a question cheaper, the most effective first."""

PROBLEM_RESPONSE = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
OpenApiPart = dict[str, Any]
"""A part of an OpenAPI document, in the type that the framework has for it."""
Responses = dict[int | str, OpenApiPart]
"""The answers of a route by status, as an OpenAPI document describes them."""
COMMON_RESPONSES: Responses = {422: {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[422]}}


def render_problem(
    status: int,
    detail: str,
    errors: Iterable[Fault] = (),
    current: dict[str, object] | None = None,
    *,
    slug: str | None = None,
    title: str | None = None,
) -> Response:
    """Render a problem as a response; `slug` and `title` say more than the status does."""
    found = Problem(
        type=f"/problems/{slug or PROBLEM_SLUGS.get(status, str(status))}",
        title=title or PROBLEM_TITLES.get(status, "The request failed"),
        status=status,
        detail=detail,
        errors=list(errors),
        current=current,
    )
    left_out = {"current"} if current is None else None
    body = found.model_dump_json(exclude=left_out)
    # Caches keep a 404 or 410 without being asked to (RFC 9110, 15.1).
    headers = {"Cache-Control": "no-store"}
    return Response(body, status, headers, media_type="application/problem+json")


def find_status(error: Exception) -> int:
    """Find the status of an error by its class."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def _find_operations(request: Request) -> OpenApiPart:
    route = request.scope.get("route")
    path = getattr(route, "path_format", getattr(route, "path", ""))
    found: OpenApiPart = request.app.openapi()["paths"].get(path, {})
    return found


def _list_methods(request: Request) -> set[str]:
    return {method.upper() for method in _find_operations(request)}


def _list_parameters(request: Request) -> set[str]:
    """Return the names of the parameters that a route describes, of its own and shared ones."""
    shared = request.app.openapi()["components"].get("parameters", {})
    operation = _find_operations(request).get(request.method.lower(), {})
    listed = operation.get("parameters", ())
    return {shared.get(p.get("$ref", "").rpartition("/")[2], p)["name"] for p in listed}


def _describe_validation_error(error: ErrorDetails) -> Fault:
    # Pydantic's messages do not echo the input; what is made of `input` here are known values.
    loc, hint, near = list(error["loc"]), None, list[str]()
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "crossed":
        loc, hint = [*loc, error["ctx"]["field"]], error["ctx"]["hint"]
    if error["type"] == "extra_forbidden":
        known = error.get("ctx", {}).get("known", [])
        near = difflib.get_close_matches(str(loc[-1])[:100].lower(), known, 3, 0.5)
        message = "is not a parameter of this path"
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known) or 'none'}."
        loc[-1] = str(loc[-1])[:100].encode("utf-8", "replace").decode()
    if error["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        near = _find_nearest(str(error["input"])[:100], known)
        hint = f"Did you mean {' or '.join(near)}?" if near else None
    if error["type"] == "value_error":
        near = list(getattr(error["ctx"]["error"], "suggestions", ()))
    return Fault(loc=loc, message=message, hint=hint, suggestions=near)


def _find_nearest(sent: str, known: list[str]) -> list[str]:
    """Find the values that a text can be a slip of, whatever its case."""
    by_folded = {value.lower(): value for value in known}
    return [by_folded[near] for near in difflib.get_close_matches(sent.lower(), by_folded, 3, 0.6)]


def _handle_invalid(_: Request, error: Exception) -> Response:
    if isinstance(error, InvalidParameterError):
        faults = [error.fault]
    else:
        assert isinstance(error, RequestValidationError)
        faults = [_describe_validation_error(e) for e in error.errors()[:MAX_FAULTS]]
    return render_problem(find_status(error), summarize_faults(faults), faults)


def summarize_faults(faults: list[Fault]) -> str:
    """Return the number of errors and the fields they are in: `2 errors: actor, since`."""
    fields = ", ".join(dict.fromkeys(str((f.loc[1:] or f.loc)[0]) for f in faults[:MAX_FAULTS]))
    return f"{len(faults)} error{'s' if len(faults) != 1 else ''}: {fields}"


def _handle_invalid_body(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    faults = error.faults[:MAX_BODY_FAULTS]
    more = "; there may be more" if len(error.faults) >= MAX_BODY_FAULTS else ""
    return render_problem(find_status(error), summarize_faults(faults) + more, faults)


def _handle_unreadable(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnreadableRequestError)
    answer = render_problem(error.status, str(error))
    if error.status in (408, 413):  # the rest of the body is not read
        answer.headers["Connection"] = "close"
    return answer


def _handle_outdated(_: Request, error: Exception) -> Response:
    assert isinstance(error, OutdatedError)
    current = None
    if error.document is not None:
        current = {"etag": error.etag, "document": json.loads(error.document)}
    answer = render_problem(find_status(error), str(error), current=current)
    if error.etag is not None:
        answer.headers["ETag"] = error.etag
    return answer


def _handle_plain(_: Request, error: Exception) -> Response:
    return render_problem(find_status(error), str(error))


def _handle_left_history(_: Request, error: Exception) -> Response:
    assert isinstance(error, StateGoneError)
    hint = (
        f"The database is now in lineage {error.current}: ask without as_of, cursor or after for"
        f" the present, or give lineage={error.current} with a version of it."
    )
    fault = Fault(loc=["query", "lineage"], message="is of a history that was left", hint=hint)
    return render_problem(find_status(error), str(error), [fault])


def _handle_too_many(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyRequestsError)
    answer = _handle_plain(request, error)
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _handle_awaited_version(_: Request, error: Exception) -> Response:
    assert isinstance(error, VersionAwaitedError)
    answer = render_problem(503, str(error), slug="behind", title="The version has not arrived yet")
    answer.headers["Retry-After"] = "1"
    return answer


def _handle_read_only_service(request: Request, error: Exception) -> Response:
    writer = request.app.state.settings.writer_url
    to = f"Send writes to {writer}." if writer else "Send writes to a service on its primary."
    return render_problem(
        421, f"{error} {to}", slug="standby", title="This service takes no writes"
    )


def _handle_unauthorized(request: Request, error: Exception) -> Response:
    answer = _handle_plain(request, error)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="entente"'
    return answer


def _handle_refused_value(_: Request, error: Exception) -> Response:
    # The database's message quotes the statement, so it is only logged.
    fault = Fault(loc=["query"], message="contains a value that the database cannot store")
    return render_problem(find_status(error), "1 error: query", [fault])


def _handle_moved(request: Request, error: Exception) -> Response:
    assert isinstance(error, MovedError)
    query = request.url.query  # `as_of` and other parameters apply to the survivor too
    return Response(
        status_code=308, headers={"Location": error.location + (f"?{query}" if query else "")}
    )


def _handle_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 405:
        allowed = set(headers.pop("Allow", "").split(", ")) | _list_methods(request)
        allowed |= {"HEAD"} if "GET" in allowed else set()
        headers["Allow"] = ", ".join(sorted(allowed - {""}))
        detail = f"Allowed methods: {headers['Allow']}."
    elif error.status_code == 404 and detail == "Not Found":  # the framework's: no such route
        slash = request.url.path.rstrip("/") and request.url.path.endswith("/")
        detail = "Omit the slash at the end." if slash else "/docs lists all paths."
    answer = render_problem(error.status_code, detail)
    answer.headers.update(headers)
    return answer


def _handle_database_failure(request: Request, error: Exception) -> Response:
    kind = classify_failure(error)
    if kind is None:  # a fault of the statement, and so of this program
        log.error("a statement failed: %s", describe_cause(error), exc_info=error)
        return _render_unforeseen(request)
    level = logging.INFO if kind == "query-time" else logging.ERROR
    log.log(level, "the database failed: %s: %s", kind, describe_cause(error))
    if kind == "query-time":
        return _render_costly_question(request)
    known = DATABASE_PROBLEMS[kind]
    answer = render_problem(known.status, known.detail, slug=kind, title=known.title)
    if known.retry_after is not None:
        answer.headers["Retry-After"] = str(known.retry_after)
    return answer


def _render_costly_question(request: Request) -> Response:
    """Say which of the parameters that narrow a question are not used yet."""
    known = _list_parameters(request)
    unused = [n for n in NARROWING if n in known and n not in request.query_params]
    hint = f"Narrow it, by {', '.join(unused)}." if unused else "Ask for a shorter period."
    seconds = request.app.state.settings.query_seconds
    fault = Fault(loc=["query"], message=f"takes longer than {seconds:g} seconds", hint=hint)
    return render_problem(422, "1 error: query", [fault], slug="too-costly",
                          title="The question takes too long")  # fmt: skip


def _render_unforeseen(request: Request) -> Response:
    request_id = request.scope.get("state", {}).get("request_id", "")
    detail = f"The server's log has the details of request {request_id}; nothing was changed."
    return render_problem(500, detail)


def _handle_unforeseen(request: Request, _error: Exception) -> Response:
    answer = _render_unforeseen(request)  # the server logs the traceback
    # Answered outside of all middleware, which adds the id to other answers.
    answer.headers["X-Request-Id"] = str(request.scope.get("state", {}).get("request_id", ""))
    return answer


def add_problem_handlers(app: FastAPI) -> None:
    """Register a handler for every error, so that each becomes a problem response."""
    handlers = {
        **dict.fromkeys(STATUSES, _handle_plain),
        UnauthorizedError: _handle_unauthorized,
        VersionAwaitedError: _handle_awaited_version,
        ReadOnlyServiceError: _handle_read_only_service,
        TooManyRequestsError: _handle_too_many,
        RequestValidationError: _handle_invalid,
        InvalidParameterError: _handle_invalid,
        InvalidBodyError: _handle_invalid_body,
        ConflictingBodyError: _handle_invalid_body,
        UnreadableRequestError: _handle_unreadable,
        OutdatedError: _handle_outdated,
        StateGoneError: _handle_left_history,
        MovedError: _handle_moved,
        HTTPException: _handle_http_exception,
        DataError: _handle_refused_value,
        IntegrityError: _handle_refused_value,
        DBAPIError: _handle_database_failure,
        PoolTimeoutError: _handle_database_failure,
        Exception: _handle_unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
