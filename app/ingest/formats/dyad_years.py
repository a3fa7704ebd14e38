"""Alliances by member or by dyad, which are converted to dyad-years. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from typing import NamedTuple, Protocol

from app.events.record import RejectedError
from app.ingest.formats.alliances import (
    ATOP_DATASET,
    ATOP_FLAGS,
    ATOP_OWN_FLAGS,
    ATOP_YEARS_FORMAT,
    COW_DATASET,
    COW_FLAGS,
    COW_YEARS_FORMAT,
    parse_bounded_year,
    parse_cow_state,
    parse_obligation_flags,
)
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import Cells, FileFormat, Warn, parse_integer_cell
from app.ingest.formats.records import LoadRecord

COW_LAST_YEAR, ATOP_LAST_YEAR = 2012, 2018
"""The years in which the data end; what continues beyond them lasts until then."""
MAX_DYAD_YEARS = 500_000
"""Maximum dyad-years of one file, some seven times what COW has."""
MAX_ALLIANCE_MEMBERS, MAX_ALLIANCES = 1000, 5000
_COW_MEMBER_FLAGS = {
    **{name: name for name in ("defense", "neutrality", "nonaggression")},
    "consultation": "entente",
}


class DyadYearCollector(Protocol):
    """A collector of the rows of a file, which makes dyad-years of all of them."""

    def add_row(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""

    def iterate_dyad_years(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year once, as a row of dyad-years; raises `UnreadableFileError`."""


class AllianceTerm(NamedTuple):
    """The membership of a state in an alliance, both years included, and its obligations."""

    state: str
    first: int
    last: int
    owed: tuple[int, ...]


class DyadYears:
    """Dyad-years with the obligations of the first state to the second, of all alliances."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._owed: dict[tuple[str, str, int], tuple[int, ...]] = {}

    def add_years(
        self, pair: tuple[str, str], first: int, last: int, owed: tuple[int, ...]
    ) -> None:
        """Add the obligations of a pair in some years; raises `UnreadableFileError`."""
        for year in range(first, last + 1):
            key = (*pair, year)
            self._owed[key] = tuple(map(max, owed, self._owed.get(key, owed)))
        if len(self._owed) > MAX_DYAD_YEARS:
            raise UnreadableFileError(f"makes more than {MAX_DYAD_YEARS:,} dyad-years")

    def make_mutual(self) -> None:
        """Join the two directions of each pair."""
        directed, self._owed = self._owed, {}
        for (one, other, year), owed in directed.items():
            pair = (one, other) if int(one) < int(other) else (other, one)
            self.add_years(pair, year, year, owed)

    def iterate_rows(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year as a row."""
        for (one, other, year), owed in self._owed.items():
            flags = zip(self._columns.values(), map(str, owed), strict=True)
            yield {"ccode1": one, "ccode2": other, "year": str(year), **dict(flags)}


