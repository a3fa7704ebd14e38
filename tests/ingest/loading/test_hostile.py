"""Files made to break a loader: a report, never a crash, never more memory than a batch takes."""

import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import zstandard
from typer.testing import CliRunner

from app import cli
from app.db.engine import Database
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.loading.batch_writer import FIRST_BATCH_ROWS
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.readers.delimited import MAX_LINE_BYTES
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.rows import InputRow
from ingest.loading import (
    BY,
    find_faults,
    list_counts,
    load_file,
    read_document,
    read_documents,
    try_load,
    write_file,
)
from ingest.rows import join_events, make_event, make_table

WHOLE = join_events(*(make_event(f"k{n}") for n in range(3000))).encode()


def rows_of(path: Path) -> list[InputRow]:
    [file] = open_input_files(path)
    with file.open() as stream:
        return list(recognize_file(file).read_rows(stream))


def list_reasons(rows: list[InputRow]) -> list[str | None]:
    return [None if row.wrong is None else row.wrong.reason for row in rows]


def test_a_key_with_a_nul_is_rejected_alone(database: Database, tmp_path: Path) -> None:
    load_file(database, write_file(tmp_path / "a", join_events(make_event("first"))))
    rows = [make_event("good"), make_event("k\0x"), make_event("t", title="x\0y")]
    loader, rejects = load_file(database, write_file(tmp_path / "b", join_events(*rows)))
    assert list_counts(loader) == {"rows": 3, "new": 1, "rejected": 2}
    again = [json.dumps({"line": 1, "field": "", "reason": "", "format": "ucdp-ged", "table": True,
                         "row": {"id": "1\0", "title": "x"}})]  # fmt: skip
    loader, rejects = load_file(database, write_file(tmp_path / "c", "\n".join(again)))
    assert [(r.field, r.reason) for r in rejects] == [("id", "must not contain a NUL character")]


def test_claims_are_not_nested_without_end(database: Database, tmp_path: Path) -> None:
    def nested(depth: int) -> dict[str, Any]:
        claims = '{"a":' * depth + "1" + "}" * depth
        report = {"source": {"publisher": "P"}, "claims": json.loads(claims)}
        return make_event(f"k{depth}", reports=[report])

    rows = [nested(29), nested(30), nested(700)]
    loader, rejects = load_file(database, write_file(tmp_path / "a", join_events(*rows)))
    assert list_counts(loader) == {"rows": 3, "new": 1, "rejected": 2}
    assert {r.field for r in rejects} == {"reports[0].claims"}
    assert find_faults(database) == []


