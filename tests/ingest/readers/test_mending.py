"""Damage that only the whole file explains: the order of dates, encodings, shifted columns."""

import csv
import io
from pathlib import Path

import pytest
from ingest.rows import COLUMNS, make_row, make_table

from app.events.record import EventRecord, RejectedError
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.rows import InputRow, parse_row_record, read_row_key


def read_rows(path: Path, body: str | bytes) -> list[InputRow]:
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    [file] = open_input_files(path)
    with file.open() as stream:
        return list(recognize_file(file).read_rows(stream))


def read_records(path: Path, body: str | bytes) -> list[EventRecord | str]:
    """Read the records of a file, or the reason for a row that is rejected."""
    found: list[EventRecord | str] = []
    for row in read_rows(path, body):
        try:
            made = parse_row_record(row, lambda *_: None)
            assert isinstance(made, EventRecord)
            found.append(made)
        except RejectedError as wrong:
            found.append(f"{wrong.field} {wrong.reason}")
    return found


def read_dates(path: Path, body: str | bytes) -> list[str]:
    return [made if isinstance(made, str) else made.date for made in read_records(path, body)]


def write_dates(*days: str, name: str = "acled", column: str = "event_date") -> str:
    return make_table(name, [{column: day} for day in days])


@pytest.mark.parametrize(
    ("days", "read"),
    [
        (["3/4/2025", "3/17/2025"], ["2025-03-04", "2025-03-17"]),
        (["17/3/2025", "3/4/2025"], ["2025-03-17", "2025-04-03"]),
        (["03-04-2025", "17-03-2025"], ["2025-04-03", "2025-03-17"]),
        (["3.4.2025"], ["2025-04-03"]),
        (["4/4/2025"], ["2025-04-04"]),
        (["3/4/2025 00:00", "3/17/2025 00:00"], ["2025-03-04", "2025-03-17"]),
        (["2025-04-03", "3/17/2025"], ["2025-04-03", "2025-03-17"]),
        (["44592", "31 January 2022"], ["2022-01-31", "2022-01-31"]),
        (["43130", "44592"], ["2022-01-31", "2022-01-31"]),
        (["1643587200000", "1643587200000000000"], ["2022-01-31", "2022-01-31"]),
        (["31/1/22"], ["2022-01-31"]),
        (["31-Jan-22", "5 February 22"], ["2022-01-31", "2022-02-05"]),
    ],
)
def test_a_column_of_dates_is_read_in_one_order(
    tmp_path: Path, days: list[str], read: list[str]
) -> None:
    assert read_dates(tmp_path / "x", write_dates(*days)) == read


def test_evidence_beyond_the_first_rows_decides_the_first(tmp_path: Path) -> None:
    body = write_dates(*["3/4/2025"] * 300, "3/17/2025")
    assert set(read_dates(tmp_path / "x", body)) == {"2025-03-04", "2025-03-17"}


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (["3/4/2025", "5/6/2025"], "is 2025-04-03 or 2025-03-04: '3/4/2025'; no date of the file"),
        (["3/17/2025", "17/3/2025"], r"'17/3/2025' \(line 3\) and the month in '3/17/2025'"),
        (["31/1/25"], "year of two digits"),
        (["31-Jan-25"], "year of two digits"),
        (["44593000"], "is not a day"),
        (["45000"], "is a number: '45000', in a spreadsheet 2023-03-15"),
    ],
)
def test_dates_that_the_file_does_not_decide_are_all_rejected(
    tmp_path: Path, days: list[str], reason: str
) -> None:
    found = read_records(tmp_path / "x", write_dates(*days))
    assert all(isinstance(made, str) for made in found)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found[0])


def test_a_row_whose_date_is_rejected_keeps_its_key(tmp_path: Path) -> None:
    [row] = read_rows(tmp_path / "x", write_dates("3/4/2025"))
    assert row.wrong is not None
    assert read_row_key(row) == "UKR1"


