"""Problem responses (RFC 9457): their fields, titles and statuses, and how they are rendered."""

from collections.abc import Iterable
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from app.errors import Fault


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

MAX_FAULTS = 20
"""Errors reported for one query; further ones are left out."""

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


def summarize_faults(faults: list[Fault]) -> str:
    """Return the number of errors and the fields they are in: `2 errors: actor, since`."""
    fields = ", ".join(dict.fromkeys(str((f.loc[1:] or f.loc)[0]) for f in faults[:MAX_FAULTS]))
    return f"{len(faults)} error{'s' if len(faults) != 1 else ''}: {fields}"
