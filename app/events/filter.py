"""The filter on events: one set of parameters, with the same meaning at every address."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from app.errors import make_crossed_error
from app.events.output_formats import OutputFormat
from app.events.resolved_filter import BoundingBox, Match, SearchCircle
from app.events.schemas import Event
from app.events.vocabulary import EFFECT_HINT, Effect, EventType, Role, Status
from app.query_models import (
    AS_OF_DESCRIPTION,
    LINEAGE_DESCRIPTION,
    AsOf,
    BoundedDate,
    LineageName,
    PagingQuery,
    StrictQuery,
    split_names,
)
from app.text import ShortText

_PLAIN_NUMBER = re.compile(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?\s*")
COORDINATE_EXAMPLES = {"w,s,e,n": "43.4,38.8,46.6,41.3", "lat,lon,km": "40.2,44.5,100"}


def _parse_numbers(text: str, names: str) -> list[float]:
    parts = text.split(",")
    if len(parts) != len(names.split(",")):
        raise ValueError(f"must be {names}, such as {COORDINATE_EXAMPLES[names]}")
    if not all(_PLAIN_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"must be numbers in plain digits, such as {COORDINATE_EXAMPLES[names]}")
    values = [float(p) for p in parts]
    if not all(-1e6 < v < 1e6 for v in values):
        raise ValueError("has a number out of range")
    return values


# Tuples: of a list, the default would be copied for every request, which takes longer than to
# validate all parameters that were sent.
Words = Annotated[tuple[ShortText, ...], Field(max_length=100)]
Intensity = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]


class EventFilter(StrictQuery):
    """A filter on events: fields are combined with AND, repeated values of one field with OR."""

    actor: Words = Field(
        (), description="Any of these actors took part; any name or code.", examples=[["ARM"]]
    )
    between: Words = Field((), description="All of these actors took part; separated by commas.")
    initiator: Words = Field((), description="Any of these actors initiated it.")
    target: Words = Field((), description="Any of these actors was its target.")
    role: tuple[Role, ...] = Field(
        (), description="The actor of the filter took part in this role."
    )
    via: bool = Field(True, description="Acts of persons and bodies also count for their state.")
    member_of: Words = Field(
        (), description="An actor that was a member of this group on that day took part."
    )
    since: BoundedDate | None = Field(
        None, description="First day; EDTF, so 2023-09 is its first day."
    )
    until: BoundedDate | None = Field(None, description="Last day, inclusive; EDTF.")
    match: Match = Field(
        "possible", description="`possible`: overlaps the days; `certain`: lies within them."
    )
    type: tuple[EventType, ...] = Field((), description="PLOVER event type.")
    mode: Words = Field((), description="PLOVER mode.")
    cameo: tuple[Annotated[str, Field(pattern=r"^[0-9]{2,4}$")], ...] = Field(
        (), max_length=100, description="CAMEO code or its beginning; text, so 01 is not 1."
    )
    quad: tuple[Annotated[int, Field(ge=1, le=4)], ...] = Field((), description="Quad class 1–4.")
    native: Words = Field((), description="The source's own label, or its first part.")
    min_intensity: Intensity | None = Field(None, description="Goldstein scale, −10 … +10.")
    max_intensity: Intensity | None = Field(None, description="Goldstein scale, −10 … +10.")
    effect: tuple[Effect, ...] = Field(
        (),
        description="What it does to the two of `between`, by the signals between them: brings"
        " them `together`, `apart`, or `neither`.",
    )
    country: Words = Field((), description="Code or name of the state where it happened.")
    bbox: ShortText | None = Field(None, description="west,south,east,north in degrees.")
    near: ShortText | None = Field(None, description="lat,lon,km.")
    tag: Words = Field((), description="Carries any of these tags.")
    dataset: Words = Field((), description="From any of these datasets.")
    source: Words = Field((), description="Reported by any of these sources (ids).")
    publisher: Words = Field((), description="Reported by any of these publishers.")
    status: tuple[Status, ...] = Field(
        (), description="Status; retracted events are listed only if `retracted` is requested."
    )
    min_reliability: Literal["A", "B", "C", "D", "E"] | None = Field(
        None, description="At least one report is of this reliability or better; F never passes."
    )
    min_credibility: int | None = Field(
        None,
        ge=1,
        le=5,
        description="At least one report is of this credibility or better; 6 never passes.",
    )
    min_independent_sources: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="At least so many publishers report it, each counted once.",
    )
    q: ShortText | None = Field(
        None,
        max_length=500,
        description="Full-text search: all of these words occur; datasets not `searched` are out.",
    )
    known_by: BoundedDate | None = Field(
        None, description="Only events and reports that were published by that day."
    )
    as_of: AsOf | None = Field(None, description=AS_OF_DESCRIPTION)
    lineage: LineageName | None = Field(None, description=LINEAGE_DESCRIPTION)

    @field_validator("between")
    @classmethod
    def _split_between(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return split_names(value, "ARM,RUS")

    @field_validator("bbox")
    @classmethod
    def _check_bbox(cls, value: str | None) -> str | None:
        if value is not None:
            w, s, e, n = _parse_numbers(value, "w,s,e,n")
            if not (-180 <= w <= 180 and -180 <= e <= 180 and -90 <= s <= n <= 90):
                raise ValueError("must be west,south,east,north in degrees, south before north")
        return value

    @field_validator("near")
    @classmethod
    def _check_near(cls, value: str | None) -> str | None:
        if value is not None:
            lat, lon, km = _parse_numbers(value, "lat,lon,km")
            if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < km <= 20_038):
                raise ValueError("must be lat,lon,km with a distance of up to 20038 km")
        return value

    @model_validator(mode="after")
    def _check_filter_ranges(self) -> "EventFilter":
        first, last = self.day_range
        if first and last and first > last:
            message = f"since ({self.since}) lies after until ({self.until})"
            raise make_crossed_error("since", message, "Exchange the two.")
        if (
            self.min_intensity is not None
            and self.max_intensity is not None
            and self.min_intensity > self.max_intensity
        ):
            raise make_crossed_error(
                "min_intensity", "lies above max_intensity", "Exchange the two."
            )
        if self.effect and len(set(self.between)) != 2:
            raise make_crossed_error("effect", "needs a pair", EFFECT_HINT)
        return self

    @property
    def day_range(self) -> tuple[str | None, str | None]:
        """The first and the last day of the window; None where it is open."""
        return self.since and self.since.first, self.until and self.until.last

    @property
    def bounding_box(self) -> BoundingBox | None:
        """The box of `bbox`; None without it."""
        return None if self.bbox is None else BoundingBox(*_parse_numbers(self.bbox, "w,s,e,n"))

    @property
    def search_circle(self) -> SearchCircle | None:
        """The circle of `near`; None without it."""
        return None if self.near is None else SearchCircle(*_parse_numbers(self.near, "lat,lon,km"))


CountMode = Literal["none", "estimate", "exact"]
Sort = Literal["-date", "date", "-recorded", "recorded", "relevance"]


class EventQuery(EventFilter, PagingQuery):
    """A filter on events, with the order, format and fields of the list."""

    sort: Sort = Field(
        "-date", description="Newest first unless asked otherwise; `relevance` goes with `q`."
    )
    format: OutputFormat | None = Field(
        None, description="Format of the answer; without it `Accept` decides."
    )
    bom: bool = Field(
        False, description="CSV begins with a byte order mark, which Excel needs to read UTF-8."
    )
    flat: bool = Field(
        False,
        description="Parquet and Arrow have the columns of CSV, with nested values as JSON text.",
    )
    count: CountMode = Field("none", description="Whether to count all matching events.")
    fields: Words = Field((), description="Only these fields of each event; separated by commas.")

    @model_validator(mode="after")
    def _check_sort_relevance(self) -> "EventQuery":
        if self.sort == "relevance" and self.q is None:
            raise make_crossed_error("sort", "relevance needs search words", "Add q=…")
        return self

    @field_validator("fields")
    @classmethod
    def _split_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wanted = tuple(part.strip() for text in value for part in text.split(","))
        if not set(wanted) <= Event.model_fields.keys():
            raise ValueError(f"must be among {', '.join(Event.model_fields)}")
        return wanted
