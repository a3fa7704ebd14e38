"""Reads the stored votes of dyads: what else moved when a dyad seems to change.

Questions that a filter, `as_of` or `acts` narrow, tilts and groups have no votes: they would rest
on other events than the question.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, or_, select

from app.db.tables import dyad_votes, dyads
from app.shifts.question import AlignmentQuestion
from app.shifts.side_periods import ALWAYS
from app.shifts.statistics.waves import CorpusVotes, DyadVotes, Pair, PairVotes

MAX_LISTED_ACTORS = 40
"""Most actors whose votes are read by name; for more, those of a whole dataset are."""


@dataclass(slots=True)
class VoteCache:
    """The votes of whole datasets, for a run over many dyads."""

    writes: int = -1
    """The writes of votes after which they were read."""
    corpora: dict[tuple[str, ...], CorpusVotes] = field(default_factory=dict)


def is_open_to_waves(case: AlignmentQuestion) -> bool:
    """Whether the votes of other dyads say something about a question."""
    plain = case.event_filter is None and case.as_of is None and case.acts == "both"
    return plain and len(case.periods) == 1 and ALWAYS in case.periods.values()


def read_votes_of_cases(
    db: Connection, cases: Sequence[AlignmentQuestion], cache: VoteCache | None = None
) -> list[PairVotes | None]:
    """Read the votes that concern each of some dyads; None where there can be none.

    They come from the datasets in which the dyad itself occurs.
    """
    pairs = {n: _sort_pair(case) for n, case in enumerate(cases) if is_open_to_waves(case)}
    if not pairs:
        return [None] * len(cases)
    wanted = cases[next(iter(pairs))].datasets
    datasets_of = _read_datasets(db, pairs.values(), wanted)
    actors: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for pair in pairs.values():
        actors[datasets_of[pair]].update(pair)
    corpora = {} if cache is None else cache.corpora
    for names, of in actors.items():
        if names not in corpora:
            corpora[names] = read_votes(db, names, of if cache is None else None)
    return [
        PairVotes(corpora[datasets_of[pairs[n]]], pairs[n]) if n in pairs else None
        for n in range(len(cases))
    ]


def _sort_pair(case: AlignmentQuestion) -> Pair:
    [partner] = case.periods
    return min(case.actor, partner), max(case.actor, partner)


def _read_datasets(
    db: Connection, pairs: Collection[Pair], wanted: tuple[str, ...]
) -> dict[Pair, tuple[str, ...]]:
    """Read in which of some datasets each dyad occurs."""
    if len(wanted) == 1:
        return dict.fromkeys(pairs, wanted)
    d = dyads.c
    rows = select(d.one, d.other, d.dataset).where(d.dataset.in_(wanted))
    if len(pairs) == 1:
        [(one, other)] = pairs
        rows = rows.where(d.one == one, d.other == other)
    found: dict[Pair, list[str]] = {pair: [] for pair in pairs}
    for one, other, dataset in db.execute(rows.order_by(d.dataset)):
        if (one, other) in found:
            found[one, other].append(dataset)
    return {pair: tuple(names) for pair, names in found.items()}


def read_votes(
    db: Connection, datasets: Sequence[str], actors: Collection[str] | None = None
) -> CorpusVotes:
    """Read the votes of the dyads of some actors, or of all; those of several datasets together."""
    v = dyad_votes.c
    rows = select(v.one, v.other, v.first, v.flags).where(v.dataset.in_(datasets))
    if actors is not None and len(actors) <= MAX_LISTED_ACTORS:
        rows = rows.where(or_(v.one.in_(sorted(actors)), v.other.in_(sorted(actors))))
    found: dict[Pair, DyadVotes] = {}
    for one, other, first, flags in db.execute(rows.order_by(v.one, v.other, v.dataset)):
        votes = DyadVotes(first, np.frombuffer(flags, np.uint8))
        before = found.get((one, other))
        found[one, other] = votes if before is None else _join_votes(before, votes)
    return CorpusVotes(found)


def _join_votes(one: DyadVotes, other: DyadVotes) -> DyadVotes:
    first = min(one.first, other.first)
    flags = np.zeros(max(v.first + len(v.flags) for v in (one, other)) - first, np.uint8)
    for votes in (one, other):
        flags[votes.first - first :][: len(votes.flags)] |= votes.flags
    return DyadVotes(first, flags)
