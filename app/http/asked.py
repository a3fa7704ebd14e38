"""Parameters that several addresses take."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from app.edtf import bounds, parse
from app.http.page import Query
from app.text import Word


def _day(text: str) -> str:
    if parse(text).precision != "day":
        raise ValueError("must be one day, such as 2023-10-13")
    return text


def _dated(text: str) -> str:
    bounds(text)
    return text


Date = Annotated[Word, Field(max_length=64), AfterValidator(_dated)]
Day = Annotated[Word, Field(max_length=10), AfterValidator(_day)]


def today() -> str:
    """Today in UTC."""
    return datetime.now(UTC).date().isoformat()


class OnDay(Query):
    """An address that answers as of a day."""

    on: Day | None = Field(None, description="The day asked about; today unless given.")

    @property
    def day(self) -> str:
        """The day asked about."""
        return self.on or today()
