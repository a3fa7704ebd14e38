"""What a form is made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.sources.schemas import Dataset


@dataclass(frozen=True, slots=True)
class Feed:
    """Documents in chunks, and what stands beside them."""

    chunks: Iterator[list[str]]
    cited: list[Dataset]
    version: int
    here: str
    """The address that was asked, relative to the host."""
    fields: tuple[str, ...] = ()
    onward: Callable[[], str | None] = lambda: None
    """The address of what follows; known once the chunks are read."""
    clusters: "list[Cluster] | None" = None
    """In place of the events, where there are too many to draw."""
    bom: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """Events of a stretch of days that are drawn as one."""

    start: str
    end: str
    count: int
    titles: tuple[str, ...]
    """The weightiest."""


Write = Callable[[Feed], Iterator[bytes]]
