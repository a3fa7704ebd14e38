"""The statement that finds the events of a filter is built from arms.

With a filter on participants it is driven by `participations`, which are clustered by (actor,
start, event); else it is driven by `events`, by (start, id). One arm reads either current or
superseded rows, and either events that began in the window, or events that began before it and
still went on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)

from app.db import dialect
from app.db.dialect.full_text import select_word_ranks
from app.db.tables import events, pairs, participations, revisions
from app.db.versioning import Columns, RowState, Values
from app.events.conditions import (
    CLAUSE_BUILDERS,
    EVENT_ROW_FIELDS,
    ClauseContext,
    FilterShape,
    ParticipantClause,
    list_participant_clauses,
    match_open_datasets,
    match_weight,
)
from app.events.filter import Sort

Bound = Callable[[ColumnElement[str] | str], ColumnElement[str]]
SortValue = ColumnElement[str] | ColumnElement[float]
"""What events are sorted by: a day, a time of recording, or a rank."""
RowLimit = ColumnElement[int] | int | None
MatchingRows = Select[*tuple[Any, ...]]
"""A statement whose columns are a sort value, id, seq, and some `CARRIED_COLUMNS`."""


PagePart = Literal["whole", "begun", "running", "lasting"]
"""All events; those that began in the window; earlier ones that still went on.

