"""Queries of OGC API – Features: filters of events with the parameters of the standard."""

import datetime
import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from app.errors import make_crossed_error
from app.events.filter import EventFilter, EventQuery
from app.feeds.ogc_crs import EPSG4326, swap_box
from app.query_models import Cursor, StrictQuery
from app.text import ShortText

_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?")
Representation = Literal["json", "geojson", "html"]
REPRESENTATION_FIELD = Field(
    None,
    description="What OGC clients ask for: JSON, and GeoJSON for features; `html` leads to the page"
    " for people.",
)
MOST_FEATURES = 1000
"""Features on a page; a higher limit is answered with as many, as the standard asks."""


class RepresentationQuery(StrictQuery):
    """The query of a page that has one representation, which clients may name."""

    f: Representation | None = REPRESENTATION_FIELD


CRS_FIELD = Field(
    None,
    description="Coordinate reference system of the answer, as the collection lists it; without it"
    " CRS84, longitude first.",
    examples=[EPSG4326],
)


class ItemQuery(RepresentationQuery):
    """The query of one feature."""

    crs: ShortText | None = CRS_FIELD


class ItemsQuery(EventFilter):
    """The query of a feature page: every filter of events, with the standard's own parameters."""

    f: Representation | None = REPRESENTATION_FIELD
    crs: ShortText | None = CRS_FIELD
    bbox_crs: ShortText | None = Field(
        None,
        alias="bbox-crs",
        description="Coordinate reference system of `bbox`; without it CRS84, longitude first.",
        examples=[EPSG4326],
    )
    limit: int = Field(
        100,
        ge=1,
        description=f"Features on a page; {MOST_FEATURES} at most, also where more are asked for.",
    )
    cursor: Cursor | None = Field(None, description="From the link `next`.")
    offset: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Features to skip, for clients that count; nothing with a cursor, which is"
        " quicker.",
    )
    datetime: ShortText | None = Field(
        None,
        description="An instant or an interval, such as 2023-09-01T00:00:00Z/..; days count.",
    )

    @field_validator("limit", mode="before")
    @classmethod
    def _clamp_limit(cls, value: object) -> object:
        text = str(value)
        return MOST_FEATURES if text.isdigit() and int(text[:19]) > MOST_FEATURES else value

    @field_validator("bbox", mode="before")
    @classmethod
    def _drop_heights(cls, value: object) -> object:
        """Drop the heights of a bbox with six numbers, since events have none."""
        parts = str(value).split(",")
        return ",".join([*parts[:2], *parts[3:5]]) if len(parts) == 6 else value

    @model_validator(mode="before")
    @classmethod
    def _order_bbox(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("bbox-crs") == EPSG4326 and "bbox" in values:
            box = cls._drop_heights(values["bbox"])
            return {**values, "bbox": swap_box(str(box))}
        return values

    @model_validator(mode="after")
    def _check_datetime(self) -> "ItemsQuery":
        if self.datetime is None:
            return self
        if {"since", "until"} & self.model_fields_set:
            raise make_crossed_error(
                "datetime", "does not go with since and until", "Ask for one of them."
            )
        try:
            first, last = parse_interval(self.datetime)
        except ValueError as wrong:
            hint = "Such as 2023-09-01T00:00:00Z/2023-10-31T00:00:00Z, or with .. for an open end."
            raise make_crossed_error("datetime", "is no instant or interval", hint) from wrong
        if first and last and first > last:
            raise make_crossed_error("datetime", "ends before it begins", "Exchange the two.")
        return self

    def to_event_query(self) -> EventQuery:
        """Convert to a query of events."""
        mine = {"f", "crs", "bbox_crs", "limit", "cursor", "offset", "datetime"}
        filters = {k: getattr(self, k) for k in self.model_fields_set - mine}
        filters |= {"limit": self.limit, "cursor": self.cursor}
        if self.datetime is not None:
            since, until = parse_interval(self.datetime)
            filters |= {"since": since, "until": until}
        return EventQuery.model_validate(filters)


def parse_interval(text: str) -> tuple[str | None, str | None]:
    """Return the first and last day of an instant or interval; None for an open end."""
    first, slash, last = text.partition("/")
    return _parse_day(first), _parse_day(last if slash else first)


def _parse_day(text: str) -> str | None:
    if text in ("", ".."):
        return None
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("is no instant")
    return datetime.date.fromisoformat(found[1]).isoformat()
