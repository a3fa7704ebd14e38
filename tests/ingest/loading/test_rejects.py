"""Rejected rows: each is reported with its reason, and can be corrected and loaded."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from soak import choose_size
from sqlalchemy import select

from app.db.engine import Database
from app.db.tables import alliance_years
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.stats import MAX_REASONS
from app.ingest.readers.files import open_input_files
from app.ingest.readers.rows import Reject
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
)  # fmt: skip
from ingest.rows import join_events, make_event, make_table


def test_rejects_can_be_mended_and_loaded(database: Database, tmp_path: Path) -> None:
    bad = make_event("bad", date="2020-02-30")
    text = join_events(make_event("good"), bad) + '{"key": "cut", "title": \n'
    _, rejects = load_file(database, write_file(tmp_path / "a.ndjson", text))
    assert [(r.line, r.field) for r in rejects] == [(2, "date"), (3, "")]
    mended = []
    for message in rejects:
        row: Any = json.loads(json.dumps({"line": message.line, "field": message.field,
                                          "reason": message.reason, "format": message.format,
                                          "row": message.row}))  # fmt: skip
        row["row"] = {**bad, "date": "2020-02-29"} if message.field else make_event("cut")
        mended.append(row)
    message = list_counts(
        load_file(database, write_file(tmp_path / "mended", join_events(*mended)))[0]
    )
    assert message == {"rows": 2, "new": 2}
    assert read_document(database, "local:bad")["date"] == "2020-02-29"


def test_lone_surrogates_are_reported_unchanged(database: Database, tmp_path: Path) -> None:
    text = '{"key": "a", "title": "\\ud800", "date": "2020-01-01"}\n'
    [reject] = load_file(database, write_file(tmp_path / "a.ndjson", text))[1]
    assert reject.row == text.strip()
    assert b"ud800" in msgspec.json.encode(reject)


def test_rejected_rows_of_tables_can_be_mended(database: Database, tmp_path: Path) -> None:
    rows = [{"id": "1"}, {"id": "2", "date_start": "soon"}, {"id": "3", "best": "many"}]
    path = write_file(tmp_path / "ged.csv", make_table("ucdp-ged", rows) + "cut,off\n")
    loader, rejects = load_file(database, path)
    assert list_counts(loader) == {"rows": 4, "new": 1, "rejected": 3}
    assert [r.field for r in rejects] == ["date_start", "best", ""]
    lines = [json.loads(json.dumps(_list_fields(r))) for r in rejects]
    lines[0]["row"]["date_start"] = "2014-05-02"
    lines[1]["row"]["best"] = "3"
    lines[2]["row"] = ",".join(rejects[2].columns and _list_cells(rejects[2]))
    counted = list_counts(
        load_file(database, write_file(tmp_path / "mended", join_events(*lines)))[0]
    )
    assert counted == {"rows": 3, "new": 3}


def _list_fields(reject: Reject) -> dict[str, Any]:
    return {name: getattr(reject, name) for name in reject.__struct_fields__}


def _list_cells(reject: Reject) -> list[str]:
    whole = {"id": "4", "type_of_violence": "3", "date_start": "2014-01-01",
             "date_end": "2014-01-31"}  # fmt: skip
    return [whole.get(column, "") for column in reject.columns]


def correct_row(reject: Reject, **cells: str) -> dict[str, Any]:
    line = json.loads(msgspec.json.encode(reject))
    line["row"] |= cells
    return line


def test_corrected_row_is_loaded_into_its_original_dataset(
    database: Database, tmp_path: Path
) -> None:
    gdelt = write_file(
        tmp_path / "g", make_table("gdelt-v2", [{}, {"globaleventid": "2", "sqldate": "x"}])
    )
    later = write_file(tmp_path / "m", make_table("gdelt-mentions", [{"mentiontimedate": "x"}]))
    acled = write_file(tmp_path / "acled.csv", make_table("acled", [{"event_date": "soon"}]))
    refused = [
        load_file(database, gdelt)[1],
        load_file(database, later, format="gdelt-mentions")[1],
    ]
    refused.append(load_file(database, acled, dataset="desk")[1])
    [[one], [two], [three]] = refused
    assert (three.dataset, three.file) == ("desk", str(acled))
    lines = [
        correct_row(one, sqldate="20231003", dateadded="20231004000000"),
        correct_row(two, mentiontimedate="20231003103000"),
        correct_row(three, event_date="31 January 2022"),
    ]
    path = write_file(tmp_path / "mended", join_events(*lines))
    assert list_counts(load_file(database, path)[0]) == {"rows": 3, "new": 3}
    assert set(read_documents(database, "gdelt")) == {"gdelt:900000001", "gdelt:2"}
    assert read_document(database, "gdelt:900000001")["independent_sources"] == 2
    assert set(read_documents(database, "desk")) == {"desk:UKR1"}
    assert read_coverage(database, "gdelt") == (None, None)  # one slot covers no day
    assert read_coverage(database, "desk") == ("2022-01-31", "2022-01-31")
    assert list_counts(load_file(database, path)[0]) == {"rows": 3, "unchanged": 3}
    assert find_faults(database) == []


def test_rows_of_several_datasets_may_have_the_same_key(database: Database, tmp_path: Path) -> None:
    line = {"line": 1, "field": "", "reason": "", "format": "entente", "row": make_event("same")}
    lines = [{**line, "dataset": "one"}, {**line, "dataset": "two"}, line]
    path = write_file(tmp_path / "mended", join_events(*lines))
    assert list_counts(load_file(database, path)[0]) == {"rows": 3, "new": 3}
    malformed = write_file(
        tmp_path / "odd", join_events({**line, "dataset": "a/b"}, {**line, "dataset": "x" * 300})
    )
    assert list_counts(load_file(database, malformed)[0]) == {"rows": 2, "rejected": 2}
    assert list_counts(load_file(database, path, dataset="one")[0]) == {
        "rows": 3, "duplicates": 2, "unchanged": 1,
    }  # fmt: skip


def test_mended_years_of_an_alliance_count_both_ways(database: Database, tmp_path: Path) -> None:
    head = "ccode1,ccode2,year,cow_defense,cow_neutral,cow_nonagg,cow_entente\n"
    path = write_file(tmp_path / "a.csv", head + "2,200,1990,yes,0,0,0\n")
    [reject] = load_file(database, path)[1]
    load_file(
        database, write_file(tmp_path / "mended", join_events(correct_row(reject, cow_defense="1")))
    )
    a = alliance_years.c
    with database.connect() as db:
        stored = db.execute(select(a.actor, a.partner).where(a.dataset == "cow-alliances")).all()
    assert set(stored) == {("USA", "GBR"), ("GBR", "USA")}


def test_nothing_is_retracted_for_a_file_of_rejects(database: Database, tmp_path: Path) -> None:
    line = {"line": 1, "field": "", "reason": "", "format": "entente", "row": make_event()}
    path = write_file(tmp_path / "mended", join_events(line))
    assert "rejects file" in try_load(database, path, retract_missing=True)[2][0]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda lines: [*lines[:2], lines[2].rpartition(",")[0], lines[3]], "1 rows whose key"),
        (lambda lines: lines[:1], "has no rows"),
        (lambda _: [], "has no rows"),
    ],
)
def test_a_damaged_release_retracts_nothing(
    database: Database, tmp_path: Path, damage: Any, why: str
) -> None:
    whole = make_table("ucdp-ged", [{"id": "1"}, {"id": "2"}, {"id": "3"}])
    load_file(database, write_file(tmp_path / "whole.csv", whole))
    cut = write_file(tmp_path / "cut.csv", "\n".join(damage(whole.splitlines())) + "\n")
    for dry in (True, False):
        loader, _, [error] = try_load(
            database, cut, format="ucdp-ged", retract_missing=True, dry_run=dry
        )
        assert why in error
        assert loader.stats.retracted == 0


def test_a_report_of_no_source_is_rejected(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", join_events(make_event("a", reports=[{"source": "nobody"}])))
    loader, rejects = load_file(database, path)
    assert list_counts(loader) == {"rows": 1, "rejected": 1}
    assert rejects[0].field == "reports[0].source"


SELF = {"from": "ARM", "toward": "armenia", "score": 1}
TWICE = {"from": "ARM", "toward": "RUS", "score": 1}


@pytest.mark.parametrize(
    ("stated", "field", "reason"),
    [
        ([SELF], "signals[0].toward", "must differ from the actor in from"),
        ([TWICE, {**TWICE, "score": 2}], "signals[1]", "ARM toward RUS is stated twice"),
    ],
)
def test_signals_lead_from_one_actor_to_another_once(
    database: Database, tmp_path: Path, stated: list[Any], field: str, reason: str
) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(make_event(signals=stated)))
    loader, [reject] = load_file(database, path)
    assert list_counts(loader) == {"rows": 1, "rejected": 1}
    assert (reject.field, reject.reason) == (field, reason)


@pytest.mark.by_turns  # nothing is stored
@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.by_turns
def test_many_rejects_take_no_more_memory_than_few(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = choose_size(4_000, 20_000)
    # A load begins with small batches: the few rows have to reach the largest as well.
    monkeypatch.setattr("app.ingest.loading.batch_writer.MAX_BATCH_ROWS", few // 4)
    peaks, count = [], 0
    for number in (few, 2 * few):
        rows = (f'{{"key":"{n}","title":"{n:x}","date":"x{n}"}}\n' for n in range(number))
        path = write_file(tmp_path / f"{number}.ndjson", "".join(rows))

        def rejected(_: Reject) -> None:
            nonlocal count
            count += 1

        loader = Loader(database, BY, LoadOptions(), LoadListener(rejected))
        tracemalloc.start()
        assert loader.load_files(list(open_input_files(path))) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert list_counts(loader) == {"rows": number, "rejected": number}
        assert len(loader.stats.reasons) <= 2 * MAX_REASONS
    assert count == 3 * few
    assert peaks[1] < 1.5 * peaks[0]
