"""The records of loaded rows, beside the record of an event in `app.events.record`."""

from typing import Any

from msgspec import Struct

from app.events.record import EventRecord
from app.sources.record import SourceRecord, Word


class AllianceYearRecord(Struct, frozen=True, gc=False):
    """The alliance obligations of one state to another in one year, from a dataset of alliances.

    1 means owed, 0 not owed, None that the dataset has no such column.
    """

    actor: str
    partner: str
    year: int
    defense: int | None = None
    offense: int | None = None
    neutrality: int | None = None
    nonaggression: int | None = None
    consultation: int | None = None

    @property
    def key(self) -> str:
        """The key of the record, unique within its dataset."""
        return f"{self.actor}|{self.partner}|{self.year}"


class IdealPointRecord(Struct, frozen=True, gc=False):
    """The ideal point of a state, estimated from its votes in one session of the General Assembly.

    `low` and `high` bound the 90 % interval.
    """

    actor: str
    session: int
    year: int
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def key(self) -> str:
        """The key of the record, unique within its dataset."""
        return f"{self.actor}|{self.session}"


class CountRecord(Struct, frozen=True, gc=False):
    """The acts of one actor toward another in a day, month or year, counted elsewhere.

    Masses and classes are in thousandths.
    """

    from_: str
    toward: str
    date: str
    class_: int
    """The quad class of all the acts; 0 where they have none in common."""
    start: str
    end: str
    n: int
    positive: int
    negative: int
    q1: int = 0
    q2: int = 0
    q3: int = 0
    q4: int = 0

    @property
    def key(self) -> str:
        """The key of the record, unique within its dataset."""
        return f"{self.from_}|{self.toward}|{self.date}|{self.class_}"


class MentionRecord(Struct, gc=False):
    """A mention of an event by an article; the event may be loaded later, or never."""

    event: Word
    source: SourceRecord
    locator: Word | None = None
    claims: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The key of the record, unique within its dataset."""
        return f"{self.event}|{self.source.url or self.source.publisher}"


LoadRecord = EventRecord | MentionRecord | AllianceYearRecord | IdealPointRecord | CountRecord
