"""Batches of series: alliance obligations, ideal points from votes, and counts of acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection, Table, and_, exists, insert, select

from app.db.dialect import build_upsert
from app.db.journal import Writer
from app.db.tables import act_counts, alliance_years, ideal_points
from app.events.act_counts import replace_counts
from app.events.record import ParticipantRecord, RejectedError
from app.events.unresolved import describe_name, show_name
from app.ingest.formats.records import AllianceYearRecord, CountRecord, IdealPointRecord
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.spellings import find_count_actor
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.rows import InputRow, parse_row_record

KEYS_PER_QUERY = 200
"""Keys that one query looks up."""
SERIES_TABLES: Mapping[type, tuple[Table, int]] = {
    AllianceYearRecord: (alliance_years, 4),
    IdealPointRecord: (ideal_points, 3),
    CountRecord: (act_counts, 5),
}
"""The table of each kind of record, and the number of columns of its key."""
_RECORDS: Mapping[str, type] = {"unga-ideal-points": IdealPointRecord, "counts": CountRecord}
"""The kind of record of each format, if it is not that of alliances."""


@dataclass(slots=True)
class PreparedSeries:
    """A batch of rows of a series, compared with the database."""

    table: Table
    key_length: int
    stats: LoadStats = field(default_factory=LoadStats)
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    replaced: list[tuple[Any, ...]] = field(default_factory=list)
    """The stored rows that the new ones replace."""
    rejects: list[tuple[InputRow, RejectedError]] = field(default_factory=list)
    unknown: dict[str, ParticipantRecord] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.rows

    def write_batch(self, db: Connection, _by: Writer, _references: ReferenceCache) -> None:
        """Insert the rows, or replace those with the same keys."""
        names = [column.name for column in self.table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows.values()]
        db.execute(build_upsert(db, self.table), rows)
        if self.table is act_counts:
            gone = [dict(zip(names, row, strict=True)) for row in self.replaced]
            replace_counts(db, gone, rows)


def prepare_series_batch(
    db: Connection, rows: Sequence[InputRow], dataset: str, references: ReferenceCache
) -> PreparedSeries:
    """Compare a batch of rows with the database; states become actor codes where they are known."""
    kind = _RECORDS.get(rows[0].format.name, AllianceYearRecord)
    done = PreparedSeries(*SERIES_TABLES[kind])
    rows_by_key: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        try:
            record = parse_row_record(
                row, lambda field, reason: done.stats.warnings.update((f"{field} {reason}",))
            )
            if isinstance(record, CountRecord):
                made = (dataset, *_resolve_counts(record, references, done))
            else:
                made = (dataset, *_resolve_values(record, references, done.stats))
        except RejectedError as wrong:
            done.rejects.append((row, wrong.with_traceback(None)))
            continue
        if made[: done.key_length] in rows_by_key:
            done.stats.duplicates += 1
        rows_by_key[made[: done.key_length]] = made
    stored = _read_stored_rows(db, done.table, done.key_length, list(rows_by_key))
    done.rows = {key: made for key, made in rows_by_key.items() if stored.get(key) != made}
    done.stats.unchanged += len(rows_by_key) - len(done.rows)
    done.replaced = [stored[key] for key in done.rows if key in stored]
    done.stats.changed += sum(key in stored for key in done.rows)
    done.stats.new += sum(key not in stored for key in done.rows)
    done.stats.count_rejects(wrong for _, wrong in done.rejects)
    return done


def _resolve_counts(
    record: CountRecord, references: ReferenceCache, done: PreparedSeries
) -> tuple[Any, ...]:
    """Resolve the two actors of counts; raises `RejectedError` for unknown or equal ones."""
    codes = []
    for name, asked in (("from", record.from_), ("toward", record.toward)):
        code = find_count_actor(references.actor_index, asked, record.start)
        done.stats.parties += 1
        if code is None:
            party = describe_name(0, show_name(asked), None, None)
            done.stats.unresolved_parties += 1
            done.stats.names.add_name(party, record.start)
            done.unknown.setdefault(asked, ParticipantRecord("participant", asked))
            raise RejectedError(name, f"no actor is known as {asked[:100]!r}")
        codes.append(code)
    if codes[0] == codes[1]:
        raise RejectedError("toward", f"is the same actor as from: {codes[0]}")
    return (*codes, *astuple(record)[2:])


def _resolve_values(record: Any, references: ReferenceCache, tally: LoadStats) -> tuple[Any, ...]:
    def resolve_state(asked: str) -> str:
        day = f"{record.year:04}-07-01"
        code = references.actor_index.find_scheme_code(asked, record.year)
        if code is None and isinstance(record, IdealPointRecord):
            code = references.actor_index.find_code(
                asked, day
            )  # some voted before they were independent
        if code is None:
            tally.unresolved_parties += 1
            tally.names.add_name(describe_name(0, show_name(asked), None, None), day)
        tally.parties += 1
        return code or asked

    if isinstance(record, IdealPointRecord):
        return (
            resolve_state(record.actor),
            record.session,
            record.year,
            record.value,
            record.low,
            record.high,
        )
    return (
        resolve_state(record.actor),
        resolve_state(record.partner),
        record.year,
        record.defense,
        record.offense,
        record.neutrality,
        record.nonaggression,
        record.consultation,
    )


def _read_stored_rows(
    db: Connection, table: Table, length: int, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Read the stored rows with the first three columns of some keys, and the fourth between them.

    They include all rows of these keys, and perhaps others.
    """
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    dataset, actor, second, fourth = list(table.columns)[:4]
    for (first, who), group in groupby(sorted(keys), lambda key: key[:2]):
        alike = list(group)
        others = sorted({key[2] for key in alike})
        for at in range(0, len(others), KEYS_PER_QUERY):
            asked = select(table).where(dataset == first, actor == who)
            asked = asked.where(second.in_(others[at : at + KEYS_PER_QUERY]))
            if length > 3:  # else each batch of a file by days would read all days of its pairs
                times = [key[3] for key in alike]
                asked = asked.where(fourth >= min(times), fourth <= max(times))
            found |= {tuple(row[:length]): tuple(row) for row in db.execute(asked)}
    return found


def mirror_alliance_years(db: Connection, dataset: str) -> None:
    """Insert the missing reverse of each alliance year, since obligations are mutual."""
    there = alliance_years.alias()
    a, t = alliance_years.c, there.c
    turned = and_(
        t.dataset == a.dataset, t.actor == a.partner, t.partner == a.actor, t.year == a.year
    )
    names = [c.name for c in alliance_years.columns]
    swapped = {"actor": a.partner, "partner": a.actor}
    missing = select(*(swapped.get(n, a[n]).label(n) for n in names)).where(
        a.dataset == dataset, ~exists(select(t.dataset).where(turned))
    )
    db.execute(insert(alliance_years).from_select(names, missing))
