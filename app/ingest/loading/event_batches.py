"""Batches of events: compared with what is stored, then written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.actors.changes import write_actors
from app.actors.name_forms import split_agreeing_names
from app.actors.schemas import Actor
from app.db.journal import Writer
from app.db.types import NO_END_DAY
from app.events.changes import read_event_documents
from app.events.cite_again import cite_sources_again
from app.events.event_sums import sum_event_rows
from app.events.index_rows import EventRows
from app.events.record import EventRecord, ParticipantRecord, RejectedError, ReportRecord
from app.events.render import build_event_body, encode_event_body, matches_document
from app.events.resolve import ResolvedRecord
from app.events.unresolved import UnresolvedPart, describe_part, list_unresolved_parts, show_name
from app.ingest.formats.file_format import Warn
from app.ingest.loading.bulk_write import (
    HashedRow,
    StoredHashes,
    find_merged_event_ids,
    raise_stored_rank,
    read_revision_numbers,
    read_stored_hashes,
    store_loaded_events,
    store_sources,
)
from app.ingest.loading.pending_reports import read_pending_reports
from app.ingest.loading.reference_cache import OtherChanges, ReferenceCache
from app.ingest.loading.resolve import resolve_row_record
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.rows import InputRow, hash_input_row, parse_row_record, read_row_key
from app.sources.record import CitedSource
from app.sources.source_records import NewSource, make_new_source
from app.text import fold_text

DEFAULT_ACTOR_KIND = "organization"
"""The kind of a created actor, where the file names none."""


@dataclass(slots=True)
class PreparedEvents:
    """A batch of events, compared with one version of the database."""

    stats: LoadStats = field(default_factory=LoadStats)
    event_rows: EventRows = field(default_factory=EventRows)
    """The rows of new and changed events."""
    hashes: list[HashedRow] = field(default_factory=list)
    """Those of all events whose rows were parsed, unchanged ones included."""
    parts: list[UnresolvedPart] = field(default_factory=list)
    """The unresolved parts of these events."""
    revision_numbers: dict[str, int] = field(default_factory=dict)
    """The number of the latest revision of events that exist."""
    sources: dict[str, NewSource] = field(default_factory=dict)
    """The sources that have to be stored with the events."""
    rejects: list[tuple[InputRow, RejectedError]] = field(default_factory=list)
    unknown: dict[str, ParticipantRecord] = field(default_factory=dict)
    rank: int | None = None
    """That of the release which the rows are of."""
    raised: list[str] = field(default_factory=list)
    """Events that are unchanged in a higher release than the one they are known from."""
    last: int = 0
    """The `seq` before the first one of the batch, and the version that it was compared with."""
    ids: Sequence[str] = ()
    """The events that rows are of."""
    cited_ids: set[str] = field(default_factory=set)
    """All sources that reports cite."""
    missing: set[str] = field(default_factory=set)
    """Sources for want of which rows were rejected."""
    pending: dict[str, list[ReportRecord]] = field(default_factory=dict)
    """Reports that waited for the events."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.hashes and not self.raised

    def move_after(
        self, db: Connection, last: int, changes: OtherChanges, references: ReferenceCache
    ) -> bool:
        """Move the batch behind what was written meanwhile; False where that touches it.

        Sources that were stored meanwhile as the batch has them are not stored again.
        """
        new, theirs = self.sources.keys(), changes.ids.get("source", frozenset())
        if (
            not changes.are_apart
            or not changes.ids.get("event", frozenset()).isdisjoint(self.ids)
            or not theirs.isdisjoint(self.cited_ids - new)
            or not self.missing.isdisjoint(changes.added)
        ):
            return False
        there = {key: changes.added[key].cited for key in new & changes.added.keys()}
        both = (new & theirs) - there.keys()
        there |= references.find_sources(db, both)
        if not both <= there.keys() or not self._accept_sources(there):
            return False
        written = [ident for _, ident, *_ in self.event_rows.bodies]
        if read_pending_reports(db, written) != self.pending:
            return False
        self.event_rows.shift += last - self.last - len(there)
        self.last = last
        return True

    def _accept_sources(self, there: Mapping[str, CitedSource]) -> bool:
        """Take sources of the batch as they were stored meanwhile; False where that is not sure."""
        other = {key: s for key, s in there.items() if s != self.sources[key].cited}
        if other and (
            # An event that exists may turn out to be unchanged.
            self.revision_numbers
            or any(s.reliability != self.sources[key].cited.reliability for key, s in other.items())
        ):
            return False
        if other:
            cite_sources_again(self.event_rows, other)
        for key in there:
            del self.sources[key]
        return True

    def write_batch(self, db: Connection, by: Writer, references: ReferenceCache) -> None:
        """Store new sources, and new and changed events."""
        if self.sources:
            store_sources(db, self.sources, by)
            for key, source in self.sources.items():
                references.add_source(key, source.cited)
        store_loaded_events(db, self.event_rows, self.revision_numbers, self.hashes, self.parts, by)
        if self.raised and self.rank is not None:
            raise_stored_rank(db, self.raised, self.rank)


