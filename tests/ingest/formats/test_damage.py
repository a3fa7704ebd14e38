"""What spreadsheets and data frames do to single cells, and what is still read from them."""

import pytest
from ingest.formats.test_formats import list_participants, parse_row, parse_with_warnings

from app.events.record import RejectedError
from app.ingest.formats.cameo_zeros import CodeEvidence, restore_leading_zero
from app.ingest.formats.days import expand_shortened_number, parse_day_text
from app.ingest.formats.file_format import parse_integer_cell, parse_number_text
from app.ingest.formats.missing import MISSING_MARKERS, empty_missing_cells, strip_text_mark


@pytest.mark.parametrize("marker", sorted(MISSING_MARKERS))
def test_a_marker_of_a_missing_value_is_an_empty_cell(marker: str) -> None:
    marked = parse_row("gdelt-v2", actor1knowngroupcode=marker, actiongeo_adm2code=f" {marker}")
    assert marked == parse_row("gdelt-v2")


@pytest.mark.parametrize("text", ["Nan", "Na", "none of them", "NAM", "WA", "0", "-1", "nan nan"])
def test_what_resembles_a_marker_is_kept(text: str) -> None:
    cells = {"location": text}
    empty_missing_cells(cells, {})
    assert cells == {"location": text}


def test_a_marker_that_means_something_in_its_column_is_kept() -> None:
    cells = {"target": "NA", "title": "NA", "tags": "-"}
    empty_missing_cells(cells, {"target": frozenset({"NA"})})
    assert cells == {"target": "NA", "title": "", "tags": ""}


@pytest.mark.parametrize(
    ("code", "row", "restored"),
    [
        ("36", CodeEvidence(), "036"),
        ("36.0", CodeEvidence("3", 1), "036"),
        ("231", CodeEvidence(), "0231"),
        ("2", CodeEvidence(), "02"),
        ("20", CodeEvidence("2", 1, 3.0), "020"),
        ("20", CodeEvidence("02"), "020"),
        ("20", CodeEvidence(goldstein=3.0), "020"),
        ("20", CodeEvidence(quad=1), "020"),
        ("20", CodeEvidence(name="Make an appeal or request"), "020"),
        ("20", CodeEvidence("20", 4, -10.0), "20"),
        ("10", CodeEvidence("1"), "010"),
        ("19", CodeEvidence(quad=4), "19"),
        ("100", CodeEvidence("10", 3, -5.0), "100"),
        ("020", CodeEvidence("2"), "020"),
        ("999", CodeEvidence(), "999"),
        ("", CodeEvidence(), ""),
    ],
)
def test_leading_zero_of_a_code_is_restored(code: str, row: CodeEvidence, restored: str) -> None:
    assert restore_leading_zero(code, row, "eventcode") == restored


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("20", CodeEvidence()),
        ("14", CodeEvidence()),
        ("20", CodeEvidence("2", 4)),
        ("20", CodeEvidence("20", 4, 3.0)),
        ("36", CodeEvidence("4")),
        ("36", CodeEvidence(quad=4)),
    ],
)
def test_code_that_may_be_two_is_rejected(code: str, row: CodeEvidence) -> None:
    with pytest.raises(RejectedError, match=r"lost its leading zero.*export the column as text"):
        restore_leading_zero(code, row, "eventcode")


@pytest.mark.parametrize(
    ("cell", "text"),
    [('="020"', "020"), ("'020", "020"), ("'Abu'", "'Abu'"), ("=", "="), ("'", "'"), ('="', '="')],
)
def test_marks_of_text_are_stripped(cell: str, text: str) -> None:
    assert strip_text_mark(cell) == text


def test_gdelt_as_a_data_frame_writes_it_is_the_same_event() -> None:
    whole = {"eventcode": "020", "eventbasecode": "020", "eventrootcode": "02",
             "quadclass": "1", "goldsteinscale": "3.0"}  # fmt: skip
    framed = {
        "globaleventid": "900000001.0", "sqldate": "20231003.0", "dateadded": "20231003101500.0",
        "eventcode": "20.0", "eventbasecode": "20.0", "eventrootcode": "2.0", "quadclass": "1.0",
        "nummentions": "4.0", "isrootevent": "1.0", "actiongeo_type": "1.0",
    }  # fmt: skip
    made, warnings = parse_with_warnings("gdelt-v2", **{**whole, **framed})
    assert made == parse_row("gdelt-v2", **whole)
    assert warnings == ["eventcode"]


@pytest.mark.parametrize(
    ("name", "column", "cell"),
    [
        ("gdelt-v2", "globaleventid", "9.00E+08"),
        ("gdelt-v2", "sqldate", "2.02E+07"),
        ("gdelt-v2", "sqldate", "45202"),
        ("ucdp-ged", "id", "5.0E+05"),
        ("icews", "event_id", "2.9E+07"),
    ],
)
def test_number_that_lost_its_digits_is_rejected(name: str, column: str, cell: str) -> None:
    with pytest.raises(RejectedError, match=r"digits|spreadsheet") as refused:
        parse_row(name, **{column: cell})
    assert refused.value.field == column


