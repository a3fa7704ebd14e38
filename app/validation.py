"""Validate a value by its type, and report every error in it with its location. Pure."""

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.errors import Fault, InvalidBodyError
from app.validation_words import describe_invalid_value

T = TypeVar("T")
MAX_BODY_FAULTS = 1000
"""Errors reported for one body, which may contain a thousand documents."""


@dataclass(frozen=True, slots=True)
class ValidationOutcome(Generic[T]):
    """A validated value, or the errors found in it."""

    value: T | None
    faults: list[Fault]

    def require_value(self) -> T:
        """Return the value; raises `InvalidBodyError` with all errors where there is none."""
        if self.value is None:
            raise InvalidBodyError(self.faults)
        return self.value


def validate_part(kind: TypeAdapter[T], value: object, at: list[str | int]) -> ValidationOutcome[T]:
    """Validate a part of a body; `at` is its location in the body."""
    try:
        return ValidationOutcome(kind.validate_python(value), [])
    except ValidationError as invalid:
        # Pydantic's messages do not echo the input; `input` is excluded so that answers never do.
        errors = invalid.errors(include_input=False, include_url=False)
        return ValidationOutcome(None, [_describe_error(kind, e, at) for e in errors])


def _describe_error(kind: TypeAdapter[T], error: ErrorDetails, at: list[str | int]) -> Fault:
    loc = [*at, *(str(part)[:100] if isinstance(part, str) else part for part in error["loc"])]
    if error["type"] != "extra_forbidden":
        return Fault(loc=loc, message=describe_invalid_value(error))
    near = difflib.get_close_matches(str(loc[-1]).lower(), _list_field_names(kind), 1, 0.75)
    hint = f"Did you mean {near[0]}?" if near else None
    return Fault(loc=loc, message="is not a field here", hint=hint, suggestions=near)


@lru_cache(maxsize=32)
def _list_field_names(kind: TypeAdapter[T]) -> list[str]:
    """List all field names that a model of bodies has, at any depth."""
    schema = kind.json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})
