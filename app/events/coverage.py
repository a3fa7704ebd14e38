"""Which days the datasets of a question cover, and why an answer is empty."""

from collections.abc import Sequence, Set
from dataclasses import replace
from functools import lru_cache
from itertools import starmap
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, select

from app.dataset_access import Purpose
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.dialect.stored_document import document_of
from app.db.reader import get_hidden
from app.db.state_memory import StateMemory
from app.db.tables import datasets, memberships, revisions
from app.db.versioning import Columns, select_as_of
from app.events.resolved_filter import ResolvedFilter
from app.events.word_index import list_unsearched_datasets
from app.page_models import EmptyReason
from app.sources.day_spans import DaySpan, covers_any, find_gaps, join_spans


class DatasetScope(NamedTuple):
    """What a dataset covers: its days, and whom it follows.

    `spans` are the days between `first` and `last` that are covered, where there are gaps.

    `follows` is None for a dataset of all actors that its sources name, and empty for one of
    particular acts only, such as votes.
    """

    first: str | None
    last: str | None
    follows: Sequence[str] | None
    spans: Sequence[tuple[str, str]]


MOST_NAMED = 16
"""Actors or datasets that a question names at most for what it reads to be remembered."""
_SCOPES = StateMemory[list[tuple[str, DatasetScope]]](16)
"""By the datasets that were asked for and the version: few, since a scope may have many spans."""
_GROUPS = StateMemory[frozenset[str]](4096)
"""By the actors and the version."""


def find_empty_reason(
    db: Connection,
    resolved: ResolvedFilter,
    *,
    chose_datasets: bool | None = None,
    purpose: Purpose = "rows",
) -> EmptyReason:
    """Find why no event matched: no dataset may follow the actors, or cover the days.

    `chose_datasets` says whether the question itself names its datasets; None: where it has any.
    It is `closed` where only datasets do that are closed to the reader, for that purpose, and
    `not_searched` where datasets do whose words are not indexed.
    """
    hidden = get_hidden(db).for_purpose(purpose)
    found = _explain_emptiness(db, resolved, chose_datasets, hidden)
    if hidden and found != "no_match":
        # What is closed may cover what the open datasets do not.
        everything = _explain_emptiness(db, resolved, chose_datasets, ())
        return "closed" if everything == "no_match" else found
    if found == "no_match" and (unsearched := list_unsearched_datasets(db, resolved)):
        chosen = bool(resolved.dataset) if chose_datasets is None else chose_datasets
        of_these = replace(resolved, dataset=tuple(unsearched))
        if _explain_emptiness(db, of_these, chosen, hidden) == found:
            return "not_searched"
    return found


def _explain_emptiness(
    db: Connection,
    resolved: ResolvedFilter,
    chose_datasets: bool | None,
    hidden: Sequence[str],
) -> EmptyReason:
    scopes = read_dataset_scopes(db, resolved, hidden)
    chosen = bool(resolved.dataset) if chose_datasets is None else chose_datasets
    followed = select_following(db, resolved, scopes, chosen)
    if scopes and not followed:
        return "out_of_scope"
    first = min((s.first for s in followed if s.first), default=None)
    last = max((s.last for s in followed if s.last), default=None)
    if resolved.since is not None and last is not None and resolved.since > last:
        return "not_yet_covered"
    if resolved.until is not None and first is not None and resolved.until < first:
        return "outside_coverage"
    spans = [span for scope in followed for span in scope.spans]
    if spans and not covers_any(spans, resolved.since, resolved.until):
        return "outside_coverage"
    gaps = find_gaps(join_spans(starmap(DaySpan, spans))) if len(spans) > 1 else ()
    if covers_any(gaps, resolved.since, resolved.until):
        return "partly_covered"
    return "no_match"


def read_covered_spans(
    db: Connection, resolved: ResolvedFilter, *, chose_datasets: bool | None = None
) -> list[tuple[str, str]]:
    """Read the first and last day that each dataset of a question covers for its actors.

    Datasets whose sums are closed to the reader cover nothing.

    `chose_datasets` is that of `find_empty_reason`.
    """
    scopes = read_dataset_scopes(db, resolved, get_hidden(db).sums)
    chosen = bool(resolved.dataset) if chose_datasets is None else chose_datasets
    followed = select_following(db, resolved, scopes, chosen)
    return [span for scope in followed for span in scope.spans]


