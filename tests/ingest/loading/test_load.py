"""Loading, on both databases."""

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import zstandard
from msgspec import structs
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import (
    actors,
    events,
    loaded,
    mentions,
    participations,
    revisions,
    sources,
)
from app.events.changes import read_event_documents as stored
from app.events.changes import write_resolved_events
from app.events.record import decode_event_record
from app.events.render import decode_event_document
from app.events.to_input import input_from_document
from app.ingest.loading.batch_writer import FIRST_BATCH_ROWS, BatchWriter
from app.ingest.loading.bulk_write import forget_stored_hashes
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.resolve import resolve_row_record
from app.ingest.readers.files import open_input_files
from ingest.loading import (
    BY,
    find_faults,
    list_counts,
    load_file,
    read_coverage,
    read_document,
    read_documents,
    try_load,
    write_file,
)
from ingest.rows import UCDP, join_events, make_event, make_table

PAGE = make_event("k3")["reports"][0]["source"]
STORED_HASH = 3212384885746147044
"""The hash of an event, as earlier loads stored it.

A load compares its hashes with the stored ones: made in another way, they would let it undo what
was edited by hand.
"""


def read_version(database: Database) -> int:
    with database.connect() as db:
        return int(db.scalar(select(func.max(revisions.c.seq))) or 0)


def test_the_same_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(*(make_event(f"k{n}") for n in range(20))))
    assert list_counts(load_file(database, path)[0]) == {"rows": 20, "new": 20}
    before = read_version(database)
    assert list_counts(load_file(database, path)[0]) == {"rows": 20, "unchanged": 20}
    assert read_version(database) == before
    assert find_faults(database) == []


