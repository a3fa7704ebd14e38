"""Errors as RFC 9457 problems: one table from error class to status."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException


class Fault(BaseModel):
    """One thing wrong with a request: where, what, and a way out."""

    loc: list[str | int]
    message: str
    hint: str | None = None


class Problem(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/invalid",
                    "title": "The request is not valid",
                    "status": 422,
                    "detail": "1 thing to mend: actor",
                    "errors": [
                        {
                            "loc": ["query", "actor"],
                            "message": "no actor is called 'Armenai'",
                            "hint": "Did you mean ARM (Armenia)?",
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
    current: dict[str, Any] | None = Field(
        None, description="After a 412: what stands, with its `etag` and `document`."
    )


class InvalidError(Exception):
    """What was asked cannot be understood; names the field and a way out."""

    def __init__(self, field: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(loc=["query", field], message=message, hint=hint)


class InvalidBodyError(Exception):
    """What was sent cannot be written; names every fault of it."""

    def __init__(self, faults: Iterable[Fault], status: int = 422) -> None:
        self.faults = list(faults)
        self.status = status
        super().__init__(self.faults[0].message if self.faults else "")


class UnreadableError(Exception):
    """The request cannot be read at all; knows the status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnauthorizedError(Exception):
    """The key is missing, or none of ours, or no longer one."""


class ForbiddenError(Exception):
    """The key is good, but not for this."""


class OutdatedError(Exception):
    """The write was made for another state than the one that stands."""

    def __init__(self, etag: str | None, document: str | None) -> None:
        super().__init__("The document has changed since, or is not there.")
        self.etag, self.document = etag, document


class ConflictError(Exception):
    """What was asked does not go together with what stands."""


def crossed(field: str, message: str, hint: str) -> PydanticCustomError:
    """What a validator of a whole query raises where two fields do not go together."""
    told = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError("crossed", told, {"field": field, "hint": hint})


class MissingError(Exception):
    """What the path names does not exist."""


class NotOfferedError(Exception):
    """The reader accepts none of the forms that there are."""


class MovedError(Exception):
    """What the path names lives on under another id."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


TITLES = {
    400: "The request cannot be read",
    401: "This needs a key",
    403: "The key is not for this",
    404: "There is no such thing",
    405: "That method is not offered here",
    406: "That format is not offered here",
    408: "The request took too long to come",
    409: "It does not go together with what stands",
    412: "It has changed since",
    413: "The request is too large",
    414: "The address is too long",
    415: "That kind of content is not taken here",
    422: "The request is not valid",
    431: "The headers are too large",
    500: "Something failed on our side",
    503: "The service cannot answer now",
    507: "There is no room for it",
}
SLUGS = {
    400: "unreadable",
    401: "key-needed",
    403: "key-too-narrow",
    404: "missing",
    405: "method",
    406: "format",
    408: "timeout",
    409: "conflict",
    412: "outdated",
    413: "too-large",
    414: "address",
    415: "content-type",
    422: "invalid",
    431: "headers",
    507: "full",
}

MOST_FAULTS = 20
"""Faults told of one request; whoever sends more mends these first."""

MOST_FAULTS_OF_BODY = 1000
"""Faults told of one body, which may hold a thousand documents."""

PROBLEM = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
RESPONSES: dict[int | str, dict[str, Any]] = {422: {**PROBLEM, "description": TITLES[422]}}


def problem(
    status: int,
    detail: str,
    errors: Iterable[Fault] = (),
    current: dict[str, Any] | None = None,
) -> Response:
    """The response that tells a problem."""
    found = Problem(
        type=f"/problems/{SLUGS.get(status, str(status))}",
        title=TITLES.get(status, "The request was not answered"),
        status=status,
        detail=detail,
        errors=list(errors),
        current=current,
    )
    apart = {"current"} if current is None else None
    body = found.model_dump_json(exclude=apart)
    return Response(body, status, media_type="application/problem+json")


def _operations(request: Request) -> dict[str, Any]:
    route = request.scope.get("route")
    path = getattr(route, "path_format", getattr(route, "path", ""))
    found: dict[str, Any] = request.app.openapi()["paths"].get(path, {})
    return found


def parameters(request: Request) -> list[dict[str, Any]]:
    """The parameters of a request's query, as the document has them."""
    asked = _operations(request).get(request.method.lower(), {}).get("parameters", [])
    return [p for p in asked if p["in"] == "query"]


def _names(request: Request) -> list[str]:
    return [p["name"] for p in parameters(request)]


def _methods(request: Request) -> set[str]:
    return {method.upper() for method in _operations(request)}


def _fault(request: Request, error: dict[str, Any]) -> Fault:
    # Pydantic's message never echoes the input; its `input` is left out on purpose.
    loc, hint = list(error["loc"]), None
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "crossed":
        loc, hint = [*loc, error["ctx"]["field"]], error["ctx"]["hint"]
    if error["type"] == "extra_forbidden":
        known = _names(request)
        near = difflib.get_close_matches(str(loc[-1])[:100].lower(), known, 1, 0.5)
        message = "is not a parameter here"
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known) or 'none'}."
        loc[-1] = str(loc[-1])[:100].encode("utf-8", "replace").decode()
    return Fault(loc=loc, message=message, hint=hint)


