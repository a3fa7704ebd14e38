"""The format of COW's alliances by member, which are converted to dyad-years. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from app.events.record import RejectedError
from app.ingest.formats.alliances import (
    COW_DATASET,
    COW_FLAGS,
    parse_bounded_year,
    parse_cow_state,
    parse_obligation_flags,
)
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import Cells, FileFormat, Warn, parse_integer_cell
from app.ingest.formats.records import LoadRecord

LAST_YEAR = 2012
"""The year in which COW's data end; a membership that continues beyond it is right-censored."""
MAX_DYAD_YEARS = 500_000
"""Maximum dyad-years of one file, some seven times what COW has."""
MAX_ALLIANCE_MEMBERS, MAX_ALLIANCES = 1000, 5000
_SAME_NAMES = {name: name for name in ("defense", "neutrality", "nonaggression")}
_MEMBER_FLAGS = {**_SAME_NAMES, "consultation": "entente"}


class AllianceTerm(NamedTuple):
    """The membership of a state in an alliance, both years included, and its obligations."""

    state: str
    first: int
    last: int
    owed: tuple[int, ...]


class AllianceMembers:
    """The members of all alliances of a file."""

    def __init__(self) -> None:
        self._terms: dict[str, list[AllianceTerm]] = defaultdict(list)

    def add_member(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""
        alliance = cells.get("version4id", "").strip()
        if not alliance:
            raise RejectedError("version4id", "is empty")
        state = parse_cow_state(cells, "ccode").removeprefix("cow:")
        first = parse_bounded_year(cells, "mem_st_year", 1600, 2100)
        last = LAST_YEAR
        if cells.get("mem_end_year", "").strip() or parse_integer_cell(cells, "right_censor") != 1:
            last = parse_bounded_year(cells, "mem_end_year", 1600, 2100)
        if last < first:
            raise RejectedError("mem_end_year", "is before mem_st_year")
        owed = parse_obligation_flags(cells, _MEMBER_FLAGS)
        flags = tuple(owed[name] or 0 for name in COW_FLAGS)
        spells = self._terms[alliance]
        if len(spells) == MAX_ALLIANCE_MEMBERS or len(self._terms) > MAX_ALLIANCES:
            raise RejectedError(
                "version4id", "has too many members, or the file has too many alliances"
            )
        spells.append(AllianceTerm(state, first, last, flags))

    def iterate_dyad_years(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year once, as a row of COW's dyad-years; raises `UnreadableFileError`.

        A pair has the obligations that both members have in any one of its alliances.
        """
        found: dict[tuple[str, str, int], tuple[int, ...]] = {}
        for spells in self._terms.values():
            for a, b in combinations(sorted(spells), 2):
                if a.state == b.state:
                    continue
                both = tuple(map(min, a.owed, b.owed))
                for year in range(max(a.first, b.first), min(a.last, b.last) + 1):
                    key = (a.state, b.state, year)
                    found[key] = tuple(map(max, both, found.get(key, both)))
                if len(found) > MAX_DYAD_YEARS:
                    raise UnreadableFileError(f"makes more than {MAX_DYAD_YEARS:,} dyad-years")
        for (one, other, year), owed in found.items():
            flags = zip(COW_FLAGS.values(), map(str, owed), strict=True)
            yield {"ccode1": one, "ccode2": other, "year": str(year), **dict(flags)}


def _reject_lone_member(_: Cells, __: Warn) -> LoadRecord:
    raise RejectedError(
        "version4id", "needs the other members of its alliance; correct the whole file"
    )


COW_MEMBERS_FORMAT = FileFormat(
    "cow-alliance-members", COW_DATASET, _reject_lone_member,
    lambda c: "|".join(c.get(name, "") for name in ("version4id", "ccode", "mem_st_year")),
    header=(frozenset({"version4id", "ccode", "mem_st_year", "mem_end_year"}),),
)  # fmt: skip
