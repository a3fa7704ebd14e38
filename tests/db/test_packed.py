"""Packed documents: how they are stored, and that nothing which is read of them differs."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import make
import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from app import cli
from app.cli import terminal
from app.db.backup import restore_backup, write_backup
from app.db.dialect import PACKING
from app.db.dialect.stored_document import document_of
from app.db.dictionaries import MIN_SAMPLES, train_from_samples
from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.packed_documents import (
    DocumentDictionary,
    MissingDictionaryError,
    add_dictionary,
    read_dictionary_id,
    train_dictionary,
    unpack_document,
    unpack_joined,
)
from app.db.repacking import Repacking, pack_stored, unpack_stored
from app.db.tables import dictionaries, events, house, revisions, sources
from app.events.changes import write_resolved_events
from app.events.filter import EventQuery
from app.events.queries import bind_query, compile_page_statement, resolve_filter
from app.events.record import convert_record
from app.events.verify import find_event_faults
from app.sources.changes import write_sources
from app.sources.schemas import Source

R = revisions.c
SAMPLES = [
    f'{{"id":"made:{n}","title":"Talks of {n % 7} days in {n % 31}","revision":1}}'.encode()
    for n in range(MIN_SAMPLES)
]


def write_some(database: Database, first: int, count: int, words: str = "talks") -> None:
    """Write events of one dataset in one transaction."""
    made = [
        convert_record({"key": f"e{n}", "title": f"{words} → {n % 17}", "date": f"20{n % 20 + 10}"})
        for n in range(first, first + count)
    ]
    with database.write() as db:
        pairs = [(f"curated:{one.key}", one) for one in made]
        write_resolved_events(db, pairs, make.BY)


def read_stored(database: Database) -> dict[int, bytes | None]:
    with database.connect() as db:
        rows = db.execute(select(R.seq, R.packed).where(R.kind == "event").order_by(R.seq))
        return {seq: None if frame is None else bytes(frame) for seq, frame in rows}


def read_texts(database: Database) -> list[tuple[int, str]]:
    with database.connect() as db:
        found = db.execute(select(R.seq, document_of(revisions)).order_by(R.seq))
        return [(seq, text) for seq, text in found]


def find_faults(database: Database) -> list[str]:
    with database.connect() as db:
        return list(find_event_faults(db))


def run_through(steps: Iterator[Repacking]) -> Repacking:
    *_, last = steps
    return last


@pytest.fixture
def plain(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of enough events for a dictionary, all of them plain."""
    monkeypatch.setenv("ENTENTE_PACK_LOADS", "false")
    with closing(Database(database.engine.url.render_as_string(hide_password=False))) as made:
        write_some(made, 0, MIN_SAMPLES + 200)
        yield made