def prepare_event_batch(
    db: Connection,
    rows: Sequence[InputRow],
    dataset: str,
    references: ReferenceCache,
    last: int,
    *,
    only_new: bool = False,
    rank: int | None = None,
) -> PreparedEvents:
    """Compare a batch of rows with the database, and build the documents that differ.

    `last` is the `seq` before the first one of the batch. With `only_new`, a row that would change
    a stored event is rejected. `rank` is that of the release which the rows are of: what a higher
    one says stays.
    """
    ids = [f"{dataset}:{read_row_key(row)}" for row in rows]
    done = PreparedEvents(rank=rank, last=last, ids=ids)
    stored = {} if references.datasets_are_empty else read_stored_hashes(db, ids)
    resolved: dict[str, tuple[InputRow, ResolvedRecord]] = {}

    def warn(field: str, reason: str) -> None:
        done.stats.warnings[f"{field} {reason}"] += 1

    for k, row in zip(ids, rows, strict=True):
        if k in stored and rank is not None and _is_outranked(k, stored[k], done):
            done.stats.unchanged += 1
        elif k in stored and not stored[k].unresolved and stored[k].row == hash_input_row(row):
            done.stats.unchanged += 1
            done.stats.parties += stored[k].parties or 0
        elif (one := _resolve_row(row, dataset, references, done, warn)) is not None:
            done.stats.duplicates += k in resolved
            resolved[k] = (row, one)
    new = {
        k: one
        for k, one in resolved.items()
        if k not in stored or _says_something_new(*one, stored[k])
    }
    done.stats.unchanged += len(resolved) - len(new)
    if not references.datasets_are_empty:
        for k in find_merged_event_ids(db, list(new)):
            del new[k]
            done.stats.unchanged += 1
        done.revision_numbers = read_revision_numbers(db, list(new))
    ranks = {k: stored[k].rank for k in new if k in stored}
    _build_documents(db, new, dataset, references, done, last, only_new, ranks)
    _count_names(resolved.values(), done)
    changed = sum(ident in done.revision_numbers for _, ident, *_ in done.event_rows.bodies)
    done.stats.changed += changed
    done.stats.new += len(done.event_rows.bodies) - changed
    done.stats.unchanged += len(done.hashes) - len(done.event_rows.bodies)
    done.stats.count_rejects(wrong for _, wrong in done.rejects)
    return done


def _is_outranked(ident: str, stored: StoredHashes, done: PreparedEvents) -> bool:
    """Return whether a higher release has an event; where a lower one has it, note that."""
    assert done.rank is not None
    if (stored.rank or 0) > done.rank:
        done.stats.warnings["row: a later release has it too, whose values stay"] += 1
        return True
    if (stored.rank or 0) < done.rank:
        done.raised.append(ident)
    return False


