"""Which datasets have their words indexed, and what follows where that changes.

A dataset that is not `searched` has no row in the index of words, of no revision of its events
(decision 048). What is searched is that of now, also as of a version.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, exists, func, or_, select

from app.db.dialect.full_text import (
    bulk_index_words,
    remove_words,
    select_indexed_seqs,
    tidy_word_index,
)
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer
from app.db.reader import get_hidden, has_reader, is_event_of, read_unsearched_codes
from app.db.tables import HISTORY_TABLES, events, revisions
from app.errors import Fault, InvalidBodyError, InvalidParameterError
from app.events.index_rows import collect_words
from app.events.render import decode_event_document
from app.events.resolved_filter import ResolvedFilter
from app.sources.changes import retract_dataset, write_datasets
from app.sources.schemas import Dataset

BATCH_SIZE = 2_000
"""Revisions whose words are indexed or removed at once."""
MOST_BY_REQUEST = 20_000
"""Revisions that a request indexes or removes; a command does more, and others wait for it."""


def _find_unsearched(db: Connection) -> frozenset[str]:
    """Find what a search leaves out, as it was read with the version."""
    return frozenset(get_hidden(db).unsearched) if has_reader(db) else read_unsearched_codes(db)


def list_unsearched_datasets(db: Connection, resolved: ResolvedFilter) -> list[str]:
    """List the datasets that the answer to a search leaves out; none where no words are asked for.

    Those that are closed to the reader are left out in any case.
    """
    if resolved.q is None:
        return []
    found = _find_unsearched(db)
    if resolved.dataset:
        found &= frozenset(resolved.dataset)
    return sorted(found.difference(get_hidden(db).rows)) if found else []


def require_searched(db: Connection, wanted: Sequence[str]) -> None:
    """Raise `InvalidParameterError` where none of the datasets that a search names is searched."""
    unsearched = _find_unsearched(db)
    if wanted and unsearched.issuperset(wanted):
        names = ", ".join(sorted(set(wanted)))
        is_one = len(set(wanted)) == 1
        raise InvalidParameterError(
            "q",
            f"finds nothing in {names}: {'this dataset is' if is_one else 'these datasets are'} set"
            " not to be searched, so that the words of their events are not indexed",
            "Leave q out, and ask by actor, type, cameo, native, country, tag or publisher.",
        )


def write_datasets_with_words(
    db: Connection,
    documents: Sequence[Dataset],
    by: Writer,
    *,
    rederives: bool = False,
    most: int | None = None,
) -> None:
    """Create or replace datasets, and index or remove words where they are searched or no longer.

    Raises `InvalidBodyError` where that concerns more than `most` revisions of events.
    """
    before = read_unsearched_codes(db)
    write_datasets(db, documents, by, rederives=rederives, reindexes=True)
    removed = 0
    for code in sorted(before ^ read_unsearched_codes(db)):
        if most is not None:
            _require_few(db, code, most)
        if code in before:
            _index_dataset(db, code)
        else:
            removed += _unindex_dataset(db, code)
    if removed:
        tidy_word_index(db)


def retract_dataset_with_words(db: Connection, dataset: Dataset, by: Writer) -> int:
    """Retract a dataset without events; former revisions of events are searched from then on."""
    if dataset.code in read_unsearched_codes(db):
        _index_dataset(db, dataset.code)
    return retract_dataset(db, dataset, by)


def _require_few(db: Connection, code: str, most: int) -> None:
    number = 0
    for table in (events, HISTORY_TABLES[events]):
        [is_own] = is_event_of(table.c.id, (code,))
        some = select(table.c.seq).where(is_own).limit(most + 1 - number).subquery()
        number += db.scalar(select(func.count()).select_from(some)) or 0
    if number > most:
        raise InvalidBodyError([
            Fault(
                loc=["body", "searched"],
                message=f"cannot be changed by a request: {code} has more than {most:,} revisions"
                " of events, whose words are indexed or removed with it",
                hint=f"entente datasets search {code} on, or off, changes it.",
            )
        ])  # fmt: skip


def _index_dataset(db: Connection, code: str) -> None:
    for rows in _iterate_revisions(db, code, has_documents=True):
        words = [(seq, collect_words(decode_event_document(text))) for seq, text in rows]
        remove_words(db, [seq for seq, _ in rows])  # none, unless something went wrong before
        bulk_index_words(db, words)


def _unindex_dataset(db: Connection, code: str) -> int:
    number = 0
    for rows in _iterate_revisions(db, code, has_documents=False):
        remove_words(db, [seq for seq, _ in rows])
        number += len(rows)
    return number


def _iterate_revisions(
    db: Connection, code: str, *, has_documents: bool
) -> Iterator[list[tuple[int, str]]]:
    """Yield the revisions of the events of a dataset in order, as (seq, document or id)."""
    r, last = revisions.c, 0
    [is_own] = is_event_of(r.id, (code,))
    what = document_of(revisions) if has_documents else r.id
    found = select(r.seq, what).where(r.kind == "event", r.action != "merge", is_own)
    while True:
        rows = db.execute(found.where(r.seq > last).order_by(r.seq).limit(BATCH_SIZE))
        batch = [(seq, text) for seq, text in rows]
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def find_word_faults(db: Connection) -> Iterator[str]:
    """Describe revisions of events whose words are missing, or indexed though not searched."""
    indexed = select_indexed_seqs(db.dialect.name)
    unsearched = sorted(read_unsearched_codes(db))
    known = (events, HISTORY_TABLES[events])
    for table in known:
        t = table.c
        is_indexed = exists().where(indexed.c.seq == t.seq)
        for wrong, said in (
            (and_(t.dataset.not_in(unsearched), ~is_indexed), "are missing"),
            (and_(t.dataset.in_(unsearched), is_indexed), "are indexed, and it is not searched"),
        ):
            for ident, seq in db.execute(select(t.id, t.seq).where(wrong).limit(BATCH_SIZE)):
                yield f"words: those of {ident}, revision {seq}, {said}"
    there = [exists().where(table.c.seq == indexed.c.seq) for table in known]
    for (seq,) in db.execute(select(indexed.c.seq).where(~or_(*there)).limit(BATCH_SIZE)):
        yield f"words: revision {seq} is indexed, which is none of an event"