def read_dataset_scopes(
    db: Connection, resolved: ResolvedFilter, hidden: Sequence[str] = ()
) -> list[DatasetScope]:
    """Read the scope of each dataset that a question names, or of all but the hidden ones.

    What the datasets of a version of the database cover is remembered.
    """
    wanted = resolved.dataset
    scopes = _SCOPES.find_value(db, (wanted, resolved.as_of))
    if scopes is None:
        run = _compile_scopes(db.dialect.name, resolved.as_of is not None, len(wanted))
        values: dict[str, object] = {f"dataset_{n}": name for n, name in enumerate(wanted)}
        rows = run.fetch_rows(db, _bind_version(values, resolved.as_of))
        scopes = [(code, _make_scope(*row)) for code, *row in rows]
        if len(wanted) <= MOST_NAMED:
            _SCOPES.remember_value(db, (wanted, resolved.as_of), scopes)
    return [scope for code, scope in scopes if code not in hidden]


class _CoveredDays(msgspec.Struct):
    first: str
    last: str


class _DatasetDocument(msgspec.Struct):
    follows: list[str] | None = None
    intervals: list[_CoveredDays] | None = None


_decode_document = msgspec.json.Decoder(_DatasetDocument).decode


def _make_scope(first: str | None, last: str | None, document: str) -> DatasetScope:
    known = _decode_document(document)
    spans = [(one.first, one.last) for one in known.intervals or ()]
    if not spans and first is not None and last is not None:
        spans = [(first, last)]
    return DatasetScope(first, last, known.follows, spans)


def _bind_version(values: dict[str, object], as_of: int | None) -> dict[str, object]:
    return values if as_of is None else values | {"as_of": as_of}


@lru_cache(maxsize=64)
def _compile_scopes(kind: str, as_of: bool, wanted: int) -> CompiledStatement:
    """Compile (code, first, last, document) of datasets: of `dataset_0` …, or of all."""

    def select_rows(d: Columns) -> Select[str, int, str | None, str | None]:
        named = [d.code.in_([bindparam(f"dataset_{n}") for n in range(wanted)])] if wanted else []
        return select(d.code, d.seq, d.first, d.last).where(*named)

    rows = select_as_of(datasets, select_rows) if as_of else select_rows(datasets.c)
    scopes = rows.subquery()
    found = select(scopes.c.code, scopes.c.first, scopes.c.last, document_of(revisions))
    rows_of = found.join(revisions, revisions.c.seq == scopes.c.seq)
    return compile_statement(kind, rows_of, steady=True)


def select_following(
    db: Connection, resolved: ResolvedFilter, scopes: Sequence[DatasetScope], chosen: bool
) -> list[DatasetScope]:
    """Select the datasets that follow one of the actors asked for, or anybody where none is.

    Datasets of particular acts count only where the question names its datasets: that nothing is
    in them never means that nothing happened.
    """
    unrestricted = [s for s in scopes if s.follows is None or (not s.follows and chosen)]
    some = [s for s in scopes if s.follows]
    if not some:
        return unrestricted
    named = {*resolved.actor, *resolved.between, *resolved.initiator, *resolved.target}
    if not named:
        return [*unrestricted, *some]
    wanted: Set[str] = named
    if not all(s.follows and named.intersection(s.follows) for s in some):
        wanted = named | _read_states_of(db, sorted(named), resolved.as_of)
    return [*unrestricted, *(s for s in some if s.follows and not wanted.isdisjoint(s.follows))]


def _read_states_of(db: Connection, codes: Sequence[str], as_of: int | None) -> frozenset[str]:
    """Read what persons and bodies among some actors belong to; all groups of the others too."""
    asked = (tuple(codes), as_of)
    if (known := _GROUPS.find_value(db, asked)) is not None:
        return known
    run = _compile_groups_of(db.dialect.name, as_of is not None, len(codes))
    values: dict[str, object] = {f"actor_{n}": code for n, code in enumerate(codes)}
    rows = run.fetch_rows(db, _bind_version(values, as_of))
    groups = frozenset(group for (group,) in rows)
    if len(codes) <= MOST_NAMED:
        _GROUPS.remember_value(db, asked, groups)
    return groups


@lru_cache(maxsize=64)
def _compile_groups_of(kind: str, as_of: bool, wanted: int) -> CompiledStatement:
    """Compile the groups that `actor_0` … have a membership in."""

    def select_rows(m: Columns) -> Select[str]:
        return select(m.group).where(m.actor.in_([bindparam(f"actor_{n}") for n in range(wanted)]))

    rows = select_as_of(memberships, select_rows) if as_of else select_rows(memberships.c)
    return compile_statement(kind, rows, steady=True)
