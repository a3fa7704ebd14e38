"""Versions of one request: the one its answer must contain, and the one it was answered from.

The version of the database is the token by which readers of standbys see what they have written
(decision 024). Code that runs outside of a request needs none.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from app.errors import InvalidParameterError, VersionAwaitedError
from app.lineages import Version


@dataclass(slots=True)
class RequestVersions:
    """What a request needs, and what it has read."""

    needed: int = 0
    """The version that the answer must contain; 0 for any."""
    lineage: str | None = None
    """The lineage of a version that is required by header."""
    is_required: bool = False
    """Whether a header requires the version, and not only a position within the answer."""
    instant: str | None = None
    """The instant whose version the answer must contain, as stored."""
    is_behind: bool = False
    """Whether the answer comes from a standby that lacks what is needed."""
    read: Version | None = None
    """The version that was read, or committed by a write."""


REQUEST_VERSIONS = ContextVar[RequestVersions | None]("request_versions", default=None)


def note_version(version: Version) -> None:
    """Note the version that the answer to the current request is of."""
    asked = REQUEST_VERSIONS.get()
    if asked is not None:
        asked.read = version


def refuse_later_version(field: str, number: int, newest: int, message: str) -> None:
    """Raise the error for a version later than the newest.

    That is `VersionAwaitedError` where it may exist, but has not arrived at the standby that was
    asked, else `InvalidParameterError`: the writer knows every version.
    """
    refuse_while_behind(number, newest)
    raise InvalidParameterError(field, message, f"Newest: {newest}.")


def refuse_while_behind(number: int, newest: int) -> None:
    """Raise `VersionAwaitedError` where a standby was asked that lacks this version."""
    asked = REQUEST_VERSIONS.get()
    if asked is not None and asked.is_behind and number > newest:
        raise VersionAwaitedError(number, newest)
