"""Errors that several capabilities raise: what is wrong, apart from SQL and HTTP. Pure.

`app/http/problems.py` says which status each becomes.
"""

from collections.abc import Iterable

from pydantic import BaseModel, Field
from pydantic_core import PydanticCustomError


class Fault(BaseModel):
    """One error in a request: its location, a message, a hint, and what to send instead."""

    loc: list[str | int]
    message: str
    hint: str | None = None
    suggestions: list[str] = Field(
        [],
        description="Values to send in place of the one refused, likeliest first; names where the"
        " name of the parameter is refused.",
    )


class InvalidParameterError(Exception):
    """A query parameter is not valid; names the parameter, gives a hint and better values."""

    def __init__(
        self, field: str, message: str, hint: str | None = None, suggestions: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        loc: list[str | int] = ["query", field]
        self.fault = Fault(loc=loc, message=message, hint=hint, suggestions=list(suggestions))


class InvalidBodyError(Exception):
    """A document to be written is not valid; lists all errors in it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__(self.faults[0].message if self.faults else "")


class ConflictingBodyError(InvalidBodyError):
    """A document to be written conflicts with stored ones; lists all conflicts."""


class UnauthorizedError(Exception):
    """The key is missing, unknown, revoked or expired."""


class ForbiddenError(Exception):
    """The key is valid, but its scope does not permit this."""


class ClosedDatasetError(Exception):
    """A dataset is named that is closed to this reader, as a whole or but for its sums."""

    def __init__(self, dataset: str, *, gives_sums: bool) -> None:
        what = "The rows of the dataset" if gives_sums else "The dataset"
        more = " Its sums and shifts are open." if gives_sums else ""
        super().__init__(
            f"{what} {dataset} {'are' if gives_sums else 'is'} closed to readers without a key that"
            f" may read it.{more} /v1/datasets/{dataset} names its terms."
        )
        self.dataset = dataset


class TooManyRequestsError(Exception):
    """A client has sent too much; `retry_after` says for how many seconds it has to wait."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooCostlyError(Exception):
    """A question would have more events read than the service permits, by an estimate."""

    def __init__(self, events: int, limit: int) -> None:
        super().__init__(f"would read some {events:,} events; {limit:,} are permitted")
        self.events, self.limit = events, limit


class OutdatedError(Exception):
    """A write expected another revision than the current one."""

    def __init__(self, etag: str | None, document: str | None, message: str | None = None) -> None:
        super().__init__(message or "The document has changed, or does not exist.")
        self.etag, self.document = etag, document


class ConflictError(Exception):
    """A write conflicts with the current record."""


class MissingExtraError(Exception):
    """What was asked for needs an extra of the package that is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"This needs the extra '{extra}', which is not installed here: pip install"
            f" 'entente[{extra}]'."
        )


class UnsupportedTracingError(Exception):
    """The variables of OpenTelemetry ask for what the service cannot do."""


class FormatNotOfferedError(Exception):
    """A standard names a format that the service does not write."""


class NotFoundError(Exception):
    """Something is named that does not exist."""


class VersionAwaitedError(Exception):
    """A version is asked for that has not arrived at the standby which is asked."""

    def __init__(self, needed: int, newest: int) -> None:
        super().__init__(
            f"Version {needed} has not arrived here yet; this standby is at version {newest}."
        )


class ReadOnlyServiceError(Exception):
    """A write was sent to a service whose only database is a standby."""

    def __init__(self) -> None:
        super().__init__("The database of this service is a standby, which takes no writes.")


class MovedError(Exception):
    """A document is named that was merged into another; `location` is the survivor's path."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def make_crossed_error(field: str, message: str, hint: str) -> PydanticCustomError:
    """Return the error that a model validator raises where two parameters contradict each other."""
    # Pydantic would read braces as placeholders.
    plain = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError("crossed", plain, {"field": field, "hint": hint})
