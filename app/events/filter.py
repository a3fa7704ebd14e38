"""What may be asked of events: one vocabulary, the same at every address. Pure."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from app.edtf import bounds, last_day
from app.events.forms import Form
from app.events.schemas import Event
from app.events.vocabulary import EventType, Role, Status
from app.http.asked import AS_OF, AsOf, Date
from app.http.page import Paging, Query
from app.http.problems import crossed
from app.text import Word

_PLAIN = re.compile(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?\s*")
SUCH_AS = {"w,s,e,n": "43.4,38.8,46.6,41.3", "lat,lon,km": "40.2,44.5,100"}


def _numbers(text: str, names: str) -> list[float]:
    parts = text.split(",")
    if len(parts) != len(names.split(",")):
        raise ValueError(f"must be {names}, such as {SUCH_AS[names]}")
    if not all(_PLAIN.fullmatch(part) for part in parts):
        raise ValueError(f"must be numbers in plain digits, such as {SUCH_AS[names]}")
    values = [float(p) for p in parts]
    if not all(-1e6 < v < 1e6 for v in values):
        raise ValueError("numbers out of range")
    return values


Words = Annotated[list[Word], Field(max_length=100)]
Intensity = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]


class EventFilter(Query):
    """Every field narrows; an absent field does not. Fields AND, repeats of one OR."""

    actor: Words = Field([], description="Involves any of these, by any name.", examples=[["ARM"]])
    between: Words = Field([], description="All of these took part; separated by commas.")
    initiator: Words = Field([], description="Any of these initiated it.")
    target: Words = Field([], description="Any of these was its target.")
    role: list[Role] = Field([], description="The actor asked for took part in this role.")
    via: bool = Field(True, description="Persons and bodies count for their state.")
    member_of: Words = Field([], description="A member of this group on the day took part.")
    since: Date | None = Field(None, description="First day; EDTF, so 2023-09 is its first day.")
    until: Date | None = Field(None, description="Last day, inclusive; EDTF.")
    match: Literal["possible", "certain"] = Field(
        "possible", description="`possible`: overlaps the days; `certain`: lies within them."
    )
    type: list[EventType] = Field([], description="PLOVER event type.")
    mode: Words = Field([], description="PLOVER mode.")
    cameo: list[Annotated[str, Field(pattern=r"^[0-9]{2,4}$")]] = Field(
        [], max_length=100, description="CAMEO code or its beginning; text, so 01 is not 1."
    )
    quad: list[Annotated[int, Field(ge=1, le=4)]] = Field([], description="Quad class 1–4.")
    native: Words = Field([], description="The source's own label, or its first part.")
    min_intensity: Intensity | None = Field(None, description="Goldstein scale, −10 … +10.")
    max_intensity: Intensity | None = Field(None, description="Goldstein scale, −10 … +10.")
    country: Words = Field([], description="It happened there.")
    bbox: Word | None = Field(None, description="west,south,east,north in degrees.")
    near: Word | None = Field(None, description="lat,lon,km.")
    tag: Words = Field([], description="Carries any of these tags.")
    dataset: Words = Field([], description="From any of these datasets.")
    source: Words = Field([], description="Any of these sources says so.")
    publisher: Words = Field([], description="Any of these publishers says so.")
    status: list[Status] = Field([], description="Retracted ones are shown only if asked for.")
    min_reliability: Literal["A", "B", "C", "D", "E"] | None = Field(
        None, description="Some report has a source of this grade or better; F never passes."
    )
    min_credibility: int | None = Field(
        None, ge=1, le=5, description="Some report is graded this or better; 6 never passes."
    )
    min_independent_sources: int | None = Field(
        None, ge=1, le=10_000, description="Publishers that say so, each counted once."
    )
    q: Word | None = Field(None, max_length=500, description="All of these words occur.")
    known_by: Date | None = Field(None, description="Only what was published by that day.")
    as_of: AsOf | None = Field(None, description=AS_OF)

    @field_validator("between")
    @classmethod
    def _split(cls, given: list[str]) -> list[str]:
        parts = [part.strip() for one in given for part in one.split(",")]
        if not all(parts):
            raise ValueError("must be names separated by commas, such as ARM,RUS")
        return parts

    @field_validator("bbox")
    @classmethod
    def _box(cls, given: str | None) -> str | None:
        if given is not None:
            w, s, e, n = _numbers(given, "w,s,e,n")
            if not (-180 <= w <= 180 and -180 <= e <= 180 and -90 <= s <= n <= 90):
                raise ValueError("must be west,south,east,north in degrees, south before north")
        return given

    @field_validator("near")
    @classmethod
    def _circle(cls, given: str | None) -> str | None:
        if given is not None:
            lat, lon, km = _numbers(given, "lat,lon,km")
            if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < km <= 20_038):
                raise ValueError("must be lat,lon,km with a distance of up to 20038 km")
        return given

    @model_validator(mode="after")
    def _forward(self) -> "EventFilter":
        first, last = self.days
        if first and last and first > last:
            message = f"since ({self.since}) lies after until ({self.until})"
            raise crossed("since", message, "Exchange the two.")
        if (
            self.min_intensity is not None
            and self.max_intensity is not None
            and self.min_intensity > self.max_intensity
        ):
            raise crossed("min_intensity", "lies above max_intensity", "Exchange the two.")
        return self

    @property
    def days(self) -> tuple[str | None, str | None]:
        """First and last day asked for."""
        return (
            None if self.since is None else bounds(self.since)[0].isoformat(),
            last_day(self.until),
        )

    @property
    def known_day(self) -> str | None:
        """The last day on which a report had to be out."""
        return last_day(self.known_by)

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north."""
        if self.bbox is None:
            return None
        w, s, e, n = _numbers(self.bbox, "w,s,e,n")
        return w, s, e, n

    @property
    def circle(self) -> tuple[float, float, float] | None:
        """Latitude, longitude, kilometres."""
        if self.near is None:
            return None
        lat, lon, km = _numbers(self.near, "lat,lon,km")
        return lat, lon, km


Sort = Literal["-date", "date", "-recorded", "recorded", "relevance"]


class EventQuery(EventFilter, Paging):
    """A filter, and how to list what it finds."""

    sort: Sort = Field(
        "-date", description="Newest first unless asked otherwise; `relevance` goes with `q`."
    )
    format: Form | None = Field(
        None, description="The form of the answer; without it `Accept` decides."
    )
    bom: bool = Field(False, description="CSV begins with a byte order mark, as Excel wants it.")
    count: Literal["none", "estimate", "exact"] = Field("none", description="Rows in all.")
    fields: Words = Field([], description="Only these fields; separated by commas.")

    @model_validator(mode="after")
    def _relevant(self) -> "EventQuery":
        if self.sort == "relevance" and self.q is None:
            raise crossed("sort", "relevance needs words to be relevant to", "Add q=…")
        return self

    @field_validator("fields")
    @classmethod
    def _known(cls, given: list[str]) -> list[str]:
        wanted = [part.strip() for one in given for part in one.split(",")]
        if not set(wanted) <= Event.model_fields.keys():
            raise ValueError(f"must be among {', '.join(Event.model_fields)}")
        return wanted
