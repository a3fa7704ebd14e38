"""The formats of yearly series: alliances (COW, ATOP) and ideal points of the General Assembly."""

from collections.abc import Mapping
from typing import Any

from app.events.record import RejectedError
from app.ingest.formats.file_format import (
    Cells,
    FileFormat,
    Warn,
    parse_integer_cell,
    parse_number_cell,
    require_cell,
)
from app.ingest.formats.records import AllianceYearRecord, IdealPointRecord, LoadRecord
from app.sources.schemas import Dataset

COW_DATASET = Dataset(
    code="cow-alliances",
    name="Correlates of War formal alliances",
    version="4.1",
    licence="cite",
    citation="Gibler (2009), International Military Alliances, 1648-2008, CQ Press",
    first="1816-01-01",
    last="2012-12-31",
)
ATOP_DATASET = Dataset(
    code="atop",
    name="Alliance Treaty Obligations and Provisions",
    version="5",
    licence="cite",
    citation="Leeds, Ritter, Mitchell and Long (2002), Alliance Treaty Obligations and Provisions,"
    " International Interactions 28(3)",
    first="1815-01-01",
    last="2018-12-31",
)
UNGA_DATASET = Dataset(
    code="unga-ideal-points",
    name="United Nations General Assembly ideal points",
    version="unstated",
    licence="cite",
    citation="Bailey, Strezhnev and Voeten (2017), Estimating Dynamic State Preferences from United"
    " Nations Voting Data, Journal of Conflict Resolution 61(2)",
)
COW_FLAGS = {
    "defense": "cow_defense", "neutrality": "cow_neutral", "nonaggression": "cow_nonagg",
    "consultation": "cow_entente",
}  # fmt: skip
"""COW's entente is what ATOP calls consultation."""
ATOP_FLAGS = {
    "defense": "atop_defense", "offense": "atop_offense", "neutrality": "atop_neutral",
    "nonaggression": "atop_nonagg", "consultation": "atop_consul",
}  # fmt: skip
ATOP_OWN_FLAGS = {name: column.removeprefix("atop_") for name, column in ATOP_FLAGS.items()}
"""The columns of ATOP's own files; those with a prefix are peacesciencer's."""
_ATOP_PAIRS = (("ccode1", "ccode2"), ("statea", "stateb"), ("mem1", "mem2"))
"""The columns of the two states: peacesciencer's, those of directed dyads, those of dyads."""


def parse_cow_state(cells: Cells, name: str) -> str:
    """Parse a state by its COW number; raises `RejectedError`."""
    require_cell(cells, name)
    return f"cow:{parse_integer_cell(cells, name)}"


def parse_bounded_year(cells: Cells, name: str, first: int, last: int) -> int:
    """Parse an integer from `first` to `last`, a year or a session; raises `RejectedError`."""
    require_cell(cells, name)
    year = parse_integer_cell(cells, name)
    if year is None or not first <= year <= last:
        raise RejectedError(name, f"is not between {first} and {last}")
    return year


def parse_obligation_flags(cells: Cells, columns: Mapping[str, str]) -> dict[str, Any]:
    """Parse obligations: 1, 0, or None where the dataset has no such column.

    Raises `RejectedError`.
    """
    made = {obligation: parse_integer_cell(cells, column) for obligation, column in columns.items()}
    for obligation, value in made.items():
        if value not in (None, 0, 1):
            raise RejectedError(columns[obligation], "is neither 0 nor 1")
    return made


def parse_cow_year(cells: Cells, _: Warn) -> LoadRecord:
    """Parse a dyad-year of COW; it applies in both directions."""
    pair = (parse_cow_state(cells, "ccode1"), parse_cow_state(cells, "ccode2"))
    return AllianceYearRecord(
        *pair,
        parse_bounded_year(cells, "year", 1600, 2100),
        **parse_obligation_flags(cells, COW_FLAGS),
    )


def parse_atop_year(cells: Cells, _: Warn) -> LoadRecord:
    """Parse a dyad-year of ATOP; it applies in both directions, unless both have rows."""
    one, other = _find_atop_pair(cells)
    flags = ATOP_FLAGS if "atop_defense" in cells else ATOP_OWN_FLAGS
    return AllianceYearRecord(
        parse_cow_state(cells, one),
        parse_cow_state(cells, other),
        parse_bounded_year(cells, "year", 1600, 2100),
        **parse_obligation_flags(cells, flags),
    )


def parse_ideal_point(cells: Cells, _: Warn) -> LoadRecord:
    """Parse the ideal point of a state in a session; session 1 met in 1946."""
    session = parse_bounded_year(cells, "session", 1, 200)
    if (value := parse_number_cell(cells, "idealpointall")) is None:
        raise RejectedError("idealpointall", "is empty")
    low, high = parse_number_cell(cells, "q5%all"), parse_number_cell(cells, "q95%all")
    for name, bound, is_outside in (
        ("q5%all", low, low is not None and low > value),
        ("q95%all", high, high is not None and high < value),
    ):
        if is_outside:
            raise RejectedError(name, f"does not enclose idealpointall, {value:g}: {bound:g}")
    return IdealPointRecord(
        parse_cow_state(cells, "ccode"), session, 1945 + session, value, low, high
    )


def _read_dyad_key(cells: Cells) -> str:
    return "|".join(cells.get(name, "") for name in ("ccode1", "ccode2", "year"))


def _read_atop_key(cells: Cells) -> str:
    return "|".join(cells.get(name, "") for name in (*_find_atop_pair(cells), "year"))


def _find_atop_pair(cells: Cells) -> tuple[str, str]:
    return next((pair for pair in _ATOP_PAIRS if pair[0] in cells), _ATOP_PAIRS[0])


_DYAD_COLUMNS = frozenset({"ccode1", "ccode2", "year"})
COW_YEARS_FORMAT = FileFormat(
    "cow-alliances",
    COW_DATASET,
    parse_cow_year,
    _read_dyad_key,
    header=(_DYAD_COLUMNS | {"cow_defense"}, _DYAD_COLUMNS | {"cow_entente"}),
)
ATOP_YEARS_FORMAT = FileFormat(
    "atop",
    ATOP_DATASET,
    parse_atop_year,
    _read_atop_key,
    header=(
        _DYAD_COLUMNS | {"atop_defense"},
        *(frozenset({*pair, "year", "defense", "nonagg"}) for pair in _ATOP_PAIRS),
    ),
)
IDEAL_POINTS_FORMAT = FileFormat(
    "unga-ideal-points", UNGA_DATASET, parse_ideal_point,
    lambda c: f"{c.get('ccode', '')}|{c.get('session', '')}",
    header=(frozenset({"ccode", "session", "idealpointall"}),),
)  # fmt: skip
