"""The format of acts that were counted elsewhere, by day, month or year."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from app.edtf import EdtfError, parse_edtf
from app.events.record import RejectedError
from app.ingest.formats.days import parse_day_text
from app.ingest.formats.file_format import (
    Cells,
    FileFormat,
    Warn,
    clip_with_ellipsis,
    parse_integer_cell,
    parse_number_cell,
    require_cell,
)
from app.ingest.formats.records import CountRecord, LoadRecord
from app.sources.schemas import Dataset

COUNTS_DATASET = Dataset(
    code="counts",
    name="Acts counted elsewhere",
    version="unstated",
    licence="unstated",
    citation="unstated",
    terms="Sums without events: nothing in them can be traced to a source.",
)
MAX_COUNT = 1_000_000
"""The most acts, and the greatest mass, of a row."""
_DATES = ("date", "day", "month", "year")
_SIDES = (
    ("from", "toward"), ("from", "to"), ("source", "target"), ("src", "dst"), ("actor1", "actor2"),
    ("i", "j"),
)  # fmt: skip
_SUMS = (("positive", "negative"), ("pos", "neg"), ("pg", "ng"))
_FROM, _TOWARD = (tuple(dict.fromkeys(names)) for names in zip(*_SIDES, strict=True))
_POSITIVE, _NEGATIVE = zip(*_SUMS, strict=True)
_CLASSES = (("q1", "vc"), ("q2", "mc"), ("q3", "vx"), ("q4", "mx"))


class CountColumns(NamedTuple):
    """What the columns of a file are called."""

    from_: str
    toward: str
    date: str
    positive: str
    negative: str
    classes: tuple[str, ...]


@lru_cache(64)
def _find_columns(header: tuple[str, ...]) -> CountColumns:
    def find_first(names: Sequence[str]) -> str:
        return next((name for name in names if name in header), names[0])

    return CountColumns(
        find_first(_FROM),
        find_first(_TOWARD),
        find_first(_DATES),
        find_first(_POSITIVE),
        find_first(_NEGATIVE),
        tuple(find_first(names) for names in _CLASSES),
    )


def _read_key(cells: Cells) -> str:
    found = _find_columns(tuple(cells))
    names = (found.from_, found.toward, found.date, "year", "class")
    return "|".join(cells.get(name, "").strip() for name in names)


def _parse_actor(cells: Cells, name: str) -> str:
    """Parse an actor: a number is one of COW."""
    text = require_cell(cells, name).removesuffix(".0")
    return f"cow:{int(text)}" if text.isdecimal() else clip_with_ellipsis(text, 200)


def _parse_date(cells: Cells, name: str) -> tuple[str, str, str]:
    """Parse a day, a month or a year, with its first and its last day."""
    text = require_cell(cells, name).removesuffix(".0")
    if name == "month" and len(text) <= 2 and text.isdecimal() and cells.get("year", "").strip():
        text = f"{cells['year'].strip().removesuffix('.0')}-{text:0>2}"
    return _parse_date_text(text[:40], name)


@lru_cache(4096)  # a day comes again for every dyad
def _parse_date_text(text: str, name: str) -> tuple[str, str, str]:
    if len(text) > 7:
        text = parse_day_text(text, name).isoformat()
    try:
        span = parse_edtf(text)
    except EdtfError as wrong:
        raise RejectedError(name, str(wrong)) from wrong
    if span.precision not in ("day", "month", "year") or span.end is None:
        raise RejectedError(name, f"is not a day, a month or a year: {text!r}")
    return text, span.start.isoformat(), span.end.isoformat()


def _parse_thousandths(cells: Cells, name: str) -> int:
    found = parse_number_cell(cells, name) or 0
    if not 0 <= found <= MAX_COUNT:
        raise RejectedError(name, f"is not between 0 and {MAX_COUNT:,}")
    return round(1000 * found)


def parse_counts(cells: Cells, _: Warn) -> LoadRecord:
    """Parse the acts of one actor toward another in a period."""
    columns = _find_columns(tuple(cells))
    date, start, end = _parse_date(cells, columns.date)
    positive, negative = (
        _parse_thousandths(cells, name) for name in (columns.positive, columns.negative)
    )
    class_ = parse_integer_cell(cells, "class") or 0
    if class_ not in (0, 1, 2, 3, 4):
        raise RejectedError("class", "is not 1, 2, 3 or 4")
    n = parse_integer_cell(cells, "n")
    if n is None:
        n = -(-(positive + negative) // 1000)
    if not 0 <= n <= MAX_COUNT:
        raise RejectedError("n", f"is not between 0 and {MAX_COUNT:,}")
    classes = [_parse_thousandths(cells, name) for name in columns.classes]
    if class_:
        classes = [1000 * n * (number == class_) for number in (1, 2, 3, 4)]
    pair = (_parse_actor(cells, columns.from_), _parse_actor(cells, columns.toward))
    return CountRecord(*pair, date, class_, start, end, n, positive, negative, *classes)


COUNTS_FORMAT = FileFormat(
    "counts", COUNTS_DATASET, parse_counts, _read_key,
    header=tuple(
        frozenset({date, *sides, *sums}) for date in _DATES for sides in _SIDES for sums in _SUMS
    ),
    dated_columns=("date", "day"),
)  # fmt: skip
