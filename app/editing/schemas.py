"""JSON bodies of the write API; an event may contain new actors and sources in full."""

from typing import Annotated, Generic, TypeVar

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
    EventInput,
    EventKey,
    ParticipantInput,
    ReportInput,
    SignalInput,
)
from app.sources.schemas import InlineSource
from app.text import JsonInteger, ShortText, require_storable

T = TypeVar("T")
READ_ONLY = ("start", "end", "precision", "independent_sources", "recorded_at", "explain")
"""Derived fields of an answer; they are ignored where an answer is sent back."""
READ_ONLY_PARTS = {
    "participants": ("name",),
    "signals": ("quad", "origin", "rule"),
    "reports": ("title", "publisher", "url", "published"),
}
"""The derived fields of the parts of an event, ignored in the same way."""

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(require_storable),
]


class ParticipantBody(ParticipantInput):
    """A participant: any name or code of an actor, or a new actor in full."""

    model_config = ConfigDict(extra="forbid")
    actor: ShortText | Actor | None = None  # type: ignore[assignment]

    @model_validator(mode="before")
    @classmethod
    def _require_actor_or_native(cls, value: object) -> object:
        """Require an actor or a native code, unless both fields are sent.

        A stored participant may have neither, and an answer that is sent back has both fields.
        """
        if not isinstance(value, dict) or {"actor", "native"} <= value.keys():
            return value
        if value.get("actor") is None and value.get("native") is None:
            raise ValueError("needs an actor, or a native code of one that is not known yet")
        return value


class SignalBody(SignalInput):
    """A signal: what the event does to an alignment, as an analyst states it."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")


class ReportBody(ReportInput):
    """A report of the event: the id of its source, or a new source in full."""

    model_config = ConfigDict(extra="forbid")
    source: ShortText | InlineSource  # type: ignore[assignment]


class EventBody(EventInput):
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
    dataset: ShortText = "curated"
    key: EventKey | None = Field(  # type: ignore[assignment]
        None, description="Stable within the dataset; made from date and title where left out."
    )
    participants: list[ParticipantBody] = Field([], max_length=500)  # type: ignore[assignment]
    signals: list[SignalBody] = Field([], max_length=500)  # type: ignore[assignment]
    reports: list[ReportBody] = Field([], max_length=MOST_REPORTS)  # type: ignore[assignment]
    revision: JsonInteger | None = Field(
        None, description="The revision to replace; refused where another one is current."
    )
    reason: Reason | None = Field(None, description="Why; stored with the revision.")

    @model_validator(mode="before")
    @classmethod
    def _drop_derived_fields(cls, body: object) -> object:
        """Drop the derived fields, so that an answer can be edited and sent back."""
        if not isinstance(body, dict):
            return body
        found = {name: value for name, value in body.items() if name not in READ_ONLY}
        ident = found.pop("id", None)
        if ident is not None:
            dataset, _, key = str(ident).partition(":")
            found = {"dataset": dataset, "key": key} | found
            if ident != f"{found['dataset']}:{found['key']}":
                raise ValueError("id must be {dataset}:{key} of this event")
        signals = found.get("signals")
        if isinstance(signals, list):
            found["signals"] = [
                s for s in signals if not (isinstance(s, dict) and s.get("origin") == "derived")
            ]
        for field, read_only in READ_ONLY_PARTS.items():
            if isinstance(found.get(field), list):
                found[field] = [_drop_fields(part, read_only) for part in found[field]]
        return found


def _drop_fields(part: object, names: tuple[str, ...]) -> object:
    """Return a part of an event without some fields."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if name not in names}


class RetractBody(BaseModel):
    """The body of a retraction: its reason."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason


class MergeBody(BaseModel):
    """The body of a merge: the survivor, or the duplicates to merge into the one in the path."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"into": "ARM", "reason": "the same"}]}
    )
    into: ShortText | None = Field(
        None, description="The survivor; the one in the path is merged into it."
    )
    duplicates: list[ShortText] = Field(
        [], max_length=100, description="Merged into the one in the path, which survives."
    )
    reason: Reason | None = None

    @model_validator(mode="after")
    def _require_one_direction(self) -> "MergeBody":
        if (self.into is None) == (not self.duplicates):
            raise ValueError("needs either into or duplicates, and not both")
        return self


class WrittenList(BaseModel, Generic[T]):
    """What was made of an array, in its order."""

    data: list[T] = Field(description="The documents, in the order in which they were sent.")