def test_documents_are_stored_as_they_are_whatever_encoding_clients_use(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    other_client = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        load_file(
            other_client,
            write_file(tmp_path / "a.ndjson", join_events(make_event("k1", title="né → ñ"))),
        )
    finally:
        other_client.close()
    assert '"title":"né → ñ"' in next(iter(read_documents(database, "local").values()))


def test_event_hash_is_stable_across_releases(
    database: Database,
) -> None:
    full = b"""{"key": "k", "title": "T", "date": "2020-01-02", "intensity": -2.0, "signals":
    [{"from": "ARM", "toward": "RUS", "score": 1}], "participants": [{"role": "target",
    "actor": "RUS"}], "location": {"lat": 1, "lon": 2}, "tags": ["a"], "reports": [{"source":
    {"publisher": "P", "url": "https://p.example/x"}, "claims": {"tone": 1.5}}]}"""
    with database.connect() as db:
        record = decode_event_record(full)
        assert resolve_row_record(record, "x", ReferenceCache(db)).content_hash == STORED_HASH


def test_events_that_others_write_meanwhile_are_found(database: Database, tmp_path: Path) -> None:
    rows = [make_event(f"k{n}") for n in range(FIRST_BATCH_ROWS + 100)]
    whole = write_file(tmp_path / "a", join_events(*rows))
    other = write_file(
        tmp_path / "b",
        join_events(
            make_event(f"k{FIRST_BATCH_ROWS + 50}", title="Other"), rows[FIRST_BATCH_ROWS + 51]
        ),
    )
    messages = []

    def between(done: int, _position: int) -> None:
        messages.append(done)
        if len(messages) == 1:
            assert list_counts(load_file(database, other)[0]) == {"rows": 2, "new": 2}

    loader = Loader(database, BY, LoadOptions(), LoadListener(on_progress=between))
    assert loader.load_files([*open_input_files(whole), *open_input_files(other)]) == []
    assert messages == [FIRST_BATCH_ROWS, FIRST_BATCH_ROWS + 100, 2]
    assert list_counts(loader) == {
        "rows": FIRST_BATCH_ROWS + 102, "new": FIRST_BATCH_ROWS + 98, "changed": 2, "unchanged": 2,
    }  # fmt: skip
    assert read_document(database, f"local:k{FIRST_BATCH_ROWS + 50}")["title"] == "Other"
    assert find_faults(database) == []


@pytest.mark.parametrize(
    ("others", "comparisons"),
    [
        ([make_event("other"), make_event("more", title="T")], 1),
        ([make_event("k3", title="Another")], 2),
        ([make_event("other", participants=[{"actor": "New Party", "role": "target"}])], 2),
        ([make_event("other", reports=make_event("k3")["reports"])], 1),
        ([make_event("other", reports=[{"source": {**PAGE, "title": "Theirs"}}])], 1),
        ([make_event("other", reports=[{"source": {**PAGE, "reliability": "B"}}])], 2),
    ],
)
def test_a_batch_is_moved_behind_what_others_write(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    others: list[dict[str, Any]],
    comparisons: int,
) -> None:
    first = write_file(tmp_path / "c", join_events(make_event("k99")))
    load_file(database, first)  # so that the days covered do not change
    mine = write_file(tmp_path / "a", join_events(*(make_event(f"k{n}") for n in range(9))))
    theirs = write_file(tmp_path / "b", join_events(*others))
    compared = []
    write, prepare = BatchWriter._write_batch, BatchWriter._prepare_batch

    def write_after_others(self: BatchWriter, *values: Any) -> Any:
        monkeypatch.setattr(BatchWriter, "_write_batch", write)
        load_file(database, theirs, create_actors=True)
        compared.clear()
        compared.append(mine)  # what was compared before the others wrote
        return write(self, *values)

    def count_comparisons(*values: Any) -> Any:
        compared.append(values)
        return prepare(*values)

    monkeypatch.setattr(BatchWriter, "_write_batch", write_after_others)
    monkeypatch.setattr(BatchWriter, "_prepare_batch", count_comparisons)
    loader, _ = load_file(database, mine)
    assert len(compared) == comparisons
    assert loader.stats.new + loader.stats.changed == 9
    assert read_document(database, "local:k8")["title"] == make_event("k8")["title"]
    assert find_faults(database) == []


def test_a_changed_row_makes_one_revision(database: Database, tmp_path: Path) -> None:
    rows = [make_event(f"k{n}") for n in range(10)]
    load_file(database, write_file(tmp_path / "a.ndjson", join_events(*rows)))
    rows[3]["title"] = "Another title"
    rows[4] = {name: rows[4][name] for name in reversed(rows[4])}  # says the same
    before = read_version(database)
    counted = list_counts(
        load_file(database, write_file(tmp_path / "b.ndjson", join_events(*rows)))[0]
    )
    assert counted == {"rows": 10, "changed": 1, "unchanged": 9}
    assert read_version(database) == before + 1
    assert read_document(database, "local:k3")["title"] == "Another title"
    assert find_faults(database) == []


def test_the_last_row_of_a_key_wins(database: Database, tmp_path: Path) -> None:
    rows = [
        make_event("a", title="1"),
        make_event("b"),
        make_event("a", title="2"),
        make_event("a", title="3"),
    ]
    path = write_file(tmp_path / "a.ndjson", join_events(*rows))
    assert list_counts(load_file(database, path)[0]) == {"rows": 4, "new": 2, "duplicates": 2}
    assert read_document(database, "local:a")["title"] == "3"
    assert list_counts(load_file(database, path)[0]) == {"rows": 4, "unchanged": 2, "duplicates": 2}


def test_a_full_release_retracts_what_it_dropped(database: Database, tmp_path: Path) -> None:
    rows = [make_event(f"k{n}") for n in range(10)]
    load_file(database, write_file(tmp_path / "a.ndjson", join_events(*rows)), dataset="mine")
    kept = write_file(tmp_path / "b.ndjson", join_events(*rows[:4], *rows[6:]))
    counted = list_counts(load_file(database, kept, dataset="mine", retract_missing=True)[0])
    assert counted == {"rows": 8, "unchanged": 8, "retracted": 2}
    with database.connect() as db:
        gone = select(events.c.id).where(events.c.status == "retracted").order_by(events.c.id)
        assert list(db.scalars(gone)) == ["mine:k4", "mine:k5"]
        why = select(revisions.c.action, revisions.c.reason).where(revisions.c.id == "mine:k4")
        last = db.execute(why.order_by(revisions.c.seq.desc())).first()
    assert last is not None
    assert tuple(last) == ("retract", "missing from b.ndjson")
    again = list_counts(load_file(database, kept, dataset="mine", retract_missing=True)[0])
    assert again == {"rows": 8, "unchanged": 8}
    back = list_counts(load_file(database, tmp_path / "a.ndjson", dataset="mine")[0])
    assert back == {"rows": 10, "changed": 2, "unchanged": 8}
    assert read_document(database, "mine:k4")["status"] == "reported"
    assert find_faults(database) == []


def test_a_release_of_a_month_retracts_in_that_month_only(
    database: Database, tmp_path: Path
) -> None:
    days = ("2026-06-30", "2026-07-01", "2026-07-15/2026-08-02", "2026-07-31", "2026-08-01")
    rows = [make_event(f"k{n}", date=day) for n, day in enumerate(days)]
    load_file(database, write_file(tmp_path / "a.ndjson", join_events(*rows)), dataset="mine")
    july = write_file(tmp_path / "b.ndjson", join_events(rows[3]))
    chosen = {"dataset": "mine", "retract_missing": True, "retract_window": "2026-07"}
    expected = {"rows": 1, "unchanged": 1, "retracted": 2}
    assert list_counts(load_file(database, july, dry_run=True, **chosen)[0]) == expected
    assert list_counts(load_file(database, july, **chosen)[0]) == expected
    with database.connect() as db:
        gone = select(events.c.id).where(events.c.status == "retracted").order_by(events.c.id)
        assert list(db.scalars(gone)) == ["mine:k1", "mine:k2"]
    assert find_faults(database) == []


def test_a_dry_run_counts_and_stores_nothing(database: Database, tmp_path: Path) -> None:
    before = read_version(database)
    path = write_file(
        tmp_path / "a.ndjson", join_events(make_event("a"), make_event("b", date="no"))
    )
    assert list_counts(load_file(database, path, dry_run=True)[0]) == {
        "rows": 2,
        "new": 1,
        "rejected": 1,
    }
    assert read_version(database) == before


def test_sources_are_the_same_where_their_address_is(database: Database, tmp_path: Path) -> None:
    def said(key: str, url: str) -> dict[str, Any]:
        source = {"publisher": "P", "title": "T", "url": url}
        return make_event(key, reports=[{"source": source}])

    path = write_file(
        tmp_path / "a.ndjson",
        join_events(
            said("a", "https://www.x.example/p/?utm_source=y"),
            said("b", "http://x.example/p#top"),
            said("c", "https://x.example/p?id=2"),
        ),
    )
    load_file(database, path)
    with database.connect() as db:
        count_stored = (
            select(func.count()).select_from(sources).where(sources.c.id.startswith("url-"))
        )
        assert db.scalar(count_stored) == 2
    one, other = (read_document(database, f"local:{k}")["reports"][0] for k in "ab")
    assert one == other


def test_a_source_that_is_there_already_is_found_by_its_address(
    database: Database, tmp_path: Path
) -> None:
    source = {"id": "own-id", "publisher": "P", "title": "T", "url": "https://x.example/p"}
    load_file(
        database,
        write_file(tmp_path / "a", join_events(make_event("a", reports=[{"source": source}]))),
    )
    again = {"publisher": "Q", "title": "U", "url": "https://www.x.example/p/"}
    load_file(
        database,
        write_file(tmp_path / "b", join_events(make_event("b", reports=[{"source": again}]))),
    )
    assert read_document(database, "local:b")["reports"][0]["source"] == "own-id"


def test_unchanged_row_without_stored_hash_makes_no_revision(
    database: Database, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(make_event()))
    load_file(database, path, dataset="mine")
    with database.write() as db:
        forget_stored_hashes(db, ["mine:k1"])
    assert list_counts(load_file(database, path, dataset="mine")[0]) == {"rows": 1, "unchanged": 1}
    with database.connect() as db:
        stored = db.scalar(select(loaded.c.row).where(loaded.c.event == "mine:k1"))
    assert stored  # so that next time it need not be read


def test_a_retracted_row_is_a_retraction(database: Database, tmp_path: Path) -> None:
    load_file(
        database, write_file(tmp_path / "a.ndjson", join_events(make_event())), dataset="mine"
    )
    gone = write_file(tmp_path / "b.ndjson", join_events(make_event(status="retracted")))
    assert list_counts(load_file(database, gone, dataset="mine")[0]) == {"rows": 1, "changed": 1}
    actions = (
        select(revisions.c.action).where(revisions.c.id == "mine:k1").order_by(revisions.c.seq)
    )
    with database.connect() as db:
        assert list(db.scalars(actions)) == ["create", "retract"]
    assert find_faults(database) == []


def test_unknown_actors_stay_codes_until_they_are_created(
    database: Database, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "ged.csv", make_table("ucdp-ged"))
    loader, _ = load_file(database, path)
    day = "2014-05-02"
    expected = [("code", "ucdp:6711", "DPR", 1, day, day)]
    assert [tuple(total) for total in loader.stats.names.list_by_frequency()] == expected
    who = read_document(database, "ucdp-ged:77")["participants"]
    assert [(p["actor"], p["native"]) for p in who] == [
        ("UKR", "Government of Ukraine"), (None, "DPR"),
    ]  # fmt: skip

    counted = list_counts(load_file(database, path, create_actors=True)[0])
    assert counted == {"rows": 1, "changed": 1}
    code = read_document(database, "ucdp-ged:77")["participants"][1]["actor"]
    with database.connect() as db:
        row = db.execute(select(actors).where(actors.c.code == code)).one()
    assert (row.name, row.kind) == ("DPR", "armed_group")
    assert list_counts(load_file(database, path, create_actors=True)[0]) == {
        "rows": 1,
        "unchanged": 1,
    }
    assert find_faults(database) == []


def test_mentions_wait_for_their_event(database: Database, tmp_path: Path) -> None:
    rows = [{}, {"mentionidentifier": "https://third.example/b"}, {"globaleventid": "1"}]
    late = write_file(tmp_path / "m", make_table("gdelt-mentions", rows))
    assert list_counts(load_file(database, late)[0]) == {"rows": 3, "new": 3}
    load_file(database, write_file(tmp_path / "e", make_table("gdelt-v2")))
    body = read_document(database, "gdelt:900000001")
    assert body["reports"][0]["publisher"] == "news.example"
    assert body["independent_sources"] == 3
    assert list_counts(load_file(database, late)[0]) == {"rows": 3, "unchanged": 3}
    assert find_faults(database) == []


def test_mentions_that_come_later_say_the_same(database: Database, tmp_path: Path) -> None:
    load_file(database, write_file(tmp_path / "e", make_table("gdelt-v2")))
    assert read_document(database, "gdelt:900000001")["independent_sources"] == 1
    load_file(database, write_file(tmp_path / "m", make_table("gdelt-mentions")))
    body = read_document(database, "gdelt:900000001")
    assert body["independent_sources"] == 2
    assert body["reports"][1]["locator"] == "sentence 3"
    assert list_counts(load_file(database, tmp_path / "e")[0]) == {"rows": 1, "unchanged": 1}
    changed = write_file(tmp_path / "f", make_table("gdelt-v2", [{"goldsteinscale": "-3"}]))
    assert list_counts(load_file(database, changed)[0]) == {"rows": 1, "changed": 1}
    assert read_document(database, "gdelt:900000001")["independent_sources"] == 2
    with database.connect() as db:
        assert db.scalar(select(func.count()).select_from(mentions)) == 1
    assert find_faults(database) == []


def test_an_address_written_two_ways_is_one_mention(database: Database, tmp_path: Path) -> None:
    same = ("http://www.example.org/story", "https://example.org/story/")
    between = [{"globaleventid": str(n)} for n in range(FIRST_BATCH_ROWS)]
    rows = [{"mentionidentifier": same[0]}, *between, {"mentionidentifier": same[1]}]
    late = write_file(tmp_path / "m", make_table("gdelt-mentions", rows))
    expected = {"rows": FIRST_BATCH_ROWS + 2, "duplicates": 1}
    assert list_counts(load_file(database, late)[0]) == {**expected, "new": FIRST_BATCH_ROWS + 1}
    assert list_counts(load_file(database, late)[0]) == {
        **expected,
        "unchanged": FIRST_BATCH_ROWS + 1,
    }


def test_a_source_that_is_not_on_the_web_counts_once(database: Database, tmp_path: Path) -> None:
    page = "Radio One, Yerevan/Some Monitoring/(c) Some"
    load_file(database, write_file(tmp_path / "e", make_table("gdelt-v2", [{"sourceurl": page}])))
    row = {"mentionidentifier": page, "mentiontype": "2", "mentionsourcename": "Some Monitoring"}
    load_file(database, write_file(tmp_path / "m", make_table("gdelt-mentions", [row])))
    body = read_document(database, "gdelt:900000001")
    assert (len(body["reports"]), body["independent_sources"]) == (1, 1)


def test_the_days_covered_are_widened(database: Database, tmp_path: Path) -> None:
    rows = [{"globaleventid": "1"}, {"globaleventid": "2", "sqldate": "20221003"}]
    load_file(database, write_file(tmp_path / "e", make_table("gdelt-v1", rows)))
    load_file(
        database,
        write_file(tmp_path / "n", join_events(make_event("a"), make_event("b", date="2021-03"))),
    )
    assert read_coverage(database, "gdelt") == (
        "2023-10-03",
        "2023-10-03",
    )  # the file's, not its events'
    assert read_coverage(database, "local") == ("2020-01-02", "2021-03-01")


def test_mentions_cover_no_days(database: Database, tmp_path: Path) -> None:
    late = write_file(tmp_path / "m", make_table("gdelt-mentions"))
    load_file(database, late)
    assert read_coverage(database, "gdelt") == (None, None)
    old = make_table("gdelt-v1", [{"sqldate": "20131003"}])  # ten years back, from relative words
    load_file(database, write_file(tmp_path / "e", old))
    days = ("2023-10-03", "2023-10-03")
    assert read_coverage(database, "gdelt") == days
    more = make_table("gdelt-mentions", [{"mentionidentifier": "https://third.example/b"}])
    load_file(database, write_file(tmp_path / "n", more))
    assert read_coverage(database, "gdelt") == days


def _compress_gzip(body: bytes) -> bytes:
    return gzip.compress(body)


def _compress_zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(body)


@pytest.mark.parametrize("packed", [_compress_gzip, _compress_zstd])
def test_compressed_files(database: Database, tmp_path: Path, packed: Any) -> None:
    path = tmp_path / "events"
    path.write_bytes(packed(join_events(make_event("a"), make_event("b")).encode()))
    assert list_counts(load_file(database, path)[0]) == {"rows": 2, "new": 2}


def test_archives(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("../../outside/1.ndjson", join_events(make_event("a")))
        out.writestr("2.csv", make_table("gdelt-v1"))
    assert list_counts(load_file(database, path)[0]) == {"rows": 2, "new": 2}
    assert not (tmp_path.parent.parent / "outside").exists()


def test_parquet(database: Database, tmp_path: Path) -> None:
    flat, nested = tmp_path / "flat.parquet", tmp_path / "nested.parquet"
    parquet.write_table(pa.Table.from_pylist([UCDP, {**UCDP, "id": "78"}]), flat)
    parquet.write_table(pa.Table.from_pylist([make_event("a"), make_event("b")]), nested)
    assert list_counts(load_file(database, flat)[0]) == {"rows": 2, "new": 2}
    assert list_counts(load_file(database, nested)[0]) == {"rows": 2, "new": 2}
    assert read_document(database, "local:a")["participants"][0]["actor"] == "ARM"


def test_an_edit_by_hand_outlives_the_same_file(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", join_events(make_event("a")))
    load_file(database, path)
    with database.write() as db:
        found = decode_event_document(dict(stored(db, ["local:a"]))["local:a"])
        edited = structs.replace(input_from_document(found, {}), title="edited")
        write_resolved_events(db, [("local:a", edited)], BY)
    assert list_counts(load_file(database, path)[0]) == {"rows": 1, "unchanged": 1}
    assert read_document(database, "local:a")["title"] == "edited"
    changed = write_file(tmp_path / "b", join_events(make_event("a", summary="More is known.")))
    assert list_counts(load_file(database, changed)[0]) == {"rows": 1, "changed": 1}
    assert read_document(database, "local:a")["title"] == "Event a"
    assert find_faults(database) == []


def test_row_with_invalid_day_does_not_extend_coverage(database: Database, tmp_path: Path) -> None:
    rows = [{}, {"globaleventid": "2", "dateadded": "99999999"}]
    counted = list_counts(
        load_file(database, write_file(tmp_path / "a", make_table("gdelt-v1", rows)))[0]
    )
    assert counted == {"rows": 2, "new": 1, "rejected": 1}
    assert read_coverage(database, "gdelt") == ("2023-10-03", "2023-10-03")
    again = make_table("gdelt-v2", [{"globaleventid": "3"}])
    assert list_counts(load_file(database, write_file(tmp_path / "b", again))[0]) == {
        "rows": 1,
        "new": 1,
    }


def test_a_key_with_blanks_is_the_key_without(database: Database, tmp_path: Path) -> None:
    for path, key, title in (("a", "7 ", "X"), ("b", "7 ", "Y"), ("c", "7", "Z")):
        text = make_table("gdelt-v2", [{}, {"globaleventid": key, "actor1name": title}])
        load_file(database, write_file(tmp_path / path, text))
    assert set(read_documents(database, "gdelt")) == {"gdelt:900000001", "gdelt:7"}
    assert find_faults(database) == []


def test_what_is_no_format_is_refused(database: Database, tmp_path: Path) -> None:
    before = read_version(database)
    for text in ("a,b,c\n1,2,3\n", "[1, 2]", "hello\n", "\x00\x01\x02"):
        _, _, failed = try_load(database, write_file(tmp_path / "x", text))
        assert len(failed) == 1, text
    utf16 = tmp_path / "u"
    utf16.write_text(join_events(make_event("a")), "utf-16-le")
    assert "UTF-16" in try_load(database, utf16)[2][0]
    assert read_version(database) == before


def test_persons_count_for_their_state(database: Database, tmp_path: Path) -> None:
    who = [{"actor": "nikol-pashinyan", "role": "initiator"}, {"actor": "RUS", "role": "target"}]
    event = make_event("a", participants=who, date="2023-09-01")
    load_file(database, write_file(tmp_path / "a", join_events(event)))
    with database.connect() as db:
        p = participations.c
        rows = db.execute(select(p.actor, p.via).where(p.event == "local:a")).all()
    assert {tuple(row) for row in rows} == {
        ("nikol-pashinyan", ""), ("ARM", "nikol-pashinyan"), ("RUS", ""),
    }  # fmt: skip
    assert find_faults(database) == []
