"""Models and types of query parameters that several routes share. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_wrap_validator_function

from app.edtf import parse_bounds, parse_edtf
from app.text import ShortText, require_storable

Cursor = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(require_storable)]


class StrictQuery(BaseModel):
    """Query parameters of a route; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EmptyQuery(StrictQuery):
    """The query of a route without parameters."""


class PagingQuery(StrictQuery):
    """Query parameters of every paged list."""

    limit: int = Field(50, ge=1, le=1000, description="Rows on a page.", examples=[50])
    cursor: Cursor | None = Field(None, description="From `links.next`.")


def split_names(values: Iterable[str], example: str) -> tuple[str, ...]:
    """Split values at commas into names; raises ValueError where a name is empty."""
    parts = tuple(part.strip() for value in values for part in value.split(","))
    if not all(parts):
        raise ValueError(f"must be names separated by commas, such as {example}")
    return parts


def _require_single_day(text: str) -> str:
    if parse_edtf(text).precision != "day":
        raise ValueError("must be one day, such as 2023-10-13")
    return text


def _require_lineage_name(text: str) -> str:
    if re.fullmatch("[0-9a-f]{8}", text) is None:
        raise ValueError("must be eight hexadecimal digits, as links.permalink has them")
    return text


class ParsedText(str):
    """A parameter that is kept as asked, with what it means: it is parsed once, when validated."""

    max_length = 64

    def __new__(cls, text: str) -> Self:
        """Parse a text; raises ValueError where it is not valid."""
        made = super().__new__(cls, text)
        made._parse()
        return made

    def _parse(self) -> None:
        """Set what the text means."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate as text of limited length, then parse; what was parsed before stays."""

        def parse_text(value: object, check: ValidatorFunctionWrapHandler) -> ParsedText:
            return value if isinstance(value, cls) else cls(check(value))

        text = Annotated[ShortText, Field(max_length=cls.max_length)]
        return no_info_wrap_validator_function(parse_text, handler.generate_schema(text))


class BoundedDate(ParsedText):
    """A date of a query (EDTF) with its first and last day; refused where it has no end."""

    first: str
    last: str

    def _parse(self) -> None:
        self.first, self.last = _find_days(str(self))


@lru_cache(4096)
def _find_days(text: str) -> tuple[str, str]:
    """Find the first and last day of a date; readers ask for the same few again and again."""
    first, last = parse_bounds(text)
    return first.isoformat(), last.isoformat()


_VERSION = re.compile(r"[0-9]{1,18}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(\.[0-9]{1,9})?([Zz]|[ +-][0-9]{2}:[0-9]{2})"
)
"""The blank is a `+` that was not percent-encoded, as in many typed links."""
_AS_OF_MESSAGE = "must be a version such as 1234, an instant such as 2026-11-24T09:00:00Z, or a day"


def _parse_instant(text: str) -> str:
    """Return an instant, or the end of a day, in the form of stored instants (UTC, microseconds).

    Raises ValueError where the text is neither.
    """
    if len(text) == 10:
        return f"{_require_single_day(text)}T23:59:59.999999Z"
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(_AS_OF_MESSAGE)
    day, time, fraction, zone = found.groups()
    try:
        offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")
        at = datetime.fromisoformat(f"{day}T{time}{(fraction or '.0')[:7]:0<7}{offset}")
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError) as impossible:
        raise ValueError(_AS_OF_MESSAGE) from impossible


class AsOf(ParsedText):
    """A version of the database, an instant, or a day, which means its end."""

    max_length = 40
    instant: str | None
    """In the form of stored instants; None where the text is a version."""

    def _parse(self) -> None:
        self.instant = None if _VERSION.fullmatch(self) else _parse_instant(self)

    @property
    def is_day(self) -> bool:
        """Whether the text is a day."""
        return self.instant is not None and len(self) == 10


AS_OF_DESCRIPTION = "Answer as of a version, an instant, or the end of a day."
LINEAGE_DESCRIPTION = (
    "The lineage that `as_of` is of, as permalinks say it; left out, a version is of the first one."
    " Without `as_of`, the answer is refused unless the database is still in this lineage."
)
LineageName = Annotated[
    str,
    AfterValidator(_require_lineage_name),
    Field(json_schema_extra={"pattern": "^[0-9a-f]{8}$"}, examples=["3f9c2a7e"]),
]
SingleDay = Annotated[ShortText, AfterValidator(_require_single_day)]


def today() -> str:
    """Return today's date in UTC, in ISO form."""
    return datetime.now(UTC).date().isoformat()


class AsOfQuery(StrictQuery):
    """Query parameters of a route that can answer as of a version."""

    as_of: AsOf | None = Field(None, description=AS_OF_DESCRIPTION, examples=["2026-11-24"])
    lineage: LineageName | None = Field(None, description=LINEAGE_DESCRIPTION)


class AsOfPagingQuery(AsOfQuery, PagingQuery):
    """Query parameters of a paged list that can answer as of a version."""


class OnDayQuery(AsOfQuery):
    """Query parameters of a route that answers for one day."""

    on: SingleDay | None = Field(None, description="The day to answer for; default: today.")

    @property
    def day(self) -> str:
        """The day to answer for."""
        return self.on or today()


ChartFormat = Literal["json", "csv", "vega", "svg", "png"]
MIN_CHART_WIDTH = 280
"""Pixels that a chart needs at least for its labels and some of its plot."""


class ChartQuery(StrictQuery):
    """Query parameters of a route whose answer can be drawn."""

    format: ChartFormat | None = Field(
        None,
        description="`vega` (a Vega-Lite spec), `svg`, `png`, or `csv` of the drawn values;"
        " default: by the `Accept` header.",
    )
    width: int | None = Field(
        None,
        ge=MIN_CHART_WIDTH,
        le=4000,
        description="Width of the whole drawing in pixels, for `vega`, `svg` and `png`; a PNG has"
        " two for each. Default: 720.",
    )
