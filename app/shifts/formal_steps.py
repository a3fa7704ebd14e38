"""The formal steps of memberships, such as an exclusion: they are shown beside what passed.

Alignment adds up acts. That a membership ended is none; the event that ended it may have a signal.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Select, select

from app.actors.membership_steps import first_possible_day
from app.db.tables import memberships
from app.db.versioning import Columns, select_with_documents


class FormalStep(NamedTuple):
    """A dated step of an actor in a group."""

    actor: str
    group: str
    role: str
    step: str
    date: str
    """EDTF: a day, a month or a year."""
    event: str | None
    note: str | None
    before: tuple[str, ...]
    """Earlier steps of the same membership."""

    @property
    def first_day(self) -> str:
        """The first day that the date can mean."""
        return first_possible_day(self.date)


Pair = tuple[str, str]


def read_formal_steps(
    db: Connection, pairs: Collection[Pair], as_of: int | None
) -> Mapping[Pair, Sequence[FormalStep]]:
    """Read the steps of each of some pairs of an actor and a group, in order of time."""
    if not pairs:
        return {}
    actors, groups = (sorted(set(codes)) for codes in zip(*pairs, strict=True))

    def build_select(m: Columns) -> Select[str, str, str, int]:
        of_pairs = (m.actor.in_(actors), m.group.in_(groups))
        return select(m.actor, m.group, m.role, m.seq).where(*of_pairs)

    found: dict[Pair, list[FormalStep]] = defaultdict(list)
    for actor, group, role, _, document in db.execute(
        select_with_documents(as_of, memberships, build_select)
    ):
        if (actor, group) in pairs:
            steps = msgspec.json.decode(document)["steps"]
            taken = [step["step"] for step in steps]
            found[actor, group] += [
                FormalStep(
                    actor, group, role, step["step"], step["date"], step.get("event"),
                    step.get("note"), tuple(taken[:n]),
                )
                for n, step in enumerate(steps)
            ]  # fmt: skip
    return {pair: sorted(some, key=lambda s: s.first_day) for pair, some in found.items()}
