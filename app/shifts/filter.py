"""What may be asked of alignment and shifts: the sides, and which events count. Pure."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from app.events.filter import EventFilter, Words
from app.query_models import ChartQuery, Cursor, split_names
from app.text import ShortText

Scope = Literal["named", "actor", "all"]
"""The tests among which q was computed: of a named question, of an actor's dyads, of all."""
Acts = Literal["both", "own", "theirs"]
Granularity = Literal["auto", "day", "week", "month", "quarter", "year"]
Sort = Literal["-at_least", "-magnitude", "magnitude", "-onset", "onset", "p"]

ShiftFormat = Literal["json", "csv", "vega", "svg", "png", "atom", "jsonfeed"]

QUESTION_FIELDS = ("actor", "since", "until", "match")
"""Fields that bound the answer, not the events that are counted."""


class SidesQuery(EventFilter):
    """Two sides, and the events between them that count."""

    actor: ShortText | None = Field(  # type: ignore[assignment]
        None, description="Who moves, by any name.", examples=["ARM"]
    )
    toward: Words = Field(
        (),
        description="Toward whom: actors, or groups with their members of the day; by commas.",
        examples=[["RUS"]],
    )
    against: Words = Field(
        (),
        description="Weighed against `toward`: conflict with these counts as toward.",
    )
    acts: Acts = Field(
        "both", description="Whose acts count: those of both sides, the actor's `own`, or `theirs`."
    )

    @field_validator("toward", "against")
    @classmethod
    def _split_sides(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        parts = split_names(values, "EU,USA")
        if len(parts) > 100:
            raise ValueError("has more than 100 names")
        return parts

    def to_event_filter(self) -> EventFilter:
        """Return the filter of the events that count, on whatever day they happened."""
        kept = {f: getattr(self, f) for f in EventFilter.model_fields if f not in QUESTION_FIELDS}
        return EventFilter.model_construct(**kept)


class AlignmentQuery(SidesQuery, ChartQuery):
    """A question about the index over time."""

    actor: ShortText = Field(  # type: ignore[assignment]
        description="Who moves, by any name.", examples=["ARM"]
    )
    toward: Annotated[Words, Field(min_length=1)] = Field(
        description="Toward whom: actors, or groups with their members of the day; by commas.",
        examples=[["RUS"]],
    )
    granularity: Granularity = Field(
        "auto",
        description="Length of a point; `auto`: a month, or a year where months are too many.",
    )


class ShiftQuery(SidesQuery, ChartQuery):
    """A question about changes of the index."""

    direction: Literal["away", "toward"] | None = Field(
        None, description="Only changes in this direction."
    )
    max_q: float = Field(
        0.05, gt=0, le=1, description="In rankings, the highest q (false discovery rate).",
        allow_inf_nan=False,
    )  # fmt: skip
    sort: Sort = Field(
        "-at_least",
        description="Order; by default the most certain change first (largest lower bound), in"
        " feeds the latest one.",
    )
    format: ShiftFormat | None = Field(  # type: ignore[assignment]
        None,
        description="`vega` (a Vega-Lite spec), `svg`, `png`, `csv` of the drawn values, or a feed:"
        " `atom`, `jsonfeed`; default: by the `Accept` header.",
    )
    limit: int = Field(50, ge=1, le=1000, description="Rows on a page.")
    cursor: Cursor | None = Field(None, description="From `links.next`.")
