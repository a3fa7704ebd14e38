"""Hostile bytes end up as rows that are rejected, never as a crash or as memory."""

import bz2
import gzip
import lzma
import resource
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest.rows import join_events, make_event, make_table

from app.ingest.formats.errors import UnreadableFileError
from app.ingest.readers import files
from app.ingest.readers.delimited import (
    MAX_LINE_BYTES,
    DelimitedRecord,
    TextLine,
    read_quoted_records,
    read_text_lines,
    read_unquoted_records,
)
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.rows import parse_row_record

BOMB = 300 << 20


def read_all_lines(path: Path, body: bytes) -> list[TextLine]:
    path.write_bytes(body)
    with files.open_input_stream(path) as stream:
        return list(read_text_lines(stream))


def read_records(path: Path, text: str, separator: str = ",") -> list[DelimitedRecord]:
    path.write_text(text, newline="")
    with files.open_input_stream(path) as stream:
        return list(read_quoted_records(stream, separator))


def test_line_ends_may_be_mixed(tmp_path: Path) -> None:
    found = read_all_lines(tmp_path / "x", b"\xef\xbb\xbfa\r\nb\nc\rd\n\n  \n\re")
    assert [line.body for line in found] == [b"a", b"b", b"c", b"d", b"e"]
    assert [line.number for line in found][:4] == [1, 2, 3, 4]


def test_a_line_without_end_is_one_rejected_row(tmp_path: Path) -> None:
    found = read_all_lines(tmp_path / "x", b"a\n" + b"x" * (5 * MAX_LINE_BYTES) + b"\nb\n")
    assert [(line.number, line.wrong is None) for line in found] == [
        (1, True), (2, False), (3, True),
    ]  # fmt: skip
    assert len(found[1].body) < 1000


def test_a_nul_rejects_its_line_alone(tmp_path: Path) -> None:
    found = read_all_lines(tmp_path / "x", b"a\nb\x00c\nd")
    assert [line.wrong is None for line in found] == [True, False, True]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_unmarked_encodings_are_refused_as_a_whole(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UnreadableFileError, match="UTF-16"):
        read_all_lines(tmp_path / "x", join_events(make_event("a")).encode(encoding))


def test_what_is_not_utf_8_is_rejected_by_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\tb\n" + "é\tb\n".encode("latin-1") + b"c\td\n")
    with files.open_input_stream(path) as stream:
        found = list(read_unquoted_records(stream, "\t"))
    assert [record.cells for record in found] == [["a", "b"], [], ["c", "d"]]
    assert found[1].wrong is not None
    assert "UTF-8" in found[1].wrong.reason


def test_cells_may_run_over_lines(tmp_path: Path) -> None:
    found = read_records(tmp_path / "x", 'a,"b\nc ""d""\ne",f\ng,h,i\n')
    assert [r.cells for r in found] == [["a", 'b\nc "d"\ne', "f"], ["g", "h", "i"]]
    assert [r.number for r in found] == [1, 4]


def test_a_quote_that_is_never_closed_takes_one_line(tmp_path: Path) -> None:
    body = "".join(f"{n},x,y\n" for n in range(1000))
    found = read_records(tmp_path / "x", 'a,"b,c\n' + body)
    assert len(found) == 1001
    assert [r.wrong is not None for r in found[:3]] == [True, False, False]


def test_quotes_within_a_cell_are_kept(tmp_path: Path) -> None:
    found = read_records(tmp_path / "x", 'a,5" gun,c\nd,e,f\n')
    assert [r.cells for r in found] == [["a", '5" gun', "c"], ["d", "e", "f"]]


def test_empty_lines_within_a_cell_stay(tmp_path: Path) -> None:
    found = read_records(tmp_path / "x", 'a,"one\n\n \ntwo"\n\nb,c\n')
    assert [r.cells for r in found] == [["a", "one\n\n \ntwo"], ["b", "c"]]


cell = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(rows=st.lists(st.lists(cell, min_size=2, max_size=4), min_size=1, max_size=8))
def test_what_was_written_as_csv_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    written = [[f"k{n}", *row] for n, row in enumerate(rows)]
    text = "".join(
        ",".join('"' + c.replace('"', '""') + '"' for c in row) + "\n" for row in written
    )
    found = read_records(tmp_path_factory.mktemp("csv") / "x", text)
    assert [r.cells for r in found] == written


@settings(deadline=None)
@given(body=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x"
    for start in (
        b"",
        make_table("gdelt-v2").encode(),
        make_table("ucdp-ged").encode(),
        b'{"key":"a"}\n',
    ):
        path.write_bytes(start + body)
        try:
            [file] = files.open_input_files(path)
            reading = recognize_file(file)
            with file.open() as stream:
                rows = list(reading.read_rows(stream))
        except UnreadableFileError:
            continue
        for row in rows:
            try:
                parse_row_record(row, lambda *_: None)
            except Exception as wrong:
                assert type(wrong).__name__ == "RejectedError", row  # noqa: PT017


@pytest.mark.slow
def test_decompression_bomb_is_refused_within_memory_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", 9) as out:
        for _ in range(BOMB >> 20):
            out.write(b"\x20" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        pytest.raises(UnreadableFileError, match="reading stopped"),
        files.open_input_stream(path) as stream,
    ):
        list(read_text_lines(stream))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_truncated_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(
        gzip.compress(join_events(*(make_event(f"k{n}") for n in range(2000))).encode())[:-200]
    )
    with (
        pytest.raises(UnreadableFileError, match="cannot be decompressed"),
        files.open_input_stream(path) as s,
    ):
        list(read_text_lines(s))


COMPRESSORS = {"xz": lzma.compress, "bz2": bz2.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_frames_that_follow_each_other_are_one_file(tmp_path: Path, name: str) -> None:
    parts = [(f"line {n}\n" * 5000).encode() for n in range(3)]
    whole = b"".join(map(COMPRESSORS[name], parts))
    (tmp_path / name).write_bytes(whole)
    with files.open_input_stream(tmp_path / name) as stream:
        assert stream.read() == b"".join(parts)
    (tmp_path / name).write_bytes(whole[:-20])
    with (
        pytest.raises(UnreadableFileError, match="cannot be decompressed"),
        files.open_input_stream(tmp_path / name) as stream,
    ):
        stream.read()


def test_hidden_members_of_an_archive_are_no_data(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("a/b.csv", "__MACOSX/a/._b.csv", "a/.DS_Store", "../c.csv"):
            archive.writestr(name, b"x")
        archive.writestr("d.csv.gz", gzip.compress(b"x"))
    found = list(files.open_input_files(tmp_path / "x.zip"))
    assert [file.name.rpartition(":")[2] for file in found] == ["b.csv", "c.csv", "d.csv.gz"]
    with pytest.raises(UnreadableFileError, match="is compressed within an archive"):
        recognize_file(found[2])


def test_an_archive_that_is_none_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04" + b"\x00" * 100)
    with pytest.raises(UnreadableFileError, match="broken archive"):
        list(files.open_input_files(path))
