"""Days as files write them: ISO, digits, names of months, and numbers that need evidence. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from app.events.record import RejectedError

MAX_DAY_LENGTH = 60
"""Characters of a text that may be a day; longer ones are not cached."""
_ISO = re.compile(r"(\d{4})([-/.])(\d\d?)\2(\d\d?)(?:[T ].*)?")
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d{6})?(?:\.0*)?")
_NUMBERS = re.compile(r"(\d\d?)([/.-])(\d\d?)\2(\d{4}|\d\d)(?:,? .*)?")
_SHORT_YEAR = re.compile(r"(\d\d?)[- ]([A-Za-z]{3,9})[- ](\d\d)")
_SHORTENED = re.compile(r"(\d)\.?(\d*)[eE]\+?(\d+)")
_SERIAL = re.compile(r"(\d{5})(?:\.\d*)?")
_EPOCH_NUMBER = re.compile(r"(\d{10})(?:\d{3}|\d{6}|\d{9})")
_WEEKDAY = re.compile(
    r"(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,? +", re.IGNORECASE
)
_NAMED_FORMS = (
    "%d %B %Y", "%d-%B-%Y", "%d %b %Y", "%d-%b-%Y", "%d. %B %Y", "%B %d, %Y", "%b %d, %Y",
    "%d%b%Y", "%d/%b/%Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
"""Days with the names of months; `16mar2025` is Stata's."""
_SERIAL_EPOCHS = (date(1899, 12, 30), date(1904, 1, 1))
"""Day 0 of Excel's serial numbers, from March 1900 on, and of those of old workbooks of a Mac."""


class NumberedDay(NamedTuple):
    """A day written as three numbers with the year last, such as 3/4/2025."""

    first: int
    second: int
    year: str
    separator: str

    @property
    def is_day_first(self) -> bool | None:
        """Whether the day comes first; None if the numbers do not tell."""
        if self.first > 12:
            return True
        return False if self.second > 12 else None

    def read(self, year: int, *, day_first: bool) -> date:
        """Read it in one order; raises ValueError if there is no such day."""
        day, month = (self.first, self.second) if day_first else (self.second, self.first)
        return date(year, month, day)


def match_numbered_day(text: str) -> NumberedDay | None:
    """Match a day written as three numbers with the year last; None for other text."""
    found = _NUMBERS.fullmatch(text[:MAX_DAY_LENGTH])
    return found and NumberedDay(int(found[1]), int(found[3]), found[4], found[2])


def expand_short_year(text: str, year: int | None) -> str | None:
    """Write a day such as 5-Jan-24 with its whole year, which must be this one; else None."""
    found = _SHORT_YEAR.fullmatch(text)
    if found is None or year is None or year % 100 != int(found[3]):
        return None
    return f"{found[1]} {found[2]} {year}"


def read_serial_days(text: str) -> list[date]:
    """Read a serial number of a spreadsheet as a day by each of its calendars; empty for others."""
    found = _SERIAL.fullmatch(text)
    if found is None:
        return []
    return [first + timedelta(days=int(found[1])) for first in _SERIAL_EPOCHS]


def read_epoch_day(text: str) -> date | None:
    """Read a number of milli-, micro- or nanoseconds since 1970 as its day in UTC.

    Data frames write such numbers in JSON; None for other text.
    """
    found = _EPOCH_NUMBER.fullmatch(text)
    return found and datetime.fromtimestamp(int(found[1]), UTC).date()


def expand_shortened_number(text: str) -> str | None:
    """Return the leading digits of a number such as 2.02E+13, which lost the others.

    None for other text. All digits are returned where none was lost.
    """
    found = _SHORTENED.fullmatch(text)
    if found is None:
        return None
    digits, exponent = found[1] + found[2], int(found[3])
    return digits.ljust(exponent + 1, "0") if len(found[2]) >= exponent else digits


def parse_day_text(text: str, name: str) -> date:
    """Parse a day whose text means one day only; raises `RejectedError` for any other.

    `name` is the column, for the error.
    """
    text = text.strip()
    if not text:
        raise RejectedError(name, "is empty")
    found = _read_day(text) if len(text) <= MAX_DAY_LENGTH else None
    if found is None:
        raise RejectedError(name, _explain_day(text))
    return found


@lru_cache(8192)
def _read_day(text: str) -> date | None:
    found = _ISO.fullmatch(text)
    parts = found and (found[1], found[3], found[4])
    if parts is None and (found := _DIGITS.fullmatch(text)):
        parts = found[1], found[2], found[3]
    if parts is None:
        digits = expand_shortened_number(text) or ""
        # The time of day is less than half a day of these digits, so none was rounded up.
        parts = (digits[:4], digits[4:6], digits[6:8]) if len(digits) >= 8 else None
    try:
        if parts is not None:
            return date(*map(int, parts))
    except ValueError:
        return None
    text = _WEEKDAY.sub("", text, count=1).replace("Sept ", "Sep ")
    for form in _NAMED_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def _explain_day(text: str) -> str:
    """Explain why a text is not a day, with its readings if there are several."""
    shown = text[:40]
    if _SHORT_YEAR.fullmatch(text):
        return f"has a year of two digits: {shown!r}; write it as YYYY-MM-DD"
    if match_numbered_day(text) is not None:
        return f"may have its day or its month first: {shown!r}; write it as YYYY-MM-DD"
    if days := read_serial_days(text):
        read = days[0].isoformat()
        return f"is a number: {shown!r}, in a spreadsheet {read}; write it as YYYY-MM-DD"
    if expand_shortened_number(text) is not None:
        return f"lost digits in a spreadsheet: {shown!r}; export the column as text"
    return f"is not a day such as 2022-01-31 or 31 January 2022: {shown!r}"
