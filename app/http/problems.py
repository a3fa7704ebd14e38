"""Errors as RFC 9457 problems: one table from error class to status."""

import difflib
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from app.http.answer import encode


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


class InvalidError(Exception):
    """What was asked cannot be understood; names the field and a way out."""

    def __init__(self, field: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(loc=["query", field], message=message, hint=hint)


def crossed(field: str, message: str, hint: str) -> PydanticCustomError:
    """What a validator of a whole query raises where two fields do not go together."""
    told = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError("crossed", told, {"field": field, "hint": hint})


class MissingError(Exception):
    """What the path names does not exist."""


class MovedError(Exception):
    """What the path names lives on under another id."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


TITLES = {
    400: "The request cannot be read",
    404: "There is no such thing",
    405: "That method is not offered here",
    406: "That format is not offered here",
    413: "The request is too large",
    422: "The request is not valid",
    500: "Something failed on our side",
    503: "The database cannot answer now",
}
SLUGS = {404: "missing", 405: "method", 406: "format", 413: "too-large", 422: "invalid"}

MOST_FAULTS = 20
"""Faults told of one request; whoever sends more mends these first."""

PROBLEM = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
RESPONSES: dict[int | str, dict[str, Any]] = {422: {**PROBLEM, "description": TITLES[422]}}


def problem(status: int, detail: str, errors: Iterable[Fault] = ()) -> Response:
    """The response that tells a problem."""
    found = Problem(
        type=f"/problems/{SLUGS.get(status, str(status))}",
        title=TITLES.get(status, "The request was not answered"),
        status=status,
        detail=detail,
        errors=list(errors),
    )
    return Response(encode(found), status, media_type="application/problem+json")


def _names(request: Request) -> list[str]:
    route = request.scope.get("route")
    path = getattr(route, "path_format", getattr(route, "path", ""))
    operations = request.app.openapi()["paths"].get(path, {})
    asked = operations.get("get", {}).get("parameters", [])
    return [p["name"] for p in asked if p["in"] == "query"]


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
    fields = ", ".join(dict.fromkeys(str((f.loc[1:] or f.loc)[0]) for f in faults))
    return problem(422, f"{len(faults)} to mend: {fields}", faults)


def _refused(_: Request, _error: Exception) -> Response:
    # The database's own message quotes the statement: it stays in the log.
    fault = Fault(loc=["query"], message="holds a value that the database cannot take")
    return problem(422, "1 to mend: query", [fault])


def _missing(_: Request, error: Exception) -> Response:
    return problem(404, str(error))


def _moved(_: Request, error: Exception) -> Response:
    assert isinstance(error, MovedError)
    return Response(status_code=308, headers={"Location": error.location})


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    allowed = answer.headers.get("allow", "").split(", ")
    if "GET" in allowed and "HEAD" not in allowed:
        answer.headers["Allow"] = ", ".join([*allowed, "HEAD"])
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
        RequestValidationError: _invalid,
        InvalidError: _invalid,
        MissingError: _missing,
        MovedError: _moved,
        HTTPException: _http,
        DataError: _refused,
        IntegrityError: _refused,
        DBAPIError: _database,
        PoolTimeoutError: _database,
        Exception: _broken,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def add_problem_schema(app: FastAPI) -> None:
    """The OpenAPI document tells every error as a problem, and as nothing else."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = make()
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            problem_schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem_schema.pop("$defs") | {"Problem": problem_schema}
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for operations in made["paths"].values():
                for operation in operations.values():
                    operation["responses"] |= {"422": RESPONSES[422], "default": PROBLEM}
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