def test_dates_of_gdelt_are_decided_by_the_month_of_the_row(tmp_path: Path) -> None:
    rows = [{"sqldate": "10/3/2023"}, {"sqldate": "10/4/2023", "globaleventid": "2"}]
    body = make_table("gdelt-v2", rows, header=True)
    assert read_dates(tmp_path / "x", body) == ["2023-10-03", "2023-10-04"]


def test_dates_of_two_columns_are_decided_together(tmp_path: Path) -> None:
    days = {"date_start": "3/4/2014", "date_end": "3/17/2014"}
    body = make_table("ucdp-ged", [days])
    assert read_dates(tmp_path / "x", body) == ["2014-03-04/2014-03-17"]


ENTENTE_TABLE = "key,title,date,initiator,target,intensity,type,cameo\n"


def test_na_is_namibia_where_the_file_writes_missing_values_otherwise(tmp_path: Path) -> None:
    [made] = read_records(tmp_path / "x", ENTENTE_TABLE + "a,T,2024-01-05,NA,ZA,,,\n")
    assert isinstance(made, EventRecord)
    assert [p.actor for p in made.participants] == ["NA", "ZA"]


def test_na_is_missing_where_the_file_writes_missing_values_so(tmp_path: Path) -> None:
    body = ENTENTE_TABLE + "a,T,2024-01-05,NA,ZA,NA,,\nb,T,2024-01-05,NA,ZA,1,,\n"
    for made in read_records(tmp_path / "x", body):
        assert isinstance(made, EventRecord)
        assert [p.actor for p in made.participants] == ["ZA"]


def test_codes_and_days_of_a_desk_sheet(tmp_path: Path) -> None:
    rows = "a,T,1/5/2024,ARM,RUS,7.4,COOPERATE,57\nb,T,1/15/2024,ARM,RUS,,,20\n"
    [made, rejected] = read_records(tmp_path / "x", ENTENTE_TABLE.replace("type", "t") + rows)
    assert isinstance(made, EventRecord)
    assert (made.date, made.cameo) == ("2024-01-05", "057")
    assert isinstance(rejected, str)
    assert rejected.startswith("cameo may have lost its leading zero: 20 or 020")


def write_csv(rows: list[list[str]], **options: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **options).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


ACLED_TABLE = [list(COLUMNS["acled"]), make_row("acled", notes="Café in Gümrü, at 5 o'clock")]


def test_unicode_text_of_excel(tmp_path: Path) -> None:
    body = write_csv(ACLED_TABLE, delimiter="\t")
    [plain] = read_records(tmp_path / "x", body)
    for encoding in ("utf-16", "utf-8-sig"):
        assert read_records(tmp_path / "x", body.encode(encoding)) == [plain]
    big = b"\xfe\xff" + body.encode("utf-16-be")
    assert read_records(tmp_path / "x", big) == [plain]


def test_marks_that_keep_codes_text_in_a_spreadsheet(tmp_path: Path) -> None:
    columns = "GLOBALEVENTID,SQLDATE,EventCode,SOURCEURL\n"
    body = columns + '7,20240105,"=""036""",https://a.example/1\n' + "8,20240105,'020,x\n"
    made = read_records(tmp_path / "x", body)
    assert [m.cameo for m in made if isinstance(m, EventRecord)] == ["036", "020"]


def test_truncated_utf_16_is_an_error(tmp_path: Path) -> None:
    body = write_csv(ACLED_TABLE, delimiter="\t").encode("utf-16")
    with pytest.raises(Exception, match="is not whole UTF-16"):
        read_rows(tmp_path / "x", body[:-1])


def test_windows_1252_is_read_with_a_warning(tmp_path: Path) -> None:
    rows = read_rows(tmp_path / "x", write_csv(ACLED_TABLE).encode("cp1252"))
    warnings: list[tuple[str, str]] = []
    [made] = [parse_row_record(row, lambda *w: warnings.append(w)) for row in rows]
    assert isinstance(made, EventRecord)
    assert made.summary == "Café in Gümrü, at 5 o'clock"
    assert warnings == [("", "is not UTF-8; read as Windows-1252")]


