"""The second stage of a question about events: a filter whose names, days and version are known.

`EventFilter` is the question as asked; `resolve_filter` makes a `ResolvedFilter` of it, once for
each request; `bind_query` makes the statement. Whatever reads events takes a `ResolvedFilter`, so
that a type check refuses a filter that was not resolved. Pure.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.events.vocabulary import Effect, EventType, Role, Status

Match = Literal["possible", "certain"]


class BoundingBox(NamedTuple):
    """A box on the map, in degrees; `west` may be greater than `east`."""

    west: float
    south: float
    east: float
    north: float


class SearchCircle(NamedTuple):
    """A circle on the map: its centre in degrees, its radius in kilometres."""

    lat: float
    lon: float
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFilter:
    """The fields of `EventFilter`, in the same order and with the same meaning, resolved."""

    actor: tuple[str, ...] = ()
    """Codes, as in every field that names actors or groups."""
    between: tuple[str, ...] = ()
    initiator: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    role: tuple[Role, ...] = ()
    via: bool = True
    member_of: tuple[str, ...] = ()
    since: str | None = None
    """The first day of the window; None where it is open."""
    until: str | None = None
    """The last day of the window, inclusive; None where it is open."""
    match: Match = "possible"
    type: tuple[EventType, ...] = ()
    mode: tuple[str, ...] = ()
    cameo: tuple[str, ...] = ()
    quad: tuple[int, ...] = ()
    native: tuple[str, ...] = ()
    min_intensity: float | None = None
    max_intensity: float | None = None
    effect: tuple[Effect, ...] = ()
    country: tuple[str, ...] = ()
    bbox: BoundingBox | None = None
    near: SearchCircle | None = None
    tag: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    publisher: tuple[str, ...] = ()
    status: tuple[Status, ...] = ()
    min_reliability: str | None = None
    min_credibility: int | None = None
    min_independent_sources: int | None = None
    q: str | None = None
    """The words that are searched for, as asked."""
    known_by: str | None = None
    """The last day on which a report may have been published."""
    as_of: int | None = None
    """A version; None for the present."""