`lasting` are those of both that last for more than a day, which have an index."""


@dataclass(frozen=True, slots=True)
class StatementKey:
    """Everything that the text of a statement depends on; its values are in `BoundQuery.values`."""

    dialect_name: str
    shape: FilterShape
    sort: Sort = "-date"
    after: bool = False
    passed: bool = False
    """Whether the cursor lies within the window, so that the bound on its side is not needed."""
    limited: bool = False
    apart: bool = False
    """Whether each of several actors is sought separately."""
    pair: tuple[int, int] | None = None
    """Which two of the participant clauses name the actors whose `pairs` are walked."""
    by_roles: bool = False
    """Whether it matters which roles the two have."""
    from_words: bool = False
    """Whether the events are those that have the words, which are few, looked up one by one."""
    by_place: bool = False
    """Whether on each of the days the events of the countries are sought, which are few."""
    part: PagePart = "whole"
    """Of a page that is read in two parts, which it is."""

    @property
    def has_parts(self) -> bool:
        """Whether a page may be read in two parts: all of the first come before the second."""
        return self.limited and self.may_be_parted

    @property
    def may_be_parted(self) -> bool:
        """Whether a part of the events can be asked for."""
        return (
            self.sort == "-date"
            and self.shape.has_field("since")
            and not self.shape.has_field("certain")
            and not self.shape.has_field("as_of")
        )

    @property
    def has_one_plan(self) -> bool:
        """Whether one plan is right for all values of a page, whose index is walked in its order.

        So it is for the events of an actor that began in a window: there is no other index by
        actor and day. Of all actors PostgreSQL would read the whole table (decision 052).
        """
        fields = dict(self.shape.field_counts)
        return (
            fields.get("actor") == 1
            and fields.keys() <= WALKED_FIELDS
            and self.is_by_day
            and (self.part == "begun" or "since" not in fields)
        )

    @property
    def is_descending(self) -> bool:
        """Whether the newest, or the most relevant, come first."""
        return self.sort.startswith("-") or self.sort == "relevance"

    @property
    def is_by_day(self) -> bool:
        """Whether the order is by the day of the event, not by its recording or relevance."""
        return self.sort.endswith("date")


WALKED_FIELDS = frozenset(("actor", "since", "until"))
"""Fields by which the key of `participations` is walked, and next to nothing is passed over."""
CARRIED_COLUMNS = ("dataset", "type", "intensity", "quad", "status", "end")
"""Columns of `events` that `participations` has too."""


def select_matching(key: StatementKey, *carried: str) -> MatchingRows:
    """Select (sort value, id, seq) of the matching events in order, with some `CARRIED_COLUMNS`."""
    return _StatementBuilder(key, carried).build_statement()


@lru_cache(maxsize=1024)
def select_matching_revisions(key: StatementKey) -> CompoundSelect[int]:
    """Select which revisions of the parameter `seqs` match, current and superseded ones."""
    builder = _StatementBuilder(key)
    return union_all(
        *(_ArmBuilder(builder, row_state).select_revisions() for row_state in RowState)
    )


class _StatementBuilder:
    """Builds the statement of a key from its arms."""

    def __init__(self, key: StatementKey, carried: Sequence[str] = ()) -> None:
        self.key, self.shape, self.carried = key, key.shape, carried
        self.as_of = key.shape.has_field("as_of")
        self.demanded = list_participant_clauses(key.shape)
        self.of_parts = bool(self.demanded) and key.is_by_day
        if key.from_words:  # of groups there may be many members, each of which would be sought
            self.of_parts = any(one.actors for one in self.demanded[:1])
        if key.pair is not None:  # the two come first
            both = [self.demanded[n] for n in key.pair]
            rest = [one for n, one in enumerate(self.demanded) if n not in key.pair]
            self.demanded = both + rest
        self.first: ParticipantClause | None = self.demanded.pop(0) if self.of_parts else None
        self.ranks = select_word_ranks(key.dialect_name) if key.sort == "relevance" else None
        self.limit = bindparam("page", type_=Integer) if key.limited else None

    def build_statement(self) -> MatchingRows:
        """Build the whole statement, over current rows and, as of a version, superseded ones."""
        current = _ArmBuilder(self, RowState.CURRENT).build_arms()
        if not self.as_of:
            return current
        now = current.cte("current_rows").prefix_with("MATERIALIZED")  # used three times, read once
        past = (
            _ArmBuilder(self, RowState.SUPERSEDED, self._build_past_bound(now.c.value))
            .build_arms()
            .subquery()
        )
        both = union_all(*(select(*a.c) for a in (now, past))).subquery().c
        return self.apply_order(select(*both), (both.value, both.id))

    def _build_past_bound(self, value: ColumnElement[str]) -> Bound | None:
        """Build the bound beyond which superseded rows are not read: the end of a full page.

        Without it a page would read every row that was superseded before its version. Returns a
        function that combines this bound with the bound of the window on the same side, so that the
        index is searched by one value.
        """
        if self.limit is None:
            return None
        last = func.min(value) if self.key.is_descending else func.max(value)
        full = func.count() >= self.limit

        def nearest_bound(other: ColumnElement[str] | str) -> ColumnElement[str]:
            nearer = last > other if self.key.is_descending else last < other
            return select(case((and_(full, nearer), last), else_=other)).scalar_subquery()

        return nearest_bound

    def apply_order(
        self, statement: MatchingRows, columns: Iterable[SortValue], most: RowLimit = None
    ) -> MatchingRows:
        """Order a statement, and limit it to `most` rows, by default to a page."""
        ends = [c.desc() if self.key.is_descending else c.asc() for c in columns]
        statement = statement.order_by(*ends)
        most = self.limit if most is None else most
        return statement if most is None else statement.limit(most)


class _ArmBuilder:
    """Builds the arms over current or over superseded rows."""

    def __init__(
        self, builder: _StatementBuilder, row_state: RowState, bound: Bound | None = None
    ) -> None:
        self.builder, self.row_state, self.bound = builder, row_state, bound
        self.key, self.shape = builder.key, builder.shape
        self.parts, self.events = row_state.table_for(participations), row_state.table_for(events)
        self.driver = self.parts if builder.of_parts else self.events
        self.ident = self.parts.c.event if builder.of_parts else self.events.c.id
        self.place: Columns = self.driver.c
        """Columns of what is walked, which has `start` and `seq` of an event."""
        self.start: ColumnElement[str] = self.place.start
        if self.key.from_words:  # an expression: else the days would be walked, not the words
            self.start = self.start.concat("")

    @property
    def joins_texts(self) -> bool:
        """Whether the participations are found by the revisions that have the words.

        These say which event it is, and are read for the page anyway: the row of the event is not
        read, which is a block or two for each of these texts.
        """
        return self.key.from_words and self.builder.of_parts

    def build_arms(self) -> MatchingRows:
        """Build both arms: events that began in the window, and earlier ones that still went on."""
        most, by_day = self.builder.limit, self.key.is_by_day
        if not self.shape.has_field("since") or self.shape.has_field("certain"):
            return self.build_begun_arm(most)
        if self.key.part == "lasting":
            start = self.driver.c.start.concat("")
            days = self.build_lasting_conditions(start)
            return self.build_arm(start, days, most, in_window=False)
        parts = [self.build_begun_arm, self.build_running_arm]
        if self.key.part != "whole":
            return parts[self.key.part == "running"](most)
        if by_day and not self.key.is_descending:
            parts.reverse()  # events that began before the window come first
        one = parts[0](most).cte(f"one_{self.row_state.value}")
        rest: RowLimit = most
        if rest is not None and by_day:
            rest = rest - select(func.count()).select_from(one).scalar_subquery()
            if self.bound is not None and self.key.is_descending:
                # The page ends within the window: no event that began before it is on the page.
                since = bindparam("since", type_=String)
                rest = case((self.bound("") >= since, 0), else_=rest)
        two = parts[1](rest).subquery("two")
        both = union_all(*(select(*a.c) for a in (one, two))).subquery().c
        return self.builder.apply_order(select(*both), (both.value, both.id))

    def build_begun_arm(self, most: RowLimit) -> MatchingRows:
        """Build the arm of the events that began in the window."""
        if self.key.pair is None:
            return self.build_arm(self.choose_value(self.start), self.build_day_conditions(), most)
        found = [
            _PairArmBuilder(self.builder, of_many=of_many).build_begun_arm(most).subquery()
            for of_many in (False, True)
        ]
        both = union_all(*(select(*rows.c) for rows in found)).subquery().c
        return self.builder.apply_order(select(*both), (both.value, both.id), most)

    def build_running_arm(self, most: RowLimit) -> MatchingRows:
        """Build the arm of the events that began before the window and still went on in it."""
        # An expression, not the column: so the index on events of several days is used.
        start = self.driver.c.start.concat("")
        days = self.build_running_conditions(start)
        return self.build_arm(self.choose_value(start), days, most, in_window=False)

    def choose_value(self, start: ColumnElement[str]) -> SortValue:
        """Choose what events are sorted by; `start` is their first day."""
        if self.key.is_by_day:
            return start
        ranks = self.builder.ranks
        return self.events.c.recorded_at if ranks is None else ranks.c.rank

    def build_day_conditions(self) -> Iterator[ColumnElement[bool]]:
        """Build the conditions of an event that began in the window.

        The bound that the cursor has passed is left out: SQLite would search the index by it, not
        by the cursor, and walk through every page before.
        """
        near, certain, begun = self.driver.c, self.shape.has_field("certain"), self.start
        if self.shape.has_field("days"):  # the parameter `values`
            yield dialect.match_any(self.key.dialect_name, begun)
        passed, descending = self.key.passed, self.key.is_descending
        first: ColumnElement[str] | None = None
        last: ColumnElement[str] | None = None
        if self.shape.has_field("since"):
            first = bindparam("since", type_=String)
        if self.shape.has_field("until"):
            last = bindparam("until", type_=String)
        if self.bound is not None and self.key.is_by_day and descending:
            first = self.bound("" if first is None else first)
        elif self.bound is not None and self.key.is_by_day:
            yield begun <= self.bound("~" if last is None or certain else last)
            last = last if certain else None
        if first is not None and (descending or not passed):
            yield begun >= first
        if last is not None and (certain or not descending or not passed):
            yield (near.end if certain else begun) <= last

    def build_running_conditions(self, start: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """Build the conditions of an event that began before the window and still went on in it."""
        near = self.driver.c
        since: ColumnElement[str] = bindparam("since")
        return [start < since, near.end >= since, near.end != near.start]

    def build_lasting_conditions(self, start: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """Build the conditions of an event of more than a day that went on in the window."""
        near = self.driver.c
        since: ColumnElement[str] = bindparam("since")
        found = [near.end >= since, near.end != near.start]
        if self.shape.has_field("until"):
            found.append(start <= bindparam("until", type_=String))
        return found

    def build_arm(
        self,
        value: SortValue,
        days: Iterable[ColumnElement[bool]],
        most: RowLimit,
        *,
        in_window: bool = True,
    ) -> MatchingRows:
        """Build one arm: the events that meet every condition, these on days included."""
        apart: FromClause | None = None
        builder, near, ident = self.builder, self.driver.c, self.ident
        if builder.first is not None and self.key.apart:
            name = "now" if in_window else "then"
            apart = dialect.unnest_params(self.key.dialect_name, name, ("actor", "since", "until"))
        carried = (near[name] for name in builder.carried)
        seq = self.place.seq.label("seq")
        base = select(value.label("value"), ident.label("id"), seq, *carried)
        if builder.ranks is not None:
            base = base.join(builder.ranks, builder.ranks.c.seq == near.seq)
        if builder.first is not None:
            base = self.apply_participation(base, value, apart, in_window)
        base = self.apply_conditions(base)
        if self.key.after:
            key = (bindparam(name, type_=String) for name in ("after_value", "after_id"))
            there = tuple_(*key)
            here = tuple_(value, ident)
            base = base.where(here < there if self.key.is_descending else here > there)
        base = base.where(*days)
        if self.bound is not None and not (self.key.is_by_day and in_window):
            descending = self.key.is_descending
            inside = value >= self.bound("") if descending else value <= self.bound("~")
            base = base.where(inside)
        if apart is None:
            return builder.apply_order(base, (value, ident), most)
        each = builder.apply_order(base, (value, ident)).lateral()
        rows = select(*each.c).select_from(apart).join(each, true())
        rows = dialect.distinct_on(self.key.dialect_name, rows, each.c.value, each.c.id)
        return builder.apply_order(rows, (each.c.value, each.c.id), most)

    def apply_conditions(self, base: Select[*Values]) -> Select[*Values]:
        """Apply every condition except those on days."""
        near = self.driver.c
        base = base.where(*self.iterate_demanded())
        row = ClauseContext(self.key.dialect_name, self.shape, self.row_state, near, self.events.c)
        if self.joins_texts:
            row = replace(row, text_seq=revisions.c.seq)
        for branch in CLAUSE_BUILDERS.values():
            base = base.where(*branch(row))
        return base.where(*match_open_datasets(row), *match_weight(row))

    def iterate_demanded(self) -> Iterator[ColumnElement[bool]]:
        """Require the participations that the arm does not walk."""
        for other in self.list_demanded():
            p, at = self.parts.alias().c, self.place
            same = (p.event == self.ident, *other.build_conditions(p, as_of=self.builder.as_of))
            yield exists().where(*same, p.start == at.start, p.seq == at.seq)

    def list_demanded(self) -> list[ParticipantClause]:
        """List the participations that are required beside the first."""
        return self.builder.demanded

    def select_revisions(self) -> Select[int]:
        """Select which revisions of the parameter `seqs` meet every condition."""
        near = self.driver.c
        found = self.apply_conditions(select(near.seq))
        found = found.where(near.seq.in_(bindparam("seqs", expanding=True)))
        first, last = bindparam("since", type_=String), bindparam("until", type_=String)
        certain = self.shape.has_field("certain")
        if self.shape.has_field("since"):
            found = found.where((near.start if certain else near.end) >= first)
        if self.shape.has_field("until"):
            found = found.where((near.end if certain else near.start) <= last)
        return found

    def apply_participation(
        self, base: MatchingRows, value: SortValue, apart: FromClause | None, in_window: bool
    ) -> MatchingRows:
        """Apply the first participant clause; an actor in several roles gives one row."""
        first, p = self.builder.first, self.parts.c
        assert first is not None
        if any(self.shape.has_field(name) for name in EVENT_ROW_FIELDS):
            e = self.events.c
            same: ColumnElement[bool] = e.seq == p.seq
            if self.key.by_place:  # an expression: not sought by that, but by country and day
                same = and_(e.start == p.start, e.seq + literal_column("0") == p.seq)
            base = base.select_from(self.parts).join(self.events, same)
        as_of = self.builder.as_of
        if self.joins_texts:
            r = revisions.c
            base = base.join(revisions, and_(r.id == p.event, r.seq == p.seq))
            kind = self.key.dialect_name  # SQLite would walk all events of the actor
            codes = tuple(dialect.seek_after(kind, code, r.id) for code in first.actors)
            first = replace(first, actors=codes)
        if apart is None:
            base = base.where(*first.build_conditions(p, in_window=in_window, as_of=as_of))
        else:
            of = apart.c
            base = base.where(
                *replace(first, actors=(), groups=()).build_conditions(p, as_of=as_of)
            )
            base = base.where(p.actor == of.actor)
            # Within a CASE: PostgreSQL takes plain bounds known only at run time for a tiny range.
            is_member = and_(p.start >= of.since, p.start < of.until)
            base = base.where(case((is_member, true()), else_=false()))
        return dialect.distinct_on(self.key.dialect_name, base, value, self.ident)


BARE_FIELDS = frozenset(
    {"actor", "between", "initiator", "target", "role", "no_via", "since", "until"}
)
"""Fields that are asked of the rows of `pairs` alone."""


class _PairArmBuilder(_ArmBuilder):
    """Builds an arm over the current rows of `pairs`.

    Those of the two actors themselves, or those of the first that have many actors; other
    conditions are asked of the participation of the first.
    """

    def __init__(self, builder: _StatementBuilder, *, of_many: bool) -> None:
        super().__init__(builder, RowState.CURRENT)
        self.of_many = of_many
        self.walked = pairs.alias()
        self.place, self.ident = self.walked.c, self.walked.c.event
        self.start = self.place.start
        fields = {name for name, _ in self.shape.field_counts}
        assert builder.first is not None
        self.is_bare = fields <= BARE_FIELDS and not builder.carried

    def build_begun_arm(self, most: RowLimit) -> MatchingRows:
        """Build the arm of the events that began in the window."""
        return self.build_arm(self.place.start, self.build_day_conditions(), most)

    def list_demanded(self) -> list[ParticipantClause]:
        """List the participations that are required beside the first, and not by the pair."""
        second, *rest = self.builder.demanded
        return [second, *rest] if self.of_many else rest

    def apply_conditions(self, base: Select[*Values]) -> Select[*Values]:
        """Apply every condition except those on days."""
        if not self.is_bare:
            return super().apply_conditions(base)
        return base.where(*self.iterate_demanded())

    def apply_participation(
        self, base: MatchingRows, value: SortValue, _: FromClause | None, in_window: bool
    ) -> MatchingRows:
        """Walk the rows of the two actors, and join the participation of the first if needed."""
        first, x, p = self.builder.first, self.walked.c, self.parts.c
        assert first is not None
        if self.of_many:
            base = base.where(x.one.in_(first.actors), x.other == bindparam("no_other", ""))
        else:
            base = base.where(x.one == bindparam("pair_one"), x.other == bindparam("pair_other"))
        if self.key.by_roles:
            names = ("lone_bits",) if self.of_many else ("first_bits", "second_bits")
            wanted = (bindparam(name, type_=Integer) for name in names)
            base = base.where(*(x.roles.bitwise_and(bits) != 0 for bits in wanted))
        if self.is_bare:
            return base
        same = and_(p.start == x.start, p.event == x.event, p.actor.in_(first.actors))
        base = base.select_from(self.walked.join(self.parts, same))
        if any(self.shape.has_field(name) for name in EVENT_ROW_FIELDS):
            base = base.join(self.events, self.events.c.seq == x.seq)
        base = base.where(*replace(first, actors=()).build_conditions(p, in_window=in_window))
        return dialect.distinct_on(self.key.dialect_name, base, value, self.ident)
