"""Find which document survives a merge, and which are merged into it."""

from collections.abc import Callable

from app.editing.schemas import MergeBody
from app.http.problems import ConflictError, Fault, InvalidBodyError, MissingError, MovedError

Standing = Callable[[str], object]
"""Finds the current document of an id; None for an unknown id, `MovedError` where it was merged."""


def sides(kind: str, ident: str, sent: MergeBody, find_current: Standing) -> tuple[str, list[str]]:
    """Return (survivor, losers); raise with a fault for each that does not exist."""
    _stands_here(kind, ident, find_current)
    named: list[tuple[str, list[str | int]]]
    if sent.into is not None:
        survivor, losers = sent.into, [ident]
        named = [(sent.into, ["body", "into"])]
    else:
        survivor, losers = ident, list(dict.fromkeys(sent.duplicates))
        named = [(name, ["body", "duplicates", n]) for n, name in enumerate(sent.duplicates)]
    if survivor in losers:
        raise ConflictError(f"This {kind} cannot be merged into itself.")
    faults = [fault for name, loc in named if (fault := _fault(kind, name, loc, find_current))]
    if faults:
        raise InvalidBodyError(faults)
    return survivor, losers


def _stands_here(kind: str, ident: str, find_current: Standing) -> None:
    try:
        current = find_current(ident)
    except MovedError as moved:
        # A client that followed a redirect would merge the survivor, which was not asked for.
        raise ConflictError(f"It was merged already: see {moved.location}.") from moved
    if current is None:
        raise MissingError(f"No {kind} has that id.")


def _fault(kind: str, name: str, loc: list[str | int], find_current: Standing) -> Fault | None:
    try:
        current = find_current(name)
    except MovedError as moved:
        return Fault(loc=loc, message="was merged already", hint=f"See {moved.location}.")
    return None if current is not None else Fault(loc=loc, message=f"no {kind} has that id")
