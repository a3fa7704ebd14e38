"""Rows that are refused: each is told with its reason, and can be mended and loaded."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.db.engine import Database
from app.ingest.load import Heard, Loader, Options
from app.ingest.opened import opened
from app.ingest.row import Reject
from app.ingest.tally import MOST_REASONS
from ingest.loading import BY, counts, document, load, wrote
from ingest.rows import event, ndjson, table


def test_rejects_can_be_mended_and_loaded(database: Database, tmp_path: Path) -> None:
    bad = event("bad", date="2020-02-30")
    text = ndjson(event("good"), bad) + '{"key": "cut", "title": \n'
    _, rejects = load(database, wrote(tmp_path / "a.ndjson", text))
    assert [(r.line, r.field) for r in rejects] == [(2, "date"), (3, "")]
    mended = []
    for told in rejects:
        row: Any = json.loads(json.dumps({"line": told.line, "field": told.field,
                                          "reason": told.reason, "format": told.format,
                                          "row": told.row}))  # fmt: skip
        row["row"] = {**bad, "date": "2020-02-29"} if told.field else event("cut")
        mended.append(row)
    told = counts(load(database, wrote(tmp_path / "mended", ndjson(*mended)))[0])
    assert told == {"rows": 2, "new": 2}
    assert document(database, "local:bad")["date"] == "2020-02-29"


def test_halves_of_surrogate_pairs_are_told_as_they_were_written(
    database: Database, tmp_path: Path
) -> None:
    text = '{"key": "a", "title": "\\ud800", "date": "2020-01-01"}\n'
    [told] = load(database, wrote(tmp_path / "a.ndjson", text))[1]
    assert told.row == text.strip()
    assert b"ud800" in msgspec.json.encode(told)


def test_rejected_rows_of_tables_can_be_mended(database: Database, tmp_path: Path) -> None:
    rows = [{"id": "1"}, {"id": "2", "date_start": "soon"}, {"id": "3", "best": "many"}]
    path = wrote(tmp_path / "ged.csv", table("ucdp-ged", rows) + "cut,off\n")
    loader, rejects = load(database, path)
    assert counts(loader) == {"rows": 4, "new": 1, "rejected": 3}
    assert [r.field for r in rejects] == ["date_start", "best", ""]
    lines = [json.loads(json.dumps(_plain(r))) for r in rejects]
    lines[0]["row"]["date_start"] = "2014-05-02"
    lines[1]["row"]["best"] = "3"
    lines[2]["row"] = ",".join(rejects[2].columns and _cut(rejects[2]))
    told = counts(load(database, wrote(tmp_path / "mended", ndjson(*lines)))[0])
    assert told == {"rows": 3, "new": 3}


def _plain(reject: Reject) -> dict[str, Any]:
    return {name: getattr(reject, name) for name in reject.__struct_fields__}


def _cut(reject: Reject) -> list[str]:
    whole = {"id": "4", "type_of_violence": "3", "date_start": "2014-01-01",
             "date_end": "2014-01-31"}  # fmt: skip
    return [whole.get(column, "") for column in reject.columns]


def test_a_report_of_no_source_is_rejected(database: Database, tmp_path: Path) -> None:
    path = wrote(tmp_path / "a", ndjson(event("a", reports=[{"source": "nobody"}])))
    loader, rejects = load(database, path)
    assert counts(loader) == {"rows": 1, "rejected": 1}
    assert rejects[0].field == "reports[0].source"


SELF = {"from": "ARM", "toward": "armenia", "score": 1}
TWICE = {"from": "ARM", "toward": "RUS", "score": 1}


@pytest.mark.parametrize(
    ("stated", "field", "reason"),
    [
        ([SELF], "signals[0].toward", "is the one that it comes from"),
        ([TWICE, {**TWICE, "score": 2}], "signals[1]", "ARM toward RUS is stated twice"),
    ],
)
def test_signals_lead_from_one_actor_to_another_once(
    database: Database, tmp_path: Path, stated: list[Any], field: str, reason: str
) -> None:
    path = wrote(tmp_path / "a.ndjson", ndjson(event(signals=stated)))
    loader, [reject] = load(database, path)
    assert counts(loader) == {"rows": 1, "rejected": 1}
    assert (reject.field, reject.reason) == (field, reason)


@pytest.mark.slow
def test_many_rejects_take_no_more_memory_than_few(database: Database, tmp_path: Path) -> None:
    peaks, told = [], 0
    for number in (20_000, 40_000):  # the largest batches come after some 15,000 rows
        rows = (f'{{"key":"{n}","title":"{n:x}","date":"x{n}"}}\n' for n in range(number))
        path = wrote(tmp_path / f"{number}.ndjson", "".join(rows))

        def rejected(_: Reject) -> None:
            nonlocal told
            told += 1

        loader = Loader(database, BY, Options(), Heard(rejected))
        tracemalloc.start()
        assert loader.load(list(opened(path))) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert counts(loader) == {"rows": number, "rejected": number}
        assert len(loader.tally.reasons) <= 2 * MOST_REASONS
    assert told == 60_000
    assert peaks[1] < 1.5 * peaks[0]
