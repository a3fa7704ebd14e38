"""A filter is split into the shape of a statement and the values of its parameters.

The text of a statement depends only on which fields are set and how many values each has: its
`FilterShape`. The values are passed separately, by parameter name. So a statement is built and
compiled once for each shape, and run many times with other values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Float,
    Table,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    union_all,
)

from app.db.dialect.full_text import build_word_query, matches_each_text, matches_words
from app.db.tables import memberships, reports, signals, tags
from app.db.versioning import Columns, RowState, list_row_states
from app.events.places import find_least_cosine, unit_vector
from app.events.resolved_filter import ResolvedFilter

LIST_FIELDS = [
    "actor",
    "between",
    "initiator",
    "target",
    "role",
    "member_of",
    "type",
    "mode",
    "cameo",
    "quad",
    "effect",
    "native",
    "country",
    "tag",
    "dataset",
    "source",
    "publisher",
    "status",
]
SCALAR_FIELDS = [
    "min_intensity",
    "max_intensity",
    "min_reliability",
    "min_credibility",
    "min_independent_sources",
    "since",
    "until",
    "known_by",
    "as_of",
]

Param = BindParameter[str] | BindParameter[int]
"""A parameter of a statement; quad classes are integers, all others texts."""
ActorParam = Param | ColumnElement[str]
"""The parameter of an actor, or an expression with it."""


SUMMED_FIELDS = frozenset(
    {
        "actor", "between", "initiator", "target", "role", "via", "member_of", "since", "until",
        "match", "type", "mode", "cameo", "quad", "min_intensity", "max_intensity", "country",
        "dataset", "status", "as_of", "effect",
    }
)  # fmt: skip
"""Fields by which events may be narrowed whose sums alone are open.