class AllianceMembers:
    """The members of all alliances of a file."""

    def __init__(self, flags: Mapping[str, str], *, mutual: bool) -> None:
        self._flags, self._mutual = flags, mutual
        self._terms: dict[str, list[AllianceTerm]] = defaultdict(list)

    def add_term(self, alliance: str, column: str, term: AllianceTerm) -> None:
        """Add a membership; `column` is that of the alliance. Raises `RejectedError`."""
        if not alliance:
            raise RejectedError(column, "is empty")
        terms = self._terms[alliance]
        if len(terms) == MAX_ALLIANCE_MEMBERS or len(self._terms) > MAX_ALLIANCES:
            raise RejectedError(column, "has too many members, or the file too many alliances")
        terms.append(term)

    def iterate_dyad_years(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year once; raises `UnreadableFileError`.

        A pair has the obligations of any one of its alliances: those of both members where they
        are mutual, else those of the first.
        """
        found = DyadYears(self._flags)
        for terms in self._terms.values():
            for a, b in permutations(sorted(terms), 2):
                if a.state == b.state or (self._mutual and a > b):
                    continue
                owed = tuple(map(min, a.owed, b.owed)) if self._mutual else a.owed
                first, last = max(a.first, b.first), min(a.last, b.last)
                found.add_years((a.state, b.state), first, last, owed)
        yield from found.iterate_rows()


class CowMembers(AllianceMembers):
    """COW's members: both are bound to what both owe."""

    def __init__(self) -> None:
        super().__init__(COW_FLAGS, mutual=True)

    def add_row(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""
        state = _parse_state(cells, "ccode")
        first, last = _parse_span(cells, "mem", COW_LAST_YEAR)
        owed = _parse_owed(cells, _COW_MEMBER_FLAGS)
        alliance = cells.get("version4id", "").strip()
        self.add_term(alliance, "version4id", AllianceTerm(state, first, last, owed))


class AtopMembers(AllianceMembers):
    """ATOP's members: each is bound to what it owes itself."""

    def __init__(self) -> None:
        super().__init__(ATOP_FLAGS, mutual=False)

    def add_row(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""
        state = _parse_state(cells, "member")
        first = parse_bounded_year(cells, "yrent", 1600, 2100)
        # 0 means that the membership goes on.
        last = ATOP_LAST_YEAR
        if parse_integer_cell(cells, "yrexit"):
            last = parse_bounded_year(cells, "yrexit", 1600, 2100)
        if last < first:
            raise RejectedError("yrexit", "is before yrent")
        owed = _parse_owed(cells, ATOP_OWN_FLAGS)
        self.add_term(
            cells.get("atopid", "").strip(), "atopid", AllianceTerm(state, first, last, owed)
        )


class CowDyads:
    """COW's dyads, by dyad or by direction, with a row for each alliance and perhaps each year."""

    def __init__(self) -> None:
        self._found = DyadYears(COW_FLAGS)
        self._pairs: set[tuple[str, str, str]] = set()
        self._is_directed = False
        """Whether a pair has a row for each of its directions in the same alliance."""

    def add_row(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""
        pair = (_parse_state(cells, "ccode1"), _parse_state(cells, "ccode2"))
        if pair[0] == pair[1]:
            raise RejectedError("ccode2", "is the same state as ccode1")
        owed = _parse_owed(cells, _COW_MEMBER_FLAGS)
        if "year" in cells:
            first = last = parse_bounded_year(cells, "year", 1600, 2100)
        else:
            first, last = _parse_span(cells, "dyad", COW_LAST_YEAR)
        alliance = cells.get("version4id", "").strip()
        self._pairs.add((alliance, *pair))
        self._is_directed |= (alliance, *reversed(pair)) in self._pairs
        self._found.add_years(pair, first, last, owed)

    def iterate_dyad_years(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year once, with the obligations of any of its alliances."""
        if not self._is_directed:
            self._found.make_mutual()
        yield from self._found.iterate_rows()


def _parse_state(cells: Cells, name: str) -> str:
    return parse_cow_state(cells, name).removeprefix("cow:")


def _parse_owed(cells: Cells, flags: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(value or 0 for value in parse_obligation_flags(cells, flags).values())


def _parse_span(cells: Cells, prefix: str, end: int) -> tuple[int, int]:
    """Parse the first and the last year of a span, which may be right-censored."""
    first = parse_bounded_year(cells, f"{prefix}_st_year", 1600, 2100)
    last = end
    name = f"{prefix}_end_year"
    if cells.get(name, "").strip() or parse_integer_cell(cells, "right_censor") != 1:
        last = parse_bounded_year(cells, name, 1600, 2100)
    if last < first:
        raise RejectedError(name, f"is before {prefix}_st_year")
    return first, last


def _reject_lone_row(_: Cells, __: Warn) -> LoadRecord:
    raise RejectedError("", "needs the other rows of its alliance; correct the whole file")


COW_MEMBERS_FORMAT = FileFormat(
    "cow-alliance-members", COW_DATASET, _reject_lone_row,
    lambda c: "|".join(c.get(name, "") for name in ("version4id", "ccode", "mem_st_year")),
    header=(frozenset({"version4id", "ccode", "mem_st_year", "mem_end_year"}),),
)  # fmt: skip
COW_DYADS_FORMAT = FileFormat(
    "cow-alliance-dyads", COW_DATASET, _reject_lone_row,
    lambda c: "|".join(c.get(name, "") for name in ("version4id", "ccode1", "ccode2", "year")),
    header=(
        frozenset({"ccode1", "ccode2", "dyad_st_year", "dyad_end_year", "defense"}),
        frozenset({"ccode1", "ccode2", "year", "defense", "entente"}),
    ),
)  # fmt: skip
ATOP_MEMBERS_FORMAT = FileFormat(
    "atop-members", ATOP_DATASET, _reject_lone_row,
    lambda c: "|".join(c.get(name, "") for name in ("atopid", "member", "yrent")),
    header=(frozenset({"atopid", "member", "yrent", "yrexit", "defense"}),),
)  # fmt: skip
CONVERTED_FORMATS: Mapping[str, tuple[Callable[[], DyadYearCollector], FileFormat]] = {
    COW_MEMBERS_FORMAT.name: (CowMembers, COW_YEARS_FORMAT),
    COW_DYADS_FORMAT.name: (CowDyads, COW_YEARS_FORMAT),
    ATOP_MEMBERS_FORMAT.name: (AtopMembers, ATOP_YEARS_FORMAT),
}
"""By format: the collector of its rows, and the format of the dyad-years that it makes."""
