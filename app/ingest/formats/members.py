"""The format of COW's alliances by member, which are converted to dyad-years. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from app.ingest.format import Cells, Format, Warn, whole
from app.ingest.formats.alliances import COW, COW_FLAGS, flags_of, state_of, year_of
from app.ingest.given import Item, RejectedError
from app.ingest.opened import UnreadableError

LAST = 2012
"""The year in which COW's data end; a membership that continues beyond it is right-censored."""
MOST = 500_000
"""Maximum dyad-years of one file, some seven times what COW has."""
MOST_MEMBERS, MOST_ALLIANCES = 1000, 5000
_PLAIN = {name: name for name in ("defense", "neutrality", "nonaggression")}
_NAMES = {**_PLAIN, "consultation": "entente"}


class Spell(NamedTuple):
    """The membership of a state in an alliance, both years included, and its obligations."""

    state: str
    first: int
    last: int
    owed: tuple[int, ...]


class Members:
    """The members of all alliances of a file."""

    def __init__(self) -> None:
        self._spells: dict[str, list[Spell]] = defaultdict(list)

    def add(self, cells: Cells) -> None:
        """Add a row; raises `RejectedError`."""
        alliance = cells.get("version4id", "").strip()
        if not alliance:
            raise RejectedError("version4id", "is empty")
        state = state_of(cells, "ccode").removeprefix("cow:")
        first = year_of(cells, "mem_st_year", 1600, 2100)
        last = LAST
        if cells.get("mem_end_year", "").strip() or whole(cells, "right_censor") != 1:
            last = year_of(cells, "mem_end_year", 1600, 2100)
        if last < first:
            raise RejectedError("mem_end_year", "is before mem_st_year")
        owed = flags_of(cells, _NAMES)
        flags = tuple(owed[name] or 0 for name in COW_FLAGS)
        spells = self._spells[alliance]
        if len(spells) == MOST_MEMBERS or len(self._spells) > MOST_ALLIANCES:
            raise RejectedError(
                "version4id", "has too many members, or the file has too many alliances"
            )
        spells.append(Spell(state, first, last, flags))

    def years(self) -> Iterator[dict[str, str]]:
        """Yield each dyad-year once, as a row of COW's dyad-years; raises `UnreadableFileError`.

        A pair has the obligations that both members have in any one of its alliances.
        """
        found: dict[tuple[str, str, int], tuple[int, ...]] = {}
        for spells in self._spells.values():
            for a, b in combinations(sorted(spells), 2):
                if a.state == b.state:
                    continue
                both = tuple(map(min, a.owed, b.owed))
                for year in range(max(a.first, b.first), min(a.last, b.last) + 1):
                    key = (a.state, b.state, year)
                    found[key] = tuple(map(max, both, found.get(key, both)))
                if len(found) > MOST:
                    raise UnreadableError(f"makes more than {MOST:,} dyad-years")
        for (one, other, year), owed in found.items():
            flags = zip(COW_FLAGS.values(), map(str, owed), strict=True)
            yield {"ccode1": one, "ccode2": other, "year": str(year), **dict(flags)}


def _alone(_: Cells, __: Warn) -> Item:
    raise RejectedError(
        "version4id", "needs the other members of its alliance; correct the whole file"
    )


COW_MEMBERS = Format(
    "cow-alliance-members", COW, _alone,
    lambda c: "|".join(c.get(name, "") for name in ("version4id", "ccode", "mem_st_year")),
    header=(frozenset({"version4id", "ccode", "mem_st_year", "mem_end_year"}),),
)  # fmt: skip
