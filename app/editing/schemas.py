"""What may be sent: events as they are given, with what they refer to inline where it is new."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.actors.schemas import Actor
from app.events.schemas import (
    MOST_REPORTS,
    GivenEvent,
    GivenParticipant,
    GivenReport,
    GivenSignal,
)
from app.sources.schemas import Source
from app.text import Ident, Whole, Word, safe

READ_ONLY = ("start", "end", "precision", "independent_sources", "recorded_at", "explain")
"""Fields of an answer that follow from others: taken back unread when a whole answer is sent."""
READ_ONLY_PARTS = {
    "participants": ("name",),
    "signals": ("quad", "origin", "rule"),
    "reports": ("title", "publisher", "url", "published"),
}
"""The same, of the parts of an event."""

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(safe),
]


class ParticipantBody(GivenParticipant):
    """Who took part: by any name, or a new actor in full."""

    model_config = ConfigDict(extra="forbid")
    actor: Word | Actor | None = None  # type: ignore[assignment]

    @model_validator(mode="before")
    @classmethod
    def _somebody(cls, given: Any) -> Any:
        """An answer may hold nobody, and says so; otherwise nobody is a slip."""
        if not isinstance(given, dict) or {"actor", "native"} <= given.keys():
            return given
        if given.get("actor") is None and given.get("native") is None:
            raise ValueError("needs an actor, or native: a code that is nobody's yet")
        return given


class SignalBody(GivenSignal):
    """What an analyst states that the event does to an alignment."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")


class ReportBody(GivenReport):
    """A source's account: by the id of the source, or a new source in full."""

    model_config = ConfigDict(extra="forbid")
    source: Word | Source  # type: ignore[assignment]


class EventBody(GivenEvent):
    """An event to write."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "key": "2023-10-03-example",
                    "title": "A parliament ratifies a treaty",
                    "date": "2023-10-03",
                    "type": "AGREE",
                    "participants": [
                        {"actor": "ARM", "role": "initiator"},
                        {"actor": "ICC", "role": "target"},
                    ],
                    "reports": [{"source": "news-2023-10-13-putin-loses-another-ally"}],
                }
            ]
        },
    )
    dataset: Word = "curated"
    key: Ident | None = Field(  # type: ignore[assignment]
        None, description="Stable within the dataset; made from date and title where left out."
    )
    participants: list[ParticipantBody] = Field([], max_length=500)  # type: ignore[assignment]
    signals: list[SignalBody] = Field([], max_length=500)  # type: ignore[assignment]
    reports: list[ReportBody] = Field([], max_length=MOST_REPORTS)  # type: ignore[assignment]
    revision: Whole | None = Field(None, description="The revision that this replaces, as a check.")
    reason: Reason | None = Field(None, description="Why; kept with the revision.")

    @model_validator(mode="before")
    @classmethod
    def _as_answered(cls, given: Any) -> Any:
        """An answer may be sent back: what follows from the rest of it is left out."""
        if not isinstance(given, dict):
            return given
        found = {name: value for name, value in given.items() if name not in READ_ONLY}
        ident = found.pop("id", None)
        if ident is not None:
            dataset, _, key = str(ident).partition(":")
            found = {"dataset": dataset, "key": key} | found
            if ident != f"{found['dataset']}:{found['key']}":
                raise ValueError("id is not {dataset}:{key} of this event")
        signals = found.get("signals")
        if isinstance(signals, list):
            found["signals"] = [
                s for s in signals if not (isinstance(s, dict) and s.get("origin") == "derived")
            ]
        for field, read_only in READ_ONLY_PARTS.items():
            if isinstance(found.get(field), list):
                found[field] = [_without(part, read_only) for part in found[field]]
        return found


def _without(part: Any, names: tuple[str, ...]) -> Any:
    """A part of an event without what follows from the rest of it."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if name not in names}


class RetractBody(BaseModel):
    """Why something is retracted."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason


class MergeBody(BaseModel):
    """Into what, or what into this."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"into": "ARM", "reason": "the same"}]}
    )
    into: Word | None = Field(None, description="The one in the path ends; this one goes on.")
    duplicates: list[Word] = Field(
        [], max_length=100, description="These end; the one in the path goes on."
    )
    reason: Reason | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "MergeBody":
        if (self.into is None) == (not self.duplicates):
            raise ValueError("say either into or duplicates")
        return self