@pytest.fixture
def training(kind: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database in which large writes train dictionaries, as by default on PostgreSQL."""
    monkeypatch.delenv("ENTENTE_PACK_LOADS", raising=False)
    if kind == "sqlite":
        monkeypatch.setenv("ENTENTE_PACK_LOADS", "true")
    with closing(Database(database.engine.url.render_as_string(hide_password=False))) as made:
        yield made


def test_only_on_postgresql_is_it_the_default(kind: str, database: Database) -> None:
    write_some(database, 0, MIN_SAMPLES)
    plain = None in read_stored(database).values()
    assert plain == (kind == "sqlite")


@pytest.mark.usefixtures("plain")
def test_what_has_as_many_plain_documents_stays_plain(training: Database) -> None:
    write_some(training, 9_000, MIN_SAMPLES)
    assert set(read_stored(training).values()) == {None}
    run_through(pack_stored(training))
    write_some(training, 20_000, 1)
    assert None not in read_stored(training).values()
    assert find_faults(training) == []


def test_a_page_is_the_same_before_and_after(plain: Database) -> None:
    before, asked = read_texts(plain), EventQuery(limit=50)
    assert set(read_stored(plain).values()) == {None}

    def read_page() -> list[tuple[object, ...]]:
        with plain.connect() as db:
            query = bind_query(db, resolve_filter(db, asked, None), asked.sort, None, 51)
            return compile_page_statement(query.statement_key).fetch_rows(db, query.values)

    page = read_page()
    done = run_through(pack_stored(plain))
    stored = read_stored(plain)
    assert done.trained[0] == "curated"
    assert done.changed >= len(stored) == MIN_SAMPLES + 200
    assert None not in stored.values()
    assert 5 * done.bytes_after < done.bytes_before
    assert read_page() == page
    assert read_texts(plain) == before
    assert find_faults(plain) == []

    assert run_through(pack_stored(plain)).changed == 0
    again = run_through(pack_stored(plain, retrain=True))
    assert again.trained[0] == "curated"
    assert read_texts(plain) == before
    assert run_through(unpack_stored(plain)).changed == done.changed
    write_some(plain, 9_000, 1)
    assert set(read_stored(plain).values()) == {None}
    before += read_texts(plain)[-1:]
    assert read_texts(plain) == before


def test_what_is_written_at_once_trains_and_what_follows_is_packed(training: Database) -> None:
    write_some(training, 0, 20)
    assert set(read_stored(training).values()) == {None}
    write_some(training, 20, MIN_SAMPLES)
    write_some(training, 5_000, 1)
    frames = list(read_stored(training).values())
    assert frames[:20] == [None] * 20
    names = {read_dictionary_id(frame) for frame in frames[20:] if frame is not None}
    with training.connect() as db:
        [row] = db.execute(select(dictionaries)).all()
    assert None not in frames[20:]
    assert names == {row.id}
    assert (row.kind, row.dataset, row.documents) == ("event", "curated", MIN_SAMPLES)
    write_some(training, 5, 1, "changed")  # a revision of what is plain
    assert find_faults(training) == []
    run_through(pack_stored(training))
    assert None not in read_stored(training).values()


def test_sources_are_packed_and_found_by_their_text(training: Database) -> None:
    sent = [
        Source(id=f"own-{n}", kind="web", title=f"Report {n}", publisher="The Times of Here")
        for n in range(MIN_SAMPLES)
    ]
    with training.write() as db:
        write_sources(db, sent, make.BY)
        found = select(document_of(revisions), R.packed).join(sources, sources.c.seq == R.seq)
        text, frame = db.execute(found.where(sources.c.id == "own-7")).one()
    assert frame is not None
    assert Source.model_validate_json(text) == sent[7]
    assert find_faults(training) == []


def test_a_revision_is_never_changed_but_for_how_it_is_stored(database: Database) -> None:
    write_some(database, 0, 1)
    [seq] = read_stored(database)
    mine = update(revisions).where(R.seq == seq)
    for values in ({"packed": b"x"}, {"plain": "{}"}, {"by": "somebody"}):
        with pytest.raises(DBAPIError, match="never changed"), database.write() as db:
            db.execute(mine.values(**values))
    others = [("by", "somebody"), ("reason", "none"), ("own_instant", "now"), ("revision", 9)]
    for what in (*(mine.values(**{n: v}) for n, v in others), delete(revisions)):
        with database.engine.connect() as db:
            db.execute(insert(house).values(name=PACKING, value=""))
            with pytest.raises(DBAPIError, match="never changed"):
                db.execute(what)


@pytest.mark.parametrize("damage", ["cut", "swapped", "both", "unknown"])
def test_verify_finds_what_is_packed_wrongly(training: Database, damage: str) -> None:
    write_some(training, 0, MIN_SAMPLES)
    frames = read_stored(training)
    one, other = list(frames)[5:7]
    frame = frames[one]
    assert frame is not None
    values: dict[str, object] = {
        "cut": {"packed": frame[:-4]},
        "swapped": {"packed": frames[other]},
        "both": {"plain": "{}"},
        "unknown": {"packed": frame[:5] + b"\1\2\3\4" + frame[9:]},
    }[damage]
    with training.write() as db:
        db.execute(insert(house).values(name=PACKING, value=""))
        db.execute(update(revisions).where(R.seq == one).values(**values))
        db.execute(delete(house).where(house.c.name == PACKING))
    found = find_faults(training)
    assert found[0].startswith(f"revision {one}: its ")
    assert len(found) == 2


def test_a_restored_backup_reads_the_same_in_another_process_s_place(
    plain: Database, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run_through(pack_stored(plain))
    before = read_texts(plain)
    write_backup(plain, tmp_path / "kept")
    url = f"sqlite:///{tmp_path}/new.db"
    if kind == "postgresql":
        url = request.getfixturevalue("server").create_database("packed-restored")
    with closing(Database(url)) as new:
        restore_backup(new, tmp_path / "kept")
        assert read_texts(new) == before
        assert find_faults(new) == []


def test_an_older_schema_has_every_document_as_text(plain: Database) -> None:
    before = read_texts(plain)
    run_through(pack_stored(plain))
    downgrade_schema(plain, "20261201_closed")
    with plain.connect() as db:
        rows = db.exec_driver_sql("SELECT seq, document FROM revisions ORDER BY seq")
        assert [(seq, text) for seq, text in rows] == before
    upgrade_schema(plain)
    assert read_texts(plain) == before


def test_dictionaries_of_other_processes_are_read_when_they_are_needed(
    training: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(training, 0, MIN_SAMPLES)
    before = read_texts(training)
    monkeypatch.setattr("app.db.packed_documents._KNOWN", {})
    monkeypatch.setattr("app.db.packed_documents._OF_THREAD.unpackers", {})
    assert read_texts(training) == before


def test_all_threads_unpack_with_one_dictionary(database: Database) -> None:
    made = train_dictionary(SAMPLES)
    assert made is not None
    with database.write() as db:
        assert train_from_samples(db, "event", "made", SAMPLES, "now") is not None
    frames, wrong = [made.pack(one) for one in SAMPLES], []

    def unpack_all() -> None:
        for _ in range(5):
            texts = [unpack_document(frame, database.engine.dialect) for frame in frames]
            wrong.extend([t for t, s in zip(texts, SAMPLES, strict=True) if t != s.decode()])

    threads = [threading.Thread(target=unpack_all) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []


def test_a_dictionary_means_the_same_everywhere_and_is_asked_for_by_name() -> None:
    made = train_dictionary(SAMPLES)
    assert made is not None
    assert made.id == DocumentDictionary(made.content).id
    assert made.pack(b"{}") is None  # would be longer
    assert train_dictionary([b"{}"] * 9) is None
    frame = made.pack(SAMPLES[0])
    assert frame is not None
    other = frame[:5] + b"\1\2\3\4" + frame[9:]
    with pytest.raises(MissingDictionaryError, match="no dictionary 67305985"):
        unpack_document(other, DefaultDialect())


def test_commands_say_what_they_did(plain: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = plain.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(terminal.console, "width", 240)
    packed = CliRunner().invoke(cli.main, ["db", "pack"])
    assert packed.exit_code == 0, packed.output
    assert "A dictionary was trained for curated." in packed.output
    assert f"{MIN_SAMPLES + 200:,} of" in packed.output
    unpacked = CliRunner().invoke(cli.main, ["db", "unpack"])
    assert unpacked.exit_code == 0, unpacked.output
    assert "were unpacked" in unpacked.output
    with plain.connect() as db:
        assert db.scalar(select(func.count()).select_from(events)) == MIN_SAMPLES + 200


def test_joined_documents_may_be_plain_or_of_several_dictionaries() -> None:
    documents = [
        f'{{"id": "made:{n}", "title": "{"Talks " * 20}{n}"}}'.encode() for n in range(400)
    ]
    one, other = train_dictionary(documents[:200]), train_dictionary(documents[200:])
    assert one is not None
    assert other is not None
    assert one.id != other.id
    add_dictionary(one)
    add_dictionary(other)
    page = documents[:4]
    packed = [one.pack(document) or b"" for document in page]
    for place, odd in (
        (0, page[0]),
        (2, page[2]),
        (0, other.pack(page[0])),
        (3, other.pack(page[3])),
    ):
        assert odd is not None
        stored = [*packed[:place], odd, *packed[place + 1 :]]
        for frames, wanted in ((stored, page), (packed, page), (stored[:1], page[:1])):
            found = unpack_joined(b",".join(frames), map(len, frames), DefaultDialect())
            assert found == b",".join(wanted)
