"""Reads the strongest tie of every two states, by year."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from sqlalchemy import Connection, Select, select

from app.actors.membership_steps import membership_period
from app.alliances.read import read_group_memberships, read_groups
from app.db.tables import actor_names, actors, alliance_years
from app.db.versioning import Columns, select_current_or_as_of
from app.similarity.loaded_datasets import require_loaded_datasets
from app.similarity.portfolio_similarity import TIE_STRENGTH

FIRST_RECORDED_DAY = "1946-01-01"
LOADED_CODE = re.compile(r"(cow|gw):[0-9]{1,3}")
"""A code as loaded alliances have it, such as `cow:255`."""


def read_state_periods(db: Connection, as_of: int | None) -> list[tuple[str, str, str]]:
    """Read (code, since, until) of every state."""

    def build_select(a: Columns) -> Select[str, str | None, str | None]:
        rows = select(a.code, a.since, a.until)
        return rows.where(a.kind == "state", a.merged_into.is_(None))

    rows = db.execute(select_current_or_as_of(as_of, actors, build_select))
    return sorted((r.code, r.since or "", r.until or "~") for r in rows)


TiesByYear = dict[int, dict[tuple[str, str], int]]
"""The strongest tie of every two states, by year."""


def require_alliance_datasets(db: Connection, asked: Sequence[str], as_of: int | None) -> list[str]:
    """Find the datasets of loaded alliances, or those asked for; raises `InvalidParameterError`."""
    of = alliance_years.c.dataset
    return require_loaded_datasets(db, of, asked, as_of, "alliances by year")


def read_loaded_ties(
    db: Connection, years: tuple[int, int], sets: Sequence[str], as_of: int | None
) -> TiesByYear:
    """Read the ties of loaded alliances.

    A state that the record does not know on the day has the code of its dataset. It counts for the
    actor that bears this code at another time, and Prussia for Germany, which has its number.
    """
    found: TiesByYear = defaultdict(dict)
    if not sets:
        return found
    a, bearers = alliance_years.c, read_code_bearers(db, as_of)
    rows = select(a.year, a.actor, a.partner, *(a[name] for name in TIE_STRENGTH))
    for year, one, other, *owed in db.execute(
        rows.where(a.dataset.in_(sets), a.year.between(*years))
    ):
        rank = max(
            (r for r, flag in zip(TIE_STRENGTH.values(), owed, strict=True) if flag), default=0
        )
        pair = tuple(sorted(bearers.get(code, code) for code in (one, other)))
        if rank and pair[0] != pair[1]:
            pairs = found[year]
            pairs[pair[0], pair[1]] = max(pairs.get((pair[0], pair[1]), 0), rank)
    return found


def read_code_bearers(db: Connection, as_of: int | None) -> dict[str, str]:
    """Read the actor that bears a code such as `cow:255`; of several the last.

    Actors that ended before the record begins, and whose number passed on, are such codes too.
    """

    def build_select(n: Columns) -> Select[str, str, str, str, str]:
        found = select(n.scheme, n.value, n.actor, n.since, n.until)
        return found.where(n.scheme.in_(("cow", "gw")))

    rows = sorted(
        db.execute(select_current_or_as_of(as_of, actor_names, build_select)),
        key=lambda r: (r.since, r.actor),
    )
    found = {f"{r.scheme}:{r.value}": r.actor for r in rows}
    for r in rows:
        last = found[f"{r.scheme}:{r.value}"]
        if r.scheme == "cow" and r.until < FIRST_RECORDED_DAY and last != r.actor:
            found[r.actor] = last
    return found


def merge_ties(one: TiesByYear, other: TiesByYear) -> TiesByYear:
    """Merge two sets of ties, keeping the stronger tie of a pair."""
    found: TiesByYear = defaultdict(dict)
    for ties in (one, other):
        for year, pairs in ties.items():
            for pair, rank in pairs.items():
                found[year][pair] = max(found[year].get(pair, 0), rank)
    return found


def read_recorded_ties(db: Connection, years: tuple[int, int], as_of: int | None) -> TiesByYear:
    """Read the strongest tie of two states that the record knows on some day of each year."""
    ranks = {
        group.code: max(TIE_STRENGTH[obligation] for obligation in group.obligations)
        for group in read_groups(db, None, as_of)
        if group.obligations
    }
    periods = defaultdict(list)
    if ranks:
        for membership in read_group_memberships(db, as_of, groups=sorted(ranks)):
            since, until = membership_period(membership.steps)
            if membership.role == "member" and since is not None:
                periods[membership.group].append((membership.actor, since, until))
    found: TiesByYear = defaultdict(dict)
    for group, members in periods.items():
        for (one, since, until), (other, begun, ended) in combinations(sorted(members), 2):
            first, last = max(since, begun), min(until, ended)
            if one == other or first >= last:
                continue
            for year in range(max(int(first[:4]), years[0]), min(int(last[:4]), years[1]) + 1):
                if last > f"{year:04}-01-01":
                    pair = found[year]
                    pair[one, other] = max(pair.get((one, other), 0), ranks[group])
    return found