@pytest.mark.parametrize(
    "notes", ["Ереван и Гюмри".encode("cp1251"), b"caf\xc3\xa9 and caf\xe9", b"\xff"]
)
def test_other_encodings_are_not_guessed(tmp_path: Path, notes: bytes) -> None:
    body = make_table("acled", [{"notes": "@"}]).encode().replace(b"@", notes)
    [row] = read_rows(tmp_path / "x", body)
    assert row.wrong is not None
    assert "is not UTF-8" in row.wrong.reason


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_that_names_the_separator_is_no_row(tmp_path: Path, first: str, end: str) -> None:
    body = f"{first}\n{write_csv(ACLED_TABLE, delimiter=';')}".replace("\n", end)
    [made] = read_records(tmp_path / "x", body)
    assert isinstance(made, EventRecord)


def test_decimal_commas_of_a_table_with_semicolons(tmp_path: Path) -> None:
    row = make_row("acled", latitude="48,1", longitude="37,7", fatalities="1 234")
    [made] = read_records(tmp_path / "x", write_csv([ACLED_TABLE[0], row], delimiter=";"))
    assert isinstance(made, EventRecord)
    assert made.location is not None
    assert (made.location.lat, made.location.lon) == (48.1, 37.7)
    assert made.reports[0].claims == {"fatalities": 1234}


def test_columns_that_all_rows_have_beyond_the_header(tmp_path: Path) -> None:
    [header, row] = ACLED_TABLE
    [plain] = read_records(tmp_path / "x", write_csv([header, row]))
    for wide in ([*row, "", ""], ["1", *row]):
        assert read_records(tmp_path / "x", write_csv([header, wide, wide])) == [plain, plain]
    assert read_records(tmp_path / "x", write_csv([[*header, ""], [*row, ""]])) == [plain]
    last = [*row[:-1], ""]
    numbered = write_csv([header, ["1", *last], ["2", *last]])
    assert read_records(tmp_path / "x", numbered) == [plain, plain]


def test_a_row_with_a_separator_in_its_text_is_rejected(tmp_path: Path) -> None:
    [header, row] = ACLED_TABLE
    cut = write_csv([header, [*row[:-1], ""]]) + write_csv([["shifted", *row[:-1], ""]])
    [_, rejected] = read_records(tmp_path / "x", cut)
    assert rejected == " has 32 cells; expected 31"


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
def test_gdelt_with_tabs_and_quotes(tmp_path: Path, quoting: int) -> None:
    changed = {"dateadded": "20231003101500", "actiongeo_fullname": "Yerevan, Yerevan, Armenia"}
    [plain] = read_records(tmp_path / "x", make_table("gdelt-v2", [changed]))
    rows = [list(COLUMNS["gdelt-v2"]), make_row("gdelt-v2", **changed)]
    out = io.StringIO()
    csv.writer(out, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    assert read_records(tmp_path / "x", out.getvalue()) == [plain]
    assert isinstance(plain, EventRecord)
    quoted = out.getvalue().replace("Yerevan, Yerevan, Armenia", '"Yerevan, Yerevan, Armenia"')
    if quoting == csv.QUOTE_MINIMAL:  # as Excel quotes cells with a comma
        for body in (quoted, quoted.partition("\n")[2]):
            assert read_records(tmp_path / "x", body) == [plain]


@pytest.mark.parametrize("marker", ["NA", "\\N", "NULL", "nan"])
def test_lines_of_gdelt_without_a_header_may_have_markers(tmp_path: Path, marker: str) -> None:
    [plain] = read_records(tmp_path / "x", make_table("gdelt-v2"))
    cells = [cell or marker for cell in make_row("gdelt-v2")]
    assert read_records(tmp_path / "x", "\t".join(cells) + "\n") == [plain]