def _invalid(request: Request, error: Exception) -> Response:
    if isinstance(error, InvalidError):
        faults = [error.fault]
    else:
        assert isinstance(error, RequestValidationError)
        faults = [_fault(request, e) for e in error.errors()[:MOST_FAULTS]]
    return problem(422, told(faults), faults)


def told(faults: list[Fault]) -> str:
    """How many things there are to mend, and in which fields."""
    fields = ", ".join(dict.fromkeys(str((f.loc[1:] or f.loc)[0]) for f in faults[:MOST_FAULTS]))
    return f"{len(faults)} to mend: {fields}"


def _invalid_body(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    faults = error.faults[:MOST_FAULTS_OF_BODY]
    more = "; there may be more" if len(error.faults) >= MOST_FAULTS_OF_BODY else ""
    return problem(error.status, told(faults) + more, faults)


def _unreadable(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnreadableError)
    answer = problem(error.status, str(error))
    if error.status in (408, 413):  # the rest of the body is not waited for
        answer.headers["Connection"] = "close"
    return answer


def _outdated(_: Request, error: Exception) -> Response:
    assert isinstance(error, OutdatedError)
    stands = None
    if error.document is not None:
        stands = {"etag": error.etag, "document": json.loads(error.document)}
    answer = problem(412, str(error), current=stands)
    if error.etag is not None:
        answer.headers["ETag"] = error.etag
    return answer


def _conflict(_: Request, error: Exception) -> Response:
    return problem(409, str(error))


def _unauthorized(_: Request, error: Exception) -> Response:
    answer = problem(401, str(error))
    answer.headers["WWW-Authenticate"] = 'Bearer realm="entente"'
    return answer


def _forbidden(_: Request, error: Exception) -> Response:
    return problem(403, str(error))


def _refused(_: Request, _error: Exception) -> Response:
    # The database's own message quotes the statement: it stays in the log.
    fault = Fault(loc=["query"], message="holds a value that the database cannot take")
    return problem(422, "1 to mend: query", [fault])


def _missing(_: Request, error: Exception) -> Response:
    return problem(404, str(error))


def _moved(request: Request, error: Exception) -> Response:
    assert isinstance(error, MovedError)
    query = request.url.query  # `as_of` and the like are asked of the survivor too
    return Response(
        status_code=308, headers={"Location": error.location + (f"?{query}" if query else "")}
    )


def _not_offered(_: Request, error: Exception) -> Response:
    return problem(406, str(error))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 405:
        allowed = set(headers.pop("Allow", "").split(", ")) | _methods(request)
        allowed |= {"HEAD"} if "GET" in allowed else set()
        headers["Allow"] = ", ".join(sorted(allowed - {""}))
        told = f"Offered here: {headers['Allow']}."
    elif error.status_code == 404 and told == "Not Found":  # the framework's: no such route
        slash = request.url.path.rstrip("/") and request.url.path.endswith("/")
        told = (
            "Leave out the slash at the end." if slash else "/docs lists the addresses there are."
        )
    answer = problem(error.status_code, told)
    answer.headers.update(headers)
    return answer


def _database(_: Request, _error: Exception) -> Response:
    answer = problem(503, "The database is busy or away; nothing was changed. Try again.")
    answer.headers["Retry-After"] = "2"
    return answer


def _broken(_: Request, _error: Exception) -> Response:
    return problem(500, "The failure is in the server's log; nothing was changed.")


def add_problem_handlers(app: FastAPI) -> None:
    """Every error of the application answers as a problem."""
    handlers = {
        UnauthorizedError: _unauthorized,
        ForbiddenError: _forbidden,
        RequestValidationError: _invalid,
        InvalidError: _invalid,
        InvalidBodyError: _invalid_body,
        UnreadableError: _unreadable,
        OutdatedError: _outdated,
        ConflictError: _conflict,
        MissingError: _missing,
        MovedError: _moved,
        NotOfferedError: _not_offered,
        HTTPException: _http,
        DataError: _refused,
        IntegrityError: _refused,
        DBAPIError: _database,
        PoolTimeoutError: _database,
        Exception: _broken,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def add_problem_schema(app: FastAPI, models: Mapping[str, type[BaseModel]]) -> None:
    """The OpenAPI document tells every error as a problem, and bodies by their models."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = make()
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            documented: dict[str, type[BaseModel]] = {**models, "Problem": Problem}
            for name, model in documented.items():
                own = model.model_json_schema(ref_template="#/components/schemas/{model}")
                for part, schema in (*own.pop("$defs", {}).items(), (name, own)):
                    schemas.setdefault(part, schema)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for operations in made["paths"].values():
                for operation in operations.values():
                    operation["responses"] |= {"422": RESPONSES[422], "default": PROBLEM}
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
