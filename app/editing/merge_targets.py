"""Find which document survives a merge, and which are merged into it."""

from collections.abc import Callable

from app.editing.schemas import MergeBody
from app.errors import ConflictError, Fault, InvalidBodyError, MovedError, NotFoundError

FindCurrent = Callable[[str], object]
"""Finds the current document of an id; None for an unknown id, `MovedError` where it was merged."""


def find_merge_targets(
    kind: str, ident: str, sent: MergeBody, find_current: FindCurrent
) -> tuple[str, list[str]]:
    """Return (survivor, losers); raise with a fault for each that does not exist."""
    _require_path_document(kind, ident, find_current)
    named: list[tuple[str, list[str | int]]]
    if sent.into is not None:
        survivor, losers = sent.into, [ident]
        named = [(sent.into, ["body", "into"])]
    else:
        survivor, losers = ident, list(dict.fromkeys(sent.duplicates))
        named = [(name, ["body", "duplicates", n]) for n, name in enumerate(sent.duplicates)]
    if survivor in losers:
        raise ConflictError(f"This {kind} cannot be merged into itself.")
    faults = [
        fault
        for name, loc in named
        if (fault := _check_merge_target(kind, name, loc, find_current))
    ]
    if faults:
        raise InvalidBodyError(faults)
    return survivor, losers


def _require_path_document(kind: str, ident: str, find_current: FindCurrent) -> None:
    try:
        current = find_current(ident)
    except MovedError as moved:
        # A client that followed a redirect would merge the survivor, which was not asked for.
        raise ConflictError(f"It was merged already: see {moved.location}.") from moved
    if current is None:
        raise NotFoundError(f"No {kind} has that id.")


def _check_merge_target(
    kind: str, name: str, loc: list[str | int], find_current: FindCurrent
) -> Fault | None:
    try:
        current = find_current(name)
    except MovedError as moved:
        return Fault(loc=loc, message="was merged already", hint=f"See {moved.location}.")
    return None if current is not None else Fault(loc=loc, message=f"no {kind} has that id")