def _resolve_row(
    row: InputRow, dataset: str, references: ReferenceCache, done: PreparedEvents, warn: Warn
) -> ResolvedRecord | None:
    try:
        record = parse_row_record(row, warn)
        assert isinstance(record, EventRecord)
        resolved = resolve_row_record(record, dataset, references)
    except RejectedError as wrong:
        wrong.__cause__ = wrong.__context__ = None  # else it keeps its frames in memory
        done.rejects.append((row, wrong.with_traceback(None)))
        return None
    for _, name, actor, is_ambiguous in resolved.unknown:
        if is_ambiguous:
            done.stats.warnings[_describe_ambiguous_name(name)] += 1
        else:
            done.unknown.setdefault(name, actor)
    if resolved.unknown_country is not None:
        done.stats.warnings[_describe_unknown_country(resolved.unknown_country)] += 1
    return resolved


def _describe_ambiguous_name(name: str) -> str:
    reason = (
        "has a number of another actor" if split_agreeing_names(name) else "matches several actors"
    )
    return f"participants: {show_name(name)[:100]!r} {reason}"


def _describe_unknown_country(country: str) -> str:
    return f"location.country: {country[:100]!r} is the name or code of no state or territory"


def _count_names(resolved: Iterable[tuple[InputRow, ResolvedRecord]], done: PreparedEvents) -> None:
    """Count the parties and the unresolved names of the rows that were not rejected."""
    rejected = {id(row) for row, _ in done.rejects}
    for row, one in resolved:
        if id(row) not in rejected:
            done.stats.parties += one.parties
            if not one.is_complete:
                done.stats.unresolved_parties += len(one.unknown)
                for part in list_unresolved_parts("", one):
                    done.stats.names.add_name(describe_part(part), one.day)


def _says_something_new(row: InputRow, resolved: ResolvedRecord, stored: StoredHashes) -> bool:
    """Return whether a row has changed since it was stored, or other names of it are known."""
    unresolved = len(resolved.unknown) + (resolved.unknown_country is not None)
    if stored.parties is None:  # stored by an older load, without its names
        return resolved.content_hash != stored.content or unresolved > 0
    if stored.row == hash_input_row(row):
        # Its names may have been resolved since, and the event edited: the row adds nothing.
        return unresolved != stored.unresolved
    return resolved.content_hash != stored.content


def _build_documents(
    db: Connection,
    new: dict[str, tuple[InputRow, ResolvedRecord]],
    dataset: str,
    references: ReferenceCache,
    done: PreparedEvents,
    last: int,
    only_new: bool,
    ranks: dict[str, int | None],
) -> None:
    """Build the documents of events whose sources exist or are inline.

    `ranks` are those of the releases that stored events are from.
    """
    waiting = read_pending_reports(db, list(new))
    cited_ids = {r.source for _, s in new.values() for r in s.record.reports}
    cited_ids |= {r.source for reports in waiting.values() for r in reports}
    done.cited_ids, done.pending = cited_ids, waiting  # type: ignore[assignment]
    cited = references.find_sources(db, cited_ids)  # type: ignore[arg-type]
    stored = dict(read_event_documents(db, list(done.revision_numbers)))
    sound = [
        (k, row, resolved)
        for k, (row, resolved) in new.items()
        if _has_all_sources(row, resolved, cited, done, stays=only_new and k in stored)
    ]
    last += len(done.sources)
    searched = dataset not in references.actor_index.known.unsearched
    for ident, row, resolved in sound:
        late = waiting.get(ident, ())
        if late:
            own = {r.source for r in resolved.record.reports}
            late = [r for r in late if r.source not in own]
        body = build_event_body(resolved.record, dataset, references.actor_index.known, cited, late)
        text = encode_event_body(body)
        same = ident in stored and matches_document(text, stored[ident])
        if only_new and ident in stored and not same:
            done.rejects.append((row, _make_conflict_error()))
            continue
        parts = [] if resolved.is_complete else list_unresolved_parts(ident, resolved)
        done.hashes.append((
            ident, resolved.content_hash, hash_input_row(row), resolved.parties, len(parts),
            done.rank if done.rank is not None else ranks.get(ident),
        ))  # fmt: skip
        done.parts += parts
        if not same:
            last += 1
            done.event_rows.add_event(body, text, last, searched=searched)
    done.event_rows.sums = sum_event_rows(done.event_rows)


