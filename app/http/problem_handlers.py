"""How each error becomes a problem response: its status, its errors and its hints."""

import difflib
import json
import logging
import re

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from app.db.failures import classify_failure, describe_cause
from app.errors import (
    ClosedDatasetError,
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
    TooCostlyError,
    TooManyRequestsError,
    UnauthorizedError,
    VersionAwaitedError,
)
from app.http.database_problems import DATABASE_PROBLEMS
from app.http.problems import (
    MAX_FAULTS,
    NotAcceptableError,
    OpenApiPart,
    UnreadableRequestError,
    render_problem,
    summarize_faults,
)
from app.lineages import StateGoneError
from app.validation import MAX_BODY_FAULTS
from app.validation_words import describe_invalid_value

log = logging.getLogger("entente.problems")

STATUSES: dict[type[Exception], int] = {
    UnauthorizedError: 401,
    ForbiddenError: 403,
    ClosedDatasetError: 403,
    NotFoundError: 404,
    NotAcceptableError: 406,
    ConflictError: 409,
    ConflictingBodyError: 409,
    StateGoneError: 410,
    OutdatedError: 412,
    ReadOnlyServiceError: 421,
    TooCostlyError: 422,
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

NARROWING = ("actor", "between", "since", "until", "dataset", "type", "limit")
"""Parameters that make a question cheaper, the most effective first."""


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
    message = describe_invalid_value(error)
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


def _handle_closed_dataset(_: Request, error: Exception) -> Response:
    title = "The dataset is closed"
    return render_problem(find_status(error), str(error), slug="closed-dataset", title=title)


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
        seconds = request.app.state.settings.query_seconds
        return _render_costly_question(request, f"takes longer than {seconds:g} seconds")
    known = DATABASE_PROBLEMS[kind]
    answer = render_problem(known.status, known.detail, slug=kind, title=known.title)
    if known.retry_after is not None:
        answer.headers["Retry-After"] = str(known.retry_after)
    return answer


def _handle_costly_question(request: Request, error: Exception) -> Response:
    return _render_costly_question(request, str(error))


def _render_costly_question(request: Request, message: str) -> Response:
    """Say which of the parameters that narrow a question are not used yet."""
    known = _list_parameters(request)
    unused = [n for n in NARROWING if n in known and n not in request.query_params]
    hint = f"Narrow it, by {', '.join(unused)}." if unused else "Ask for a shorter period."
    fault = Fault(loc=["query"], message=message, hint=hint)
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
        ClosedDatasetError: _handle_closed_dataset,
        VersionAwaitedError: _handle_awaited_version,
        ReadOnlyServiceError: _handle_read_only_service,
        TooManyRequestsError: _handle_too_many,
        TooCostlyError: _handle_costly_question,
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
