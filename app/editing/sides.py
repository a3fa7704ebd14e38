"""Who goes on in a merge, and who ends in it."""

from collections.abc import Callable
from typing import Any

from app.editing.schemas import MergeBody
from app.http.problems import ConflictError, Fault, InvalidBodyError, MissingError, MovedError

Standing = Callable[[str], Any]
"""What stands under an id; None where nothing does, `MovedError` where it was merged."""


def sides(kind: str, ident: str, sent: MergeBody, standing: Standing) -> tuple[str, list[str]]:
    """(survivor, losers); all of them stand, or the faults say which do not."""
    _stands_here(kind, ident, standing)
    named: list[tuple[str, list[str | int]]]
    if sent.into is not None:
        survivor, losers = sent.into, [ident]
        named = [(sent.into, ["body", "into"])]
    else:
        survivor, losers = ident, list(dict.fromkeys(sent.duplicates))
        named = [(name, ["body", "duplicates", n]) for n, name in enumerate(sent.duplicates)]
    if survivor in losers:
        raise ConflictError(f"This {kind} cannot be merged into itself.")
    faults = [fault for name, loc in named if (fault := _fault(kind, name, loc, standing))]
    if faults:
        raise InvalidBodyError(faults)
    return survivor, losers


def _stands_here(kind: str, ident: str, standing: Standing) -> None:
    try:
        held = standing(ident)
    except MovedError as moved:
        # A client that followed a redirect would merge the survivor, which nobody asked for.
        raise ConflictError(f"It was merged before: see {moved.location}.") from moved
    if held is None:
        raise MissingError(f"No {kind} has that id.")


def _fault(kind: str, name: str, loc: list[str | int], standing: Standing) -> Fault | None:
    try:
        held = standing(name)
    except MovedError as moved:
        return Fault(loc=loc, message="was merged before", hint=f"See {moved.location}.")
    return None if held is not None else Fault(loc=loc, message=f"no {kind} has that id")