def _has_all_sources(
    row: InputRow,
    resolved: ResolvedRecord,
    cited: dict[str, CitedSource],
    done: PreparedEvents,
    *,
    stays: bool,
) -> bool:
    """Return whether all sources of an event exist or are inline; otherwise it is rejected.

    `stays`: the stored event must not change, so that a row with a new source is rejected too.
    Sources of rejected rows are not stored.
    """
    reports = resolved.record.reports
    # Where each report has an inline source of its own, none can be missing.
    for n, report in enumerate(reports if len(reports) != len(resolved.sources) else ()):
        if report.source not in cited and report.source not in resolved.sources:
            reason = f"no source has the id {str(report.source)[:100]!r}"
            done.missing.add(str(report.source))
            done.rejects.append((row, RejectedError(f"reports[{n}].source", reason)))
            return False
    for key, record in resolved.sources.items():
        if key in cited:
            continue
        if stays:
            done.missing.add(key)
            done.rejects.append((row, _make_conflict_error()))
            return False
        done.sources[key] = made = make_new_source(key, record)
        cited[key] = made.cited
    return True


def _make_conflict_error() -> RejectedError:
    return RejectedError("key", "conflicts with the stored event")


def create_unknown_actors(
    db: Connection, unknown: dict[str, ParticipantRecord], by: Writer, references: ReferenceCache
) -> int:
    """Create unknown actors under the names or codes that the file has; returns their number."""
    made = []
    for asked, record in sorted(unknown.items()):
        if (
            references.actor_index.find_code(asked, NO_END_DAY) is not None
        ):  # created by an earlier name
            continue
        if (parts := split_agreeing_names(asked)) is not None:
            asked = parts[0][0] if len(parts[0]) == 1 else parts[1]
        scheme, _, value = asked.partition(":")
        coded = bool(value) and scheme.isalnum() and scheme != "name"
        name = record.name if isinstance(record.name, str) and record.name else value or asked
        code = _choose_free_code(fold_text(name), asked, references)
        kind = record.kind if isinstance(record.kind, str) else DEFAULT_ACTOR_KIND
        codes = [{"scheme": scheme.lower(), "value": value}] if coded else []
        made.append(
            Actor.model_validate({"code": code, "kind": kind, "name": name[:200], "codes": codes})
        )
        names = [("code", code.lower()), ("name", fold_text(name))]
        names += [(scheme.lower(), value.lower())] if coded else []
        references.actor_index.add_actor(code, name[:200], kind, names)
    write_actors(db, made, by)
    return len(made)


def _choose_free_code(name: str, asked: str, references: ReferenceCache) -> str:
    """Choose an unused code: a slug of the name, with the name in the file or a number added."""
    slug = "-".join(name.encode("ascii", "ignore").decode().split())[:80].strip("-")
    taken = {code for code in (slug, slug.upper()) if code in references.actor_index.codes}
    if len(slug) > 3 and not taken and ("code", slug) not in references.actor_index.names:
        return slug
    more = "-".join(fold_text(asked).encode("ascii", "ignore").decode().split())[:80]
    base = f"{slug}-{more}".strip("-") or "actor"
    number, code = 2, base
    while ("code", code) in references.actor_index.names:
        code, number = f"{base}-{number}", number + 1
    return code
