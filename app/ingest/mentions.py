"""Batches of mentions: stored by themselves, and added as reports to events that exist."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from app.db.dialect import among, listed, upsert
from app.db.journal import Writer, moment
from app.db.tables import events, mentions, revisions
from app.ingest.digest import digest
from app.ingest.finish import Sheet, body_of, report_of, said_by, text_of, told_by
from app.ingest.given import GivenActor, GivenSource, Mention, RejectedError
from app.ingest.late import reports_of
from app.ingest.row import Row, item
from app.ingest.standing import Standing
from app.ingest.store import numbers_of, store_events, store_sources
from app.ingest.tally import Tally

COLUMNS = ("event", "source", "locator", "claims", "digest")
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class PreparedMentions:
    """A batch of mentions, compared with the database."""

    tally: Tally = field(default_factory=Tally)
    rows: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    sources: dict[str, GivenSource] = field(default_factory=dict)
    rejects: list[tuple[Row, RejectedError]] = field(default_factory=list)
    unknown: dict[str, GivenActor] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write."""
        return not self.rows

    def write(self, db: Connection, by: Writer, standing: Standing) -> None:
        """Store the mentions, and add them to the events that exist."""
        if self.sources:
            store_sources(db, self.sources, by)
            for key, source in self.sources.items():
                standing.learn(key, source)
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in self.rows.values()]
        db.execute(upsert(db, mentions), rows)
        _bind(db, sorted({event for event, _ in self.rows}), by, standing)


def prepare(
    db: Connection, rows: Sequence[Row], dataset: str, standing: Standing
) -> PreparedMentions:
    """Compare a batch of mentions with the database; one per article and event is kept."""
    done = PreparedMentions()
    told: dict[tuple[str, str], tuple[Any, ...]] = {}
    inline: dict[str, GivenSource] = {}
    for row in rows:
        try:
            given = item(row, lambda field, odd: done.tally.warnings.update((f"{field} {odd}",)))
        except RejectedError as wrong:
            done.rejects.append((row, wrong.with_traceback(None)))
            continue
        assert isinstance(given, Mention)
        key = (f"{dataset}:{given.event}", standing.source_of(given.source))
        if key in told:
            done.tally.duplicates += 1
        inline.setdefault(key[1], given.source)
        claims = _encode(given.claims).decode() if given.claims else None
        told[key] = (*key, given.locator, claims, digest(_encode((given.locator, given.claims))))
    held = _digests(db, list(told))
    done.rows = {key: row for key, row in told.items() if held.get(key) != row[-1]}
    done.tally.unchanged += len(told) - len(done.rows)
    done.tally.changed += sum(key in held for key in done.rows)
    done.tally.new += sum(key not in held for key in done.rows)
    wanted = {source for _, source in done.rows}
    there = standing.look_up(db, wanted)
    done.sources = {key: inline[key] for key in wanted if key not in there}
    done.tally.reject(wrong for _, wrong in done.rejects)
    return done


def _digests(db: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    m = mentions.c
    ids = sorted({event for event, _ in keys})
    asked = select(m.event, m.source, m.digest).where(among(db, m.event))
    for event, source, value in db.execute(asked, listed(db, ids)):
        found[event, source] = value
    return found


def _bind(db: Connection, ids: Sequence[str], by: Writer, standing: Standing) -> None:
    """Rewrite events with the reports from their mentions."""
    waiting = reports_of(db, ids)
    cited = standing.look_up(db, {str(r.source) for told in waiting.values() for r in told})
    sheet, last = Sheet(), moment(db).last
    for ident, document in _stands(db, ids):
        body, said = body_of(document), {str(r.source): r for r in waiting[ident]}
        own = [r for r in body.reports if r.source not in said or not _is_late(r.locator)]
        named = {r.source for r in own}
        late = [report_of(r, cited) for source, r in said.items() if source not in named]
        text = text_of(told_by(body, own + late))
        if text != said_by(document):
            last += 1
            sheet.add(body, text, last)
    changed = [ident for _, ident, *_ in sheet.bodies]
    store_events(db, sheet, numbers_of(db, changed), [], by)


def _stands(db: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Read (id, document) of those events that are current."""
    asked = (
        select(events.c.id, revisions.c.document)
        .join(revisions, revisions.c.seq == events.c.seq)
        .where(among(db, events.c.id))
        .order_by(events.c.id)
    )
    return [(ident, document) for ident, document in db.execute(asked, listed(db, ids))]


def _is_late(locator: str | None) -> bool:
    """Return whether a locator has the form that reports from mentions have."""
    return locator is not None and locator.startswith("sentence ")