By the others, such as words, places and publishers, sums of single rows would tell what is in them.
"""


@dataclass(frozen=True, slots=True)
class FilterShape:
    """Which fields of a filter are set, and how many values each has."""

    field_counts: tuple[tuple[str, int], ...] = ()

    def has_field(self, field: str) -> bool:
        """Whether a field is set."""
        # A loop, not `any`: a page asks for several fields, and each step of a generator is a call.
        for name, _ in self.field_counts:  # noqa: SIM110
            if name == field:
                return True
        return False

    def field_params(self, field: str) -> list[Param]:
        """The parameters of a field that takes several values; empty where it is not set."""
        count = next((n for name, n in self.field_counts if name == field), 0)
        return [bindparam(f"{field}_{n}") for n in range(count)]


def split_filter(kind: str, resolved: ResolvedFilter) -> tuple[FilterShape, dict[str, object]]:
    """Split a filter into its shape and its parameter values; `kind` names the dialect."""
    counts: dict[str, int] = {}
    values: dict[str, object] = {}
    for field in LIST_FIELDS:
        if wanted := getattr(resolved, field):
            counts[field] = len(wanted)
            values |= {f"{field}_{n}": value for n, value in enumerate(wanted)}
    for n, code in enumerate(resolved.cameo):
        values[f"cameo_end_{n}"] = code + ":"  # ':' sorts right after '9': all longer codes match
    for n, label in enumerate(resolved.native):
        values[f"native_from_{n}"], values[f"native_end_{n}"] = f"{label}: ", f"{label}:!"
    singles = {field: getattr(resolved, field) for field in SCALAR_FIELDS}
    if resolved.q is not None:
        singles["q"] = build_word_query(kind, resolved.q)
        counts |= {} if singles["q"] else {"nothing": 1}
    for field, value in singles.items():
        if value is not None:
            counts[field], values[field] = 1, value
    if resolved.bbox is not None:
        counts["bbox" if resolved.bbox.west <= resolved.bbox.east else "bbox_across"] = 1
        values |= resolved.bbox._asdict()
    if resolved.near is not None:
        lat, lon, km = resolved.near
        counts["near"] = 1
        values |= dict(zip(("near_x", "near_y", "near_z"), unit_vector(lat, lon), strict=True))
        values["near_cosine"] = find_least_cosine(km)
    flags = {"certain": resolved.match == "certain", "no_via": not resolved.via}
    counts |= {name: 1 for name, on in flags.items() if on}
    return FilterShape(tuple(sorted(counts.items()))), values


@dataclass(frozen=True, slots=True)
class ParticipantClause:
    """One participation that an event must have, as the parameters that limit it."""

    actors: tuple[ActorParam, ...] = ()
    groups: tuple[Param, ...] = ()
    roles: tuple[Param, ...] = ()
    via: bool = True
    during: tuple[Param, ...] = ()
    """Actors that were members on some day of the window."""
    steady: tuple[Param, ...] = ()
    """Actors that were members on every day of the window: no check by day is needed."""

    def build_conditions(
        self, p: Columns, *, in_window: bool = True, as_of: bool = False
    ) -> Iterator[ColumnElement[bool]]:
        """Build the conditions on a row of `participations`, or of an alias of it."""
        if self.actors:
            yield p.actor.in_(self.actors)
        if self.groups:
            yield from self.build_membership_conditions(p, self.during if in_window else (), as_of)
        if self.roles:
            yield p.role.in_(self.roles)
        if not self.via:
            yield p.via == ""

    def build_membership_conditions(
        self, p: Columns, during: tuple[Param, ...], as_of: bool
    ) -> Iterator[ColumnElement[bool]]:
        """Require that the actor was a member of one of the groups on the day of the event."""
        ever, on_the_day = [], []
        for row_state in list_row_states(as_of):
            m = row_state.table_for(memberships).c
            # Named apart from the roles that are asked for, which are `role_0`, `role_1` …
            belongs = [m.group.in_(self.groups), m.role == bindparam("as_member", "member")]
            belongs += row_state.conditions_as_of(m) if as_of else []
            ever.append(select(m.actor).where(*belongs))
            day = (m.actor == p.actor, m.since <= p.start, m.until > p.start)
            on_the_day.append(exists().where(*day, *belongs))
        if not during:
            # One list of current and superseded rows: with two lists joined by OR, SQLite scanned
            # every participation, and a page as of a version cost 6 to 14 times a current one.
            yield p.actor.in_(ever[0] if len(ever) == 1 else union_all(*ever))
            yield or_(*on_the_day)
            return
        yield p.actor.in_(during)
        if len(self.steady) < len(during):
            yield or_(*([p.actor.in_(self.steady)] if self.steady else []), *on_the_day)


def list_participant_clauses(shape: FilterShape) -> list[ParticipantClause]:
    """List the participations that a filter requires; one with actors or groups comes first."""
    via = not shape.has_field("no_via")
    named = shape.has_field("actor") or shape.has_field("member_of")
    roles = tuple(shape.field_params("role"))
    found = []
    if named:
        named_by = {
            "actors": shape.field_params("actor"),
            "groups": shape.field_params("member_of"),
            "during": shape.field_params("during"),
            "steady": shape.field_params("steady"),
        }
        sides = {side: tuple(codes) for side, codes in named_by.items()}
        found.append(ParticipantClause(roles=roles, via=via, **sides))
    found += [ParticipantClause((code,), via=via) for code in shape.field_params("between")]
    for role in ("initiator", "target"):
        if codes := tuple(shape.field_params(role)):
            fixed: BindParameter[str] = bindparam(f"as_{role}", role)
            found.append(ParticipantClause(codes, roles=(fixed,), via=via))
    if roles and not named:
        found.append(ParticipantClause(roles=roles, via=via))
    return found


@dataclass(frozen=True, slots=True)
class ClauseContext:
    """What building a condition needs to know of the statement that it is for."""

    dialect_name: str
    """Name of the dialect."""
    shape: FilterShape
    row_state: RowState
    driver: Columns
    """Columns of the driving table: `participations` or `events`."""
    event: Columns
    """Columns of `events`."""
    text_seq: ColumnElement[int] | None = None
    """The `seq` by which texts with words are found; None for that of the driving table."""

    def child_exists(self, table: Table, *more: ColumnElement[bool]) -> ColumnElement[bool]:
        """Require a row of a child table, of the same revision, that meets conditions."""
        t = self.row_state.table_for(table).c
        return exists().where(t.event == self.event.id, t.seq == self.event.seq, *more)

    def report_exists(self, *more: Callable[[Columns], ColumnElement[bool]]) -> ColumnElement[bool]:
        """Require a report, published by `known_by` where that is set, that meets conditions."""
        r = self.row_state.table_for(reports).c
        return self.child_exists(
            reports, *(condition(r) for condition in (*more, *published_in_time(self.shape)))
        )


def match_open_datasets(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    """Leave out the datasets that are closed to the reader, the parameters `closed_0` …"""
    if closed := row.shape.field_params("closed"):
        yield row.driver.dataset.not_in(closed)


def match_weight(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    """Leave out the events that weigh less than the parameter `bar`, where that is asked for."""
    if row.shape.has_field("bar"):
        weight = func.abs(func.coalesce(row.driver.intensity, 0.0))
        yield weight >= bindparam("bar", type_=Float)


ClauseBuilder = Callable[[ClauseContext], Iterator[ColumnElement[bool]]]


def _match_any_of(name: str, *, of_event: bool = False) -> ClauseBuilder:
    def build_clause(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
        if wanted := row.shape.field_params(name):
            yield (row.event if of_event else row.driver)[name].in_(wanted)

    return build_clause


def _match_cameo(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if wanted := row.shape.field_params("cameo"):
        ends: list[BindParameter[str]] = [bindparam(f"cameo_end_{n}") for n in range(len(wanted))]
        pairs, code = zip(wanted, ends, strict=True), row.driver.cameo
        yield or_(*(and_(code >= first, code < end) for first, end in pairs))


def _match_native(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    """Match the label itself, or any label that begins with it: ACLED's `Battles: Armed clash`."""
    if wanted := row.shape.field_params("native"):
        label = row.event.native
        firsts: list[BindParameter[str]] = [
            bindparam(f"native_from_{n}") for n in range(len(wanted))
        ]
        ends: list[BindParameter[str]] = [bindparam(f"native_end_{n}") for n in range(len(wanted))]
        spans = zip(firsts, ends, strict=True)
        yield or_(label.in_(wanted), *(and_(label >= a, label < z) for a, z in spans))