@pytest.mark.parametrize(
    ("added", "published", "warnings"),
    [
        ("20231003101500", "2023-10-03", []),
        ("20231003", "2023-10-03", []),
        ("2023-10-03", "2023-10-03", []),
        ("2023-10-03 10:15:00 UTC", "2023-10-03", []),
        ("2.0231003101500E+13", "2023-10-03", []),
        ("2.02E+13", None, ["dateadded"]),
        ("2E+13", None, ["dateadded"]),
        ("", None, []),
    ],
)
def test_the_day_on_which_a_row_was_added(
    added: str, published: str | None, warnings: list[str]
) -> None:
    made, found = parse_with_warnings("gdelt-v2", dateadded=added)
    assert found == warnings
    assert made.date == "2023-10-03"
    [report] = made.reports
    assert not isinstance(report.source, str)
    assert report.source.published == published


def test_gdelt_parties_and_place_by_country_only() -> None:
    bare = dict.fromkeys(
        ("actor1code", "actor1name", "actor2code", "actor2name", "actiongeo_type",
         "actiongeo_fullname", "actiongeo_lat", "actiongeo_long", "dateadded"), "",
    )  # fmt: skip
    made = parse_row("gdelt-v2", **bare)
    assert list_participants(made) == [
        ("initiator", "cameo:ARM", "ARM"), ("target", "cameo:RUS", "RUS"),
    ]  # fmt: skip
    assert made.title.startswith("ARM → RUS: ")
    assert made.location is not None
    assert (made.location.country, made.location.precision) == ("fips:AM", None)


def test_gdelt_codes_of_a_coarser_level() -> None:
    rooted = parse_row("gdelt-v2", eventcode="", eventbasecode="", eventrootcode="11")
    assert (rooted.cameo, rooted.native) == ("11", "11")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-01-05", "2024-01-05"), ("2024-1-5", "2024-01-05"), ("2024/01/05", "2024-01-05"),
        ("2024-01-05T00:00:00Z", "2024-01-05"), ("2024-01-05 00:00:00.000", "2024-01-05"),
        ("20240105", "2024-01-05"), ("20240105.0", "2024-01-05"),
        ("20240105120000", "2024-01-05"), ("5 January 2024", "2024-01-05"),
        ("05-January-2024", "2024-01-05"), ("5-Jan-2024", "2024-01-05"),
        ("January 5, 2024", "2024-01-05"), (" 2024-01-05 ", "2024-01-05"),
        ("05jan2024", "2024-01-05"), ("5/Jan/2024", "2024-01-05"),
        ("Friday, January 5, 2024", "2024-01-05"), ("Fri Jan 5 2024", "2024-01-05"),
    ],
)  # fmt: skip
def test_days_that_mean_one_day(text: str, day: str) -> None:
    assert parse_day_text(text, "date").isoformat() == day


@pytest.mark.parametrize(
    "text",
    ["3/4/2025", "17/3/2025", "3.4.2025", "45296", "2.02E+07", "5-Jan-24", "2024", "2024-13-01",
     "soon", "", "20240230", "9" * 100],
)  # fmt: skip
def test_days_that_one_cell_cannot_tell_are_rejected(text: str) -> None:
    with pytest.raises(RejectedError):
        parse_day_text(text, "date")


@pytest.mark.parametrize(
    ("text", "digits"),
    [("2.02E+13", "202"), ("9.0E+05", "90"), ("9.00001E+05", "900001"), ("1e2", "1"),
     ("900001", None), ("x", None)],
)  # fmt: skip
def test_digits_of_shortened_numbers(text: str, digits: str | None) -> None:
    assert expand_shortened_number(text) == digits


@pytest.mark.parametrize(
    ("text", "number"),
    [("40,18", 40.18), ("-0,5", -0.5), (",5", 0.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5),
     ("1 234", 1234.0), ("1\u202f234,5", 1234.5), ("1,234,567", 1234567.0), ("4.0", 4.0)],
)  # fmt: skip
def test_numbers_with_a_decimal_comma_or_separated_thousands(text: str, number: float) -> None:
    assert parse_number_text(text, "lat") == number


@pytest.mark.parametrize("text", ["1,2,3", "12,34,567", "1.2.3", "4,", "1_000", "nan", "inf"])
def test_what_is_no_number_is_rejected(text: str) -> None:
    with pytest.raises(RejectedError):
        parse_number_text(text, "lat")


def test_thousands_of_a_count_are_no_fraction() -> None:
    assert parse_integer_cell({"fatalities": "1,234"}, "fatalities") == 1234
    [report] = parse_row("gdelt-v2", nummentions="1,234").reports
    assert report.claims is not None
    assert report.claims["mentions"] == 1234
    with pytest.raises(RejectedError):
        parse_integer_cell({"fatalities": "1.234"}, "fatalities")


def test_icews_and_polecat_days_and_codes_that_became_numbers() -> None:
    made, warnings = parse_with_warnings(
        "icews", event_date="20180601.0", event_id="123.0", cameo_code="40.0"
    )
    assert (made, warnings) == (parse_row("icews"), ["cameo_code"])
    assert parse_row("polecat", event_date="20220203.0", actor_cow="371.0") == parse_row("polecat")
