"""Refuse repeated query parameters and malformed numbers, which the framework would accept.

FastAPI takes the last of several values where one is expected, and reads `1_000`, `+5` and ` 5 ` as
numbers.
"""

import re
from collections import Counter
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from app.http.problems import list_query_parameters

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_LIKE_A_NUMBER = re.compile(r"\s*[+-]?[0-9_.]+([eE][+-]?[0-9_]+)?\s*")


def is_malformed_number(value: str) -> bool:
    """Return whether a value resembles a number but is not a plain integer."""
    return _LIKE_A_NUMBER.fullmatch(value) is not None and _WHOLE.fullmatch(value) is None


async def require_strict_parameters(request: Request) -> None:
    """Refuse repeated values where one is expected, and numbers that are not in plain digits."""
    asked = request.query_params.multi_items()
    several = {name for name, n in Counter(name for name, _ in asked).items() if n > 1}
    unlike = [(name, value) for name, value in asked if is_malformed_number(value)]
    if not several and not unlike:
        return  # nearly always; looking into the OpenAPI document is slow
    kinds = {p["name"]: _schema_type(p["schema"]) for p in list_query_parameters(request)}
    faults = [
        _make_error(name, "appears more than once", "once")
        for name in sorted(several)
        if kinds.get(name, "array").partition(" ")[0] != "array"
    ]
    for name, value in unlike:
        kind = kinds.get(name, "").rpartition(" ")[2]
        if kind == "integer" or (kind == "number" and not _NUMBER.fullmatch(value)):
            faults.append(_make_error(name, "must be a number in plain digits", "digits"))
    if faults:
        raise RequestValidationError(faults)


def _make_error(name: str, message: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("query", name), "msg": message}


def _schema_type(schema: dict[str, Any]) -> str:
    """Return a schema's type: `integer`, `string` …, or `array integer` for a repeatable one."""
    for one in (schema, *schema.get("anyOf", ())):
        kind = one.get("type")
        if kind == "array":
            return f"array {_schema_type(one.get('items', {}))}"
        if kind not in (None, "null"):
            return str(kind)
    return ""