@pytest.mark.by_turns
@pytest.mark.parametrize("frames", [1, 2])
def test_truncated_zstd_is_an_error(database: Database, tmp_path: Path, frames: int) -> None:
    half = len(WHOLE) // 2
    parts = [WHOLE] if frames == 1 else [WHOLE[:half], WHOLE[half:]]
    packed = b"".join(zstandard.ZstdCompressor().compress(part) for part in parts)
    path = tmp_path / "a.zst"
    path.write_bytes(packed)
    assert list_counts(load_file(database, path)[0]) == {"rows": 3000, "new": 3000}
    path.write_bytes(packed[: len(packed) * 9 // 10])
    loader, _, [error] = try_load(database, path, retract_missing=True)
    assert "cannot be decompressed" in error
    assert loader.stats.retracted == 0


def test_long_rows_make_small_batches(database: Database, tmp_path: Path) -> None:
    rows = [make_event(f"k{n}", summary="x" * 19_000, title=f"{n}", tags=[]) for n in range(600)]
    path = write_file(tmp_path / "a", join_events(*rows))
    ends: list[int] = []
    loader = Loader(
        database,
        BY,
        LoadOptions(dry_run=True),
        LoadListener(on_progress=lambda n, _: ends.append(n)),
    )
    assert loader.load_files(list(open_input_files(path))) == []
    assert ends[-1] == 600
    assert ends[0] < FIRST_BATCH_ROWS


@pytest.mark.slow
def test_parquet_is_expanded_a_part_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    number = 600
    fields = {"key": [f"k{n}" for n in range(number)], "title": ["t"] * number}
    fields |= {"date": ["2020-01-01"] * number, "summary": ["a" * 300_000] * number}
    parquet.write_table(pa.table(fields), path, compression="zstd")
    del fields
    [file] = open_input_files(path)
    tracemalloc.start()
    assert sum(1 for _ in recognize_file(file).read_rows(None)) == number
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MAX_LINE_BYTES


def test_parquet_rows_of_unknown_types_are_rejected_alone(tmp_path: Path) -> None:
    base = {"key": ["a", "b", "c"], "title": ["t"] * 3, "date": ["2020-01-01"] * 3}
    malformed = {
        "binary": pa.array([b"caf\xc3\xa9", b"\xff", None]),
        "time": pa.array([10**12, 1, 1], pa.timestamp("s")),
        "summary": pa.array(["s", "s", "x" * (MAX_LINE_BYTES + 1)]),
    }
    messages = []
    for name, column in malformed.items():
        parquet.write_table(pa.table({**base, name: column}), tmp_path / f"{name}.parquet")
        messages.append(
            [reason is None for reason in list_reasons(rows_of(tmp_path / f"{name}.parquet"))]
        )
    assert messages == [[True, False, True], [False, True, True], [True, True, False]]
    assert rows_of(tmp_path / "binary.parquet")[0].content["binary"] == "café"  # type: ignore[index,call-overload]


def test_nested_parquet_counts_what_is_within(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    report = {"source": {"publisher": "p"}, "quote": "w" * 19_000}
    fields = {"key": ["a", "b", "c"], "title": ["t"] * 3, "date": ["2020-01-01"] * 3,
            "participants": [[{"actor": "ARM", "role": "initiator"}]] * 3,
            "reports": [[report] * 60, [report], None]}  # fmt: skip
    parquet.write_table(pa.table(fields), path, compression="zstd")
    assert [reason is None for reason in list_reasons(rows_of(path))] == [False, True, True]


def test_parquet_of_several_groups_of_rows(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = pa.Table.from_pylist([make_event(f"k{n}") for n in range(1200)])
    parquet.write_table(rows, path, row_group_size=700)
    assert list_counts(load_file(database, path)[0]) == {"rows": 1200, "new": 1200}


@pytest.mark.parametrize("malformed", [{"participants": "no json"}, {"id": None}, {"tags": ["a"]}])
def test_parquet_that_was_exported_and_changed_is_rejected(
    tmp_path: Path, malformed: dict[str, Any]
) -> None:
    path = tmp_path / "a.parquet"
    row = {"id": "a:b", "key": "b", "title": "t", "date": "2020", "participants": "[]",
           "revision": 1, "tags": "a", **malformed}  # fmt: skip
    parquet.write_table(pa.Table.from_pylist([row]), path)
    [reason] = list_reasons(rows_of(path))
    assert reason == "is not in the exported form"


@pytest.mark.slow
def test_parquet_that_expands_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    column = pa.array(["a" * 70_000_000])
    parquet.write_table(pa.table({"key": column, "title": column, "date": column}), path,
                        compression="zstd")  # fmt: skip
    with pytest.raises(UnreadableFileError, match="expands to"):
        rows_of(path)


def test_archives_are_not_kept_open(tmp_path: Path) -> None:
    files = []
    for n in range(100):
        path = tmp_path / f"{n}.zip"
        with zipfile.ZipFile(path, "w") as out:
            out.writestr("a.ndjson", join_events(make_event(f"k{n}")))
        files += list(open_input_files(path))
    before = len(os.listdir("/proc/self/fd"))
    for file in files:
        with file.open() as stream:
            assert len(list(recognize_file(file).read_rows(stream))) == 1
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_two_files(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        for key in "ab":
            out.writestr("same.ndjson", join_events(make_event(key)))
    assert list_counts(load_file(database, path)[0]) == {"rows": 2, "new": 2}
    assert set(read_documents(database, "local")) == {"local:a", "local:b"}


def test_of_a_release_in_several_files_nothing_is_retracted(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        for key in "ab":
            out.writestr(key, join_events(make_event(key)))
    load_file(database, path)
    loader, _, [error] = try_load(database, path, retract_missing=True)
    assert "takes one file, the whole release" in error
    assert loader.stats.retracted == 0


def _damage_archive(how: Callable[[bytearray], None]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as out:
        out.writestr("é.ndjson", WHOLE)
    body = bytearray(made.getvalue())
    how(body)
    return bytes(body)


def _damage_content(body: bytearray) -> None:
    body[200:260] = os.urandom(60)


def _damage_name(body: bytearray) -> None:
    body[30] = 0xFF


def _damage_version(body: bytearray) -> None:
    at = body.index(b"PK\x01\x02")
    body[at + 6 : at + 8] = b"\x63\x00"


@pytest.mark.by_turns
@pytest.mark.parametrize("how", [_damage_content, _damage_name, _damage_version])
def test_damaged_archive_is_an_error(
    database: Database, tmp_path: Path, how: Callable[[bytearray], None]
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(_damage_archive(how))
    try:
        [error] = try_load(database, path)[2]
    except UnreadableFileError as wrong:
        error = str(wrong)
    assert "cannot be" in error or "broken archive" in error
    assert lzma.LZMAError.__name__ not in error


def test_workbooks_and_nested_archives_are_reported(tmp_path: Path) -> None:
    book = tmp_path / "sheet"
    with zipfile.ZipFile(book, "w") as out:
        out.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(UnreadableFileError, match="workbook"):
        list(open_input_files(book))
    for names, words in ((("mimetype", "content.xml"), "workbook"), ((), "archive without files")):
        with zipfile.ZipFile(tmp_path / "other", "w") as out:
            for name in names:
                out.writestr(name, "x")
        with pytest.raises(UnreadableFileError, match=words):
            list(open_input_files(tmp_path / "other"))
    locked = write_file(tmp_path / "locked", "")
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 900)
    with pytest.raises(UnreadableFileError, match="with a password"):
        rows_of(locked)
    (tmp_path / "zip.gz").write_bytes(gzip.compress(book.read_bytes()))
    with pytest.raises(UnreadableFileError, match="archive within an archive"):
        rows_of(tmp_path / "zip.gz")
    tail = tmp_path / "tail"
    tail.write_bytes(join_events(make_event("a")).encode() + b"PK\x05\x06" + b"\x00" * 18)
    assert list_reasons(rows_of(tail)) == [None, "the line contains a NUL byte"]


def test_rows_after_a_long_line_are_read_whatever_ends_lines(tmp_path: Path) -> None:
    lines = [b'{"key":"a"}', b"x" * (2 * MAX_LINE_BYTES), b'{"key":"b"}', b'{"key":"c"}']
    for end in (b"\r", b"\n", b"\r\n"):
        (tmp_path / "x").write_bytes(end.join(lines) + end)
        assert [reason is None for reason in list_reasons(rows_of(tmp_path / "x"))] == [
            True, False, True, True,
        ]  # fmt: skip


def test_a_row_with_a_nul_is_kept_whole(database: Database, tmp_path: Path) -> None:
    body = make_table("ucdp-ged", [{"id": "1", "side_a": "A\0", "where_description": "w" * 900}])
    [reject] = load_file(database, write_file(tmp_path / "a.csv", body))[1]
    assert "w" * 900 in reject.row
    line = {name: getattr(reject, name) for name in reject.__struct_fields__}
    line["row"] = reject.row.replace("\ufffd", "").replace("A", "Anew")
    mended = write_file(tmp_path / "mended", join_events(line))
    assert list_counts(load_file(database, mended)[0]) == {"rows": 1, "new": 1}
    assert read_document(database, "ucdp-ged:1")["participants"][0]["native"] == "Anew"


def test_the_beginning_of_a_long_row_is_no_row(database: Database, tmp_path: Path) -> None:
    line = make_table("ucdp-ged").splitlines()
    body = (
        "\n".join([line[0], line[1].rpartition(",")[0] + "," + "9" * (MAX_LINE_BYTES + 1)]) + "\n"
    )
    [reject] = load_file(database, write_file(tmp_path / "a.csv", body))[1]
    assert "longer than" in reject.reason
    line_ = {name: getattr(reject, name) for name in reject.__struct_fields__}
    loader, [again] = load_file(database, write_file(tmp_path / "mended", join_events(line_)))
    assert "only the beginning" in again.reason
    assert list_counts(loader) == {"rows": 1, "rejected": 1}


@pytest.mark.by_turns
@pytest.mark.parametrize(
    "format_", ["gdelt-mentions", "cow-alliances", "unga-ideal-points", "atop"]
)
@pytest.mark.parametrize("row", [{"key": "a", "title": "t"}, "some text", 7, None, [1]])
def test_malformed_reject_files_are_rejected_row_by_row(
    database: Database, tmp_path: Path, format_: str, row: Any
) -> None:
    lines = [{"line": 1, "field": "", "reason": "", "format": format_, "row": row}] * 2
    lines += [{**lines[0], "format": "entente", "row": make_event("good")}]
    loader, _ = load_file(database, write_file(tmp_path / "a", join_events(*lines)))
    counted = list_counts(loader)
    assert counted["new"] == 1
    assert counted["rejected"] + counted.get("duplicates", 0) == 2


def test_rejects_never_replace_what_is_read(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    path = write_file(tmp_path / "a", join_events(make_event("a")))
    result = CliRunner().invoke(cli.main, ["load", str(path), "--rejects", str(tmp_path / "a")])
    assert result.exit_code == 2
    assert "--rejects" in result.stderr
    assert path.read_text() == join_events(make_event("a"))


@pytest.mark.by_turns
@pytest.mark.slow
def test_a_load_that_is_ended_leaves_no_copy_behind(database: Database, tmp_path: Path) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "load", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "ENTENTE_DATABASE_URL": url, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    ends = time.monotonic() + 60
    while not list(tmp_path.glob("entente-load-*/stdin")):
        assert time.monotonic() < ends
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.glob("entente-load-*")) == []
