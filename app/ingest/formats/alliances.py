"""The formats of yearly series: alliances (COW, ATOP) and ideal points of the General Assembly."""

from collections.abc import Mapping
from typing import Any

from app.ingest.format import Cells, Format, Warn, needed, number, whole
from app.ingest.given import AllianceYear, IdealPoint, Item, RejectedError
from app.sources.schemas import Dataset

COW = Dataset(
    code="cow-alliances",
    name="Correlates of War formal alliances",
    version="4.1",
    licence="cite",
    citation="Gibler (2009), International Military Alliances, 1648-2008, CQ Press",
    first="1816-01-01",
    last="2012-12-31",
)
ATOP_5 = Dataset(
    code="atop",
    name="Alliance Treaty Obligations and Provisions",
    version="5",
    licence="cite",
    citation="Leeds, Ritter, Mitchell and Long (2002), Alliance Treaty Obligations and Provisions,"
    " International Interactions 28(3)",
    first="1815-01-01",
    last="2018-12-31",
)
UNGA = Dataset(
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
_ATOP = {
    "defense": "atop_defense", "offense": "atop_offense", "neutrality": "atop_neutral",
    "nonaggression": "atop_nonagg", "consultation": "atop_consul",
}  # fmt: skip


def state_of(cells: Cells, name: str) -> str:
    """Parse a state by its COW number; raises `RejectedError`."""
    needed(cells, name)
    return f"cow:{whole(cells, name)}"


def year_of(cells: Cells, name: str, first: int, last: int) -> int:
    """Parse an integer from `first` to `last`, a year or a session; raises `RejectedError`."""
    needed(cells, name)
    year = whole(cells, name)
    if year is None or not first <= year <= last:
        raise RejectedError(name, f"is not between {first} and {last}")
    return year


def flags_of(cells: Cells, columns: Mapping[str, str]) -> dict[str, Any]:
    """Parse obligations: 1, 0, or None where the dataset has no such column.

    Raises `RejectedError`.
    """
    made = {obligation: whole(cells, column) for obligation, column in columns.items()}
    for obligation, value in made.items():
        if value not in (None, 0, 1):
            raise RejectedError(columns[obligation], "is neither 0 nor 1")
    return made


def cow_year(cells: Cells, _: Warn) -> Item:
    """Parse a dyad-year of COW; it applies in both directions."""
    pair = (state_of(cells, "ccode1"), state_of(cells, "ccode2"))
    return AllianceYear(*pair, year_of(cells, "year", 1600, 2100), **flags_of(cells, COW_FLAGS))


def atop_year(cells: Cells, _: Warn) -> Item:
    """Parse a dyad-year of ATOP; it applies in both directions."""
    pair = (state_of(cells, "ccode1"), state_of(cells, "ccode2"))
    return AllianceYear(*pair, year_of(cells, "year", 1600, 2100), **flags_of(cells, _ATOP))


def ideal_point(cells: Cells, _: Warn) -> Item:
    """Parse the ideal point of a state in a session; session 1 met in 1946."""
    session = year_of(cells, "session", 1, 200)
    if (value := number(cells, "idealpointall")) is None:
        raise RejectedError("idealpointall", "is empty")
    given = {name: text for name, text in cells.items() if text.strip() not in ("", "NA")}
    low, high = number(given, "q5%all"), number(given, "q95%all")
    return IdealPoint(state_of(cells, "ccode"), session, 1945 + session, value, low, high)


def _pair(cells: Cells) -> str:
    return "|".join(cells.get(name, "") for name in ("ccode1", "ccode2", "year"))


_DYAD = frozenset({"ccode1", "ccode2", "year"})
COW_YEARS = Format(
    "cow-alliances", COW, cow_year, _pair, header=(_DYAD | {"cow_defense"}, _DYAD | {"cow_entente"})
)
ATOP_YEARS = Format("atop", ATOP_5, atop_year, _pair, header=(_DYAD | {"atop_defense"},))
IDEAL_POINTS = Format(
    "unga-ideal-points", UNGA, ideal_point,
    lambda c: f"{c.get('ccode', '')}|{c.get('session', '')}",
    header=(frozenset({"ccode", "session", "idealpointall"}),),
)  # fmt: skip