def _match_status(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    wanted = row.shape.field_params("status")
    yield row.driver.status.in_(wanted) if wanted else row.driver.status != "retracted"


def _match_min_intensity(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("min_intensity"):
        yield row.driver.intensity >= bindparam("min_intensity")


def _match_max_intensity(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("max_intensity"):
        yield row.driver.intensity <= bindparam("max_intensity")


def _match_effect(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    """Match the sign of the sum of the signals between the two of `between`."""
    if wanted := row.shape.field_params("effect"):
        ends = row.shape.field_params("between")
        both = [
            _sum_scores(row, from_, toward) for from_, toward in ((ends[0], ends[1]), ends[::-1])
        ]
        # Rounded, so that two ways that cancel out are 0, not a last bit.
        total = func.round((both[0] + both[1]) * 10_000)
        sign = case((total > 0, "together"), (total < 0, "apart"), else_="neither")
        yield sign.in_(wanted)


def _sum_scores(row: ClauseContext, from_: Param, toward: Param) -> ColumnElement[float]:
    s, e = row.row_state.table_for(signals).c, row.event
    # Sought by the whole key, as in `join_pair_scores`.
    same = (s.start == e.start, s.event == e.id, s.seq == e.seq)
    scores = select(func.sum(s.score)).where(s["from"] == from_, s.toward == toward, *same)
    return func.coalesce(scores.scalar_subquery(), 0.0)


def _match_box(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    e = row.event
    west, east = e.lon >= bindparam("west"), e.lon <= bindparam("east")
    if row.shape.has_field("bbox") or row.shape.has_field("bbox_across"):
        yield e.lat >= bindparam("south")
        yield e.lat <= bindparam("north")
        yield and_(west, east) if row.shape.has_field("bbox") else or_(west, east)


def _match_circle(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("near"):
        products = (row.event[axis] * bindparam(f"near_{axis}") for axis in "yz")
        cosine = sum(products, row.event.x * bindparam("near_x"))
        yield cosine >= bindparam("near_cosine")


def _match_tag(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if wanted := row.shape.field_params("tag"):
        yield row.child_exists(tags, row.row_state.table_for(tags).c.tag.in_(wanted))


def published_in_time(shape: FilterShape) -> list[Callable[[Columns], ColumnElement[bool]]]:
    """Conditions on a report: published by `known_by`, where that is set."""
    return [lambda r: r.published <= bindparam("known_by")] if shape.has_field("known_by") else []


def _match_report_column(name: str) -> ClauseBuilder:
    def build_clause(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
        if wanted := row.shape.field_params(name):
            yield row.report_exists(lambda r: r[name].in_(wanted))

    return build_clause


def _match_reliability(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("min_reliability"):
        yield row.report_exists(lambda r: r.reliability <= bindparam("min_reliability"))


def _match_credibility(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("min_credibility"):
        yield row.report_exists(lambda r: r.credibility <= bindparam("min_credibility"))


def _match_independent_sources(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("min_independent_sources"):
        least: BindParameter[int] = bindparam("min_independent_sources")
        yield row.event.independent_sources >= least
        if out := published_in_time(row.shape):
            r = row.row_state.table_for(reports).c
            witnesses = select(func.count(func.distinct(func.lower(r.publisher)))).where(
                r.event == row.event.id, r.seq == row.event.seq, r.stance != "disputes"
            )
            yield witnesses.where(*(c(r) for c in out)).scalar_subquery() >= least


def _match_known_by(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("known_by"):
        yield row.report_exists()


def _match_as_of(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("as_of"):
        yield from row.row_state.conditions_as_of(row.driver)


def _match_words(row: ClauseContext) -> Iterator[ColumnElement[bool]]:
    if row.shape.has_field("nothing"):  # the words searched for were only punctuation
        yield false()
    elif row.shape.has_field("q"):
        seq = row.driver.seq if row.text_seq is None else row.text_seq
        if words := row.shape.field_params("word"):
            yield matches_each_text(seq, words)
        else:
            yield matches_words(row.dialect_name, seq)


def _add_no_clause(_: ClauseContext) -> Iterator[ColumnElement[bool]]:
    """Add no condition here: `ParticipantClause` or the window of days covers these fields."""
    return iter(())


CLAUSE_BUILDERS: dict[str, ClauseBuilder] = {
    **dict.fromkeys(
        ("actor", "between", "initiator", "target", "role", "via", "member_of"), _add_no_clause
    ),
    **dict.fromkeys(("since", "until", "match"), _add_no_clause),
    "type": _match_any_of("type"),
    "mode": _match_any_of("mode", of_event=True),
    "cameo": _match_cameo,
    "quad": _match_any_of("quad"),
    "native": _match_native,
    "min_intensity": _match_min_intensity,
    "max_intensity": _match_max_intensity,
    "effect": _match_effect,
    "country": _match_any_of("country", of_event=True),
    "bbox": _match_box,
    "near": _match_circle,
    "tag": _match_tag,
    "dataset": _match_any_of("dataset"),
    "source": _match_report_column("source"),
    "publisher": _match_report_column("publisher"),
    "status": _match_status,
    "min_reliability": _match_reliability,
    "min_credibility": _match_credibility,
    "min_independent_sources": _match_independent_sources,
    "q": _match_words,
    "known_by": _match_known_by,
    "as_of": _match_as_of,
}
EVENT_ROW_FIELDS = [
    "effect",
    "mode",
    "native",
    "country",
    "bbox",
    "bbox_across",
    "near",
    "tag",
    "source",
    "publisher",
    "min_reliability",
    "min_credibility",
    "min_independent_sources",
    "known_by",
]
"""Fields whose conditions need the row of the event, not the participation alone."""
