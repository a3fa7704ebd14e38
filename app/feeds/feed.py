"""The data that every format is written from."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from app.sources.schemas import Dataset


@dataclass(frozen=True, slots=True)
class ActorIdentity:
    """What an actor is, and its item in Wikidata."""

    kind: str
    wikidata: str | None


@dataclass(frozen=True, slots=True)
class Feed:
    """Stored event documents in chunks, with the data about the whole list."""

    chunks: Iterator[list[str]]
    datasets: list[Dataset]
    version: int
    address: str
    """The requested address, relative to the host."""
    fields: tuple[str, ...] = ()
    next_address: Callable[[], str | None] = lambda: None
    """Returns the address of the next page, which is known once the chunks are read."""
    clusters: "list[Cluster] | None" = None
    """Replace the events where there are too many to draw."""
    flat: bool = False
    """Parquet and Arrow have the flat columns of CSV instead of nested values."""
    bom: bool = False
    read_actors: Callable[[Collection[str]], dict[str, ActorIdentity]] = lambda _: {}
    """Reads what the actors with some codes are."""
    root: str = ""
    """Scheme and host of the service, for formats whose readers know no relative addresses."""
    living: str = ""
    """The address that later events will be found at; `address` keeps to this version."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The events of a range of days, drawn as one item."""

    start: str
    end: str
    count: int
    titles: tuple[str, ...]
    """Titles of its most important events."""


FormatWriter = Callable[[Feed], Iterator[bytes]]
