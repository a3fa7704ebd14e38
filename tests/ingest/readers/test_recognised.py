"""How the format of a file is recognized by its first rows, and what counts as a row."""

import csv
from pathlib import Path

import msgspec
import pytest
from ingest.rows import COLUMNS, EXAMPLES, TABS, join_events, make_event, make_row, make_table

from app.events.record import RejectedError
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.missing import empty_missing_cells
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.rows import hash_input_row, parse_row_record, read_row_day, read_row_key
from app.ingest.readers.rows import read_row_cells as cells_of

ROWS = [name for name in EXAMPLES if name != "gdelt-mentions"]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_a_format_is_recognised(tmp_path: Path, name: str, header: bool, separator: str) -> None:
    path = tmp_path / "x"
    own = "\t" if name in TABS else ","
    if separator == own:
        path.write_text(make_table(name, header=header))
    else:
        with path.open("w", newline="") as out:
            lines = [COLUMNS[name]] * header + [tuple(make_row(name))]
            csv.writer(out, delimiter=separator).writerows(lines)
    [file] = open_input_files(path)
    reading = recognize_file(file)
    wanted = "gdelt-v1" if (name, header) == ("gdelt-v1", True) else name
    assert reading.format.name == wanted
    with file.open() as stream:
        [row] = reading.read_rows(stream)
    expected = dict(zip(COLUMNS[name], make_row(name), strict=True))
    empty_missing_cells(expected, {})
    assert dict(cells_of(row)) == expected


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("header", [True, False])
def test_a_format_is_recognised_after_rows_that_cannot_be_read(
    tmp_path: Path, name: str, header: bool
) -> None:
    separator = "\t" if name in TABS else ","
    malformed = f"exported by hand\ncut{separator}off{separator}here\n"
    (tmp_path / "x").write_text(malformed + make_table(name, header=header))
    [file] = open_input_files(tmp_path / "x")
    reading = recognize_file(file)
    assert reading.format.name == ("gdelt-v1" if (name, header) == ("gdelt-v1", True) else name)
    with file.open() as stream:
        readable = [row.wrong is None for row in reading.read_rows(stream)]
    assert readable == [False, False, True]


def test_a_header_that_says_something_else_is_of_no_format(tmp_path: Path) -> None:
    row = ["17", "2024-05-01", "Order", "Retail", "Germany", "Delivered", "A12", "", "Anna"]
    lines = [",".join(f"col{n}" for n in range(20)), ",".join(row + [""] * 11)]
    (tmp_path / "x").write_text("\n".join(lines) + "\n")
    [file] = open_input_files(tmp_path / "x")
    with pytest.raises(UnreadableFileError):
        recognize_file(file)


@pytest.mark.parametrize("name", ["gdelt-v1", "gdelt-v2", "gdelt-mentions", "ucdp-ged"])
def test_a_named_format_needs_no_typical_row(tmp_path: Path, name: str) -> None:
    broken = make_row(name)
    broken[1] = broken[5] = broken[2] = "?"
    separator = "\t" if name in TABS else ","
    (tmp_path / "x").write_text(separator.join(broken) + "\n")
    [file] = open_input_files(tmp_path / "x")
    with pytest.raises(UnreadableFileError, match="is of no known format"):
        recognize_file(file)
    with file.open() as stream:
        [row] = recognize_file(file, name).read_rows(stream)
    with pytest.raises(RejectedError):
        parse_row_record(row, lambda *_: None)


def test_lines_of_json_are_recognised_after_one_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("events of today\n" + join_events(make_event("a")))
    [file] = open_input_files(tmp_path / "x")
    for wanted in ("auto", "entente"):
        with file.open() as stream:
            keys = [read_row_key(row) for row in recognize_file(file, wanted).read_rows(stream)]
        assert keys == [None, "a"]


@pytest.mark.parametrize("name", ROWS)
def test_header_and_hxl_tags_are_not_read_as_rows(tmp_path: Path, name: str) -> None:
    body = make_table(name, [{}, {}], header=True)
    separator = "\t" if "\t" in body else ","
    head = body.splitlines(keepends=True)[0]
    tags = separator.join(["", "#date", *[""] * (len(COLUMNS[name]) - 2)]) + "\n"
    (tmp_path / "x").write_text(head + tags + body)
    [file] = open_input_files(tmp_path / "x")
    reading = recognize_file(file)
    with file.open() as stream:
        assert len(list(reading.read_rows(stream))) == 2


@pytest.mark.parametrize("name", ["gdelt-v1", "gdelt-v2", "gdelt-mentions"])
def test_lines_have_the_keys_and_days_of_their_cells(tmp_path: Path, name: str) -> None:
    whole = make_table(name, [{}, {"globaleventid": ""}, {"globaleventid": "12"}])
    cut_line = whole.splitlines(keepends=True)[0].encode()
    body = whole.encode() + b"\n" + b"x\t" + cut_line + b"1\xff" + cut_line + cut_line
    (tmp_path / "x").write_bytes(body)
    [file] = open_input_files(tmp_path / "x")
    reading = recognize_file(file, name)
    with file.open() as stream:
        rows = list(reading.read_rows(stream))
    split = [
        row if row.wrong else msgspec.structs.replace(row, content=cells_of(row)) for row in rows
    ]
    assert all(isinstance(row.content, str) for row in rows if not row.wrong)
    for read in (read_row_key, read_row_day, hash_input_row):
        assert [read(row) for row in rows] == [read(row) for row in split]
    assert sum(read_row_key(row) is None for row in rows) >= 2
    assert len({read_row_key(row) for row in rows}) > 2
