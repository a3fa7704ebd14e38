"""What the rows of each format become."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from ingest.rows import COLUMNS, make_row

from app.edtf import parse_edtf
from app.events.record import EventRecord, RejectedError
from app.ingest.formats import gdelt
from app.ingest.formats.entente import EXAMPLE, TEMPLATE
from app.ingest.formats.missing import empty_missing_cells
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import FORMATS, recognize_file
from app.ingest.readers.rows import (
    FilledCells,
    InputRow,
    make_line_layout,
    parse_row_record,
    read_row_day,
    read_row_key,
)
from app.sources.record import SourceRecord


def parse_row(name: str, **changed: str) -> EventRecord:
    """What a row of a format becomes; a warning is a fault."""
    made, warnings = parse_with_warnings(name, **changed)
    assert warnings == []
    return made


def parse_with_warnings(name: str, **changed: str) -> tuple[EventRecord, list[str]]:
    """Parse a row of a format; return the record and the fields with warnings."""
    warnings: list[str] = []
    content = FilledCells(zip(COLUMNS[name], make_row(name, **changed), strict=True))
    empty_missing_cells(content, FORMATS[name].meant_markers)
    made = parse_row_record(
        InputRow(1, content, format=FORMATS[name]), lambda field, _: warnings.append(field)
    )
    assert isinstance(made, EventRecord)
    return made, warnings


def list_participants(event: EventRecord) -> list[tuple[Any, ...]]:
    return [(p.role, p.actor, p.native) for p in event.participants]


@pytest.mark.parametrize("name", ["gdelt-v1", "gdelt-v2", "gdelt-mentions"])
def test_a_line_is_the_same_as_its_cells(name: str) -> None:
    for columns in FORMATS[name].columns:
        by_column = dict(zip(COLUMNS[name], make_row(name), strict=True))
        content = FilledCells((column, by_column[column]) for column in columns)
        line = "\t".join(content.values())
        laid = make_line_layout(FORMATS[name], columns, "\t")
        one, other = (
            InputRow(1, line, format=FORMATS[name], layout=laid),
            InputRow(1, content, format=FORMATS[name]),
        )
        assert parse_row_record(one, _refuse_warning) == parse_row_record(other, _refuse_warning)
        assert (read_row_key(one), read_row_day(one)) == (read_row_key(other), read_row_day(other))


def _refuse_warning(field: str, malformed: str) -> None:
    raise AssertionError(f"{field} {malformed}")


@hypothesis.given(st.dates(), st.sampled_from([-1, 0, 1, 7, 30, 365, 3650]))
def test_dates_of_gdelt_can_all_be_read(day: date, lag: int) -> None:
    hypothesis.assume((date.max - day).days >= lag and (day - date.min).days >= -lag)
    parsed = parse_edtf(gdelt.format_gdelt_date(day, day + timedelta(days=lag)))
    assert parsed.start <= day <= (parsed.end or date.max)
    assert parse_edtf(day.isoformat()).end == day


@pytest.mark.parametrize(
    ("column", "cell", "field"),
    [
        ("globaleventid", "9" * 201, "key"),
        ("eventcode", "x" * 201, "native"),
        ("goldsteinscale", "10.5", "intensity"),
        ("goldsteinscale", "-11", "intensity"),
        ("goldsteinscale", "inf", "goldsteinscale"),
        ("actiongeo_lat", "90.5", "location.lat"),
        ("actiongeo_long", "-181", "location.lon"),
        ("actiongeo_long", "1_0", "actiongeo_long"),
        ("actiongeo_adm1code", "a" * 201, "location.admin1"),
        ("actiongeo_countrycode", "a" * 201, "location.country"),
        ("quadclass", "5", "quadclass"),
    ],
)
def test_malformed_gdelt_cell_is_rejected_with_its_field(
    column: str, cell: str, field: str
) -> None:
    for _ in range(2):  # what was refused once is not remembered as sound
        with pytest.raises(RejectedError) as refused:
            parse_with_warnings("gdelt-v2", **{column: cell})
        assert refused.value.field == field


def test_malformed_gdelt_mention_is_rejected() -> None:
    content = FilledCells(zip(COLUMNS["gdelt-mentions"], make_row("gdelt-mentions"), strict=True))
    content["globaleventid"] = "9" * 201
    with pytest.raises(RejectedError, match="event: "):
        parse_row_record(InputRow(1, content, format=FORMATS["gdelt-mentions"]), _refuse_warning)


def test_long_cells_are_not_remembered() -> None:
    parse_row("gdelt-v2")
    remembered = [
        gdelt._parse_actor,
        gdelt._parse_place,
        gdelt._read_publisher,
        gdelt._parse_dates,
        gdelt._parse_code,
    ]
    before = [value.cache_info().currsize for value in remembered]
    for column in ("actor1name", "actiongeo_fullname", "sourceurl"):
        parse_row("gdelt-v2", **{column: f"https://{'x' * 100_000}"})
    with pytest.raises(RejectedError, match="dateadded"):
        parse_row("gdelt-v2", dateadded=f"20231003{'0' * 100_000}")
    with pytest.raises(RejectedError, match="native"):
        parse_with_warnings("gdelt-v2", eventcode="9" * 100_000)
    assert [value.cache_info().currsize for value in remembered] == before


@pytest.mark.parametrize(
    ("column", "cell", "field"),
    [
        ("goldsteinscale", "9.5", "goldsteinscale"),
        ("eventcode", "99", "eventcode"),
        ("sqldate", "20231004", "sqldate"),
    ],
)
def test_gdelt_warning_is_repeated_for_each_row(column: str, cell: str, field: str) -> None:
    for _ in range(2):
        assert parse_with_warnings("gdelt-v2", **{column: cell})[1] == [field]


@pytest.mark.parametrize(
    ("cell", "count"),
    [("", None), ("7", 7.0), ("٣", 3.0), ("1,234", 1234.0), (" 7 ", 7.0), ("7.0", 7.0)],
)
def test_a_count_is_a_number_however_it_is_written(cell: str, count: float | None) -> None:
    [report] = parse_row("gdelt-v2", nummentions=cell).reports
    assert report.claims is not None
    assert report.claims.get("mentions") == count


def test_a_page_without_a_host_is_a_citation() -> None:
    for address in ("http://www./x", "https:///x", "http://"):
        [report] = parse_row("gdelt-v2", sourceurl=address).reports
        assert isinstance(report.source, SourceRecord)
        assert (report.source.url, report.source.publisher) == (None, address)


def test_one_row_does_not_change_the_next_of_the_same_actors_and_place() -> None:
    first = parse_row("gdelt-v2")
    assert first.location is not None
    first.location.country = first.participants[0].actor = "changed"
    second = parse_row("gdelt-v2")
    assert second.location is not None
    assert second.location.country == "fips:AM"
    assert list_participants(second)[0] == ("initiator", "cameo:ARM", "ARMGOV")


def test_gdelt_keeps_what_the_source_gave() -> None:
    e = parse_row("gdelt-v2")
    assert (e.key, e.cameo, e.native, e.quad, e.quad_scheme, e.intensity) == (
        "900000001", "112", "112", 3, "gdelt", -2.0,
    )  # fmt: skip
    assert list_participants(e) == [
        ("initiator", "cameo:ARM", "ARMGOV"),
        ("target", "cameo:RUS", "RUS"),
    ]
    assert e.location is not None
    assert (e.location.country, e.location.lat, e.location.precision) == ("fips:AM", 40, "country")
    [report] = e.reports
    assert not isinstance(report.source, str)
    assert (report.source.publisher, report.source.published) == ("news.example", "2023-10-03")
    assert report.claims == {"mentions": 4, "sources": 2, "articles": 4, "tone": -1.5, "root": 1}


def test_gdelt_groups_are_themselves_not_their_country() -> None:
    e = parse_row("gdelt-v2", actor1knowngroupcode="TAL", actor1countrycode="AFG", actor2code="",
              actor2name="", actor2countrycode="")  # fmt: skip
    assert list_participants(e) == [("initiator", "cameo:TAL", "ARMGOV")]
    plain = parse_row("gdelt-v2", actor1code="COP", actor1countrycode="")
    assert list_participants(plain)[0] == ("initiator", None, "COP")


@pytest.mark.parametrize(
    ("day", "stated"),
    [
        ("20231003", "2023-10-03"), ("20231002", "2023-10-02"),
        ("20230926", "2023-09-25/2023-10-01"), ("20230903", "2023-09"), ("20221003", "2022"),
        ("20131005", "2013~"), ("20230925", "2023-09-25"), ("00250101", "0025-01-01"),
    ],
)  # fmt: skip
def test_gdelt_relative_dates_are_imprecise(day: str, stated: str) -> None:
    assert parse_row("gdelt-v2", sqldate=day).date == stated


def test_gdelt_oddities_are_warned_about() -> None:
    assert parse_with_warnings("gdelt-v2", goldsteinscale="-5")[1] == ["goldsteinscale"]
    unknown, warnings = parse_with_warnings("gdelt-v2", eventcode="999")
    assert (unknown.cameo, unknown.native, warnings) == (None, "999", ["eventcode"])
    assert parse_with_warnings("gdelt-v1", sqldate="20240101")[1] == ["sqldate"]


def test_ucdp_governments_and_groups() -> None:
    e = parse_row("ucdp-ged")
    assert list_participants(e) == [
        ("initiator", "gw:369 ≙ name:Government of Ukraine", "Government of Ukraine"),
        ("target", "ucdp:6711", "DPR"),
    ]  # fmt: skip
    assert (e.type, e.native, e.intensity, e.date) == ("ASSAULT", "1", None, "2014-05-02")
    assert [r.source.publisher for r in e.reports if not isinstance(r.source, str)] == [
        "Agency One", "Agency Two",
    ]  # fmt: skip
    assert e.reports[0].claims is not None
    assert (e.reports[0].claims["best"], e.reports[0].claims["sources"]) == (3, 2)
    civilians = parse_row("ucdp-ged", type_of_violence="3", side_b="Civilians")
    assert list_participants(civilians)[1] == ("target", None, "Civilians")


def test_ucdp_names_are_never_looked_up() -> None:
    group = parse_row("ucdp-ged", side_b="IS", side_b_new_id="234")
    assert list_participants(group)[1] == ("target", "ucdp:234", "IS")


@pytest.mark.parametrize(
    ("first", "last", "precision", "stated"),
    [
        ("2014-05-02", "2014-05-02", "1", "2014-05-02"),
        ("2014-05-02 00:00:00.000", "2014-05-02 00:00:00.000", "1", "2014-05-02"),
        ("2014-05-02", "2014-05-02", "2", "2014-05-02~"),
        ("2014-05-02", "2014-05-06", "2", "2014-05-02/2014-05-06"),
        ("2014-05-01", "2014-05-31", "4", "2014-05"), ("2014-01-01", "2014-12-31", "5", "2014"),
        ("2014-01-01", "2014-03-31", "5", "2014-01-01/2014-03-31"),
    ],
)  # fmt: skip
def test_ucdp_dates_keep_their_imprecision(
    first: str, last: str, precision: str, stated: str
) -> None:
    e = parse_row("ucdp-ged", date_start=first, date_end=last, date_prec=precision)
    assert e.date == stated


def test_ucdp_counts_that_contradict_are_warned_about() -> None:
    assert parse_with_warnings("ucdp-ged", low="5", best="3", high="4")[1] == ["best"]
    assert parse_row("ucdp-ged", number_of_sources="-1").reports[0].claims == {
        "best": 3, "low": 3, "high": 4, "deaths_a": 1, "deaths_b": 2, "deaths_civilians": 0,
        "deaths_unknown": 0,
    }  # fmt: skip


def test_numbers_that_a_spreadsheet_made_of_codes() -> None:
    one, other = parse_row("ucdp-ged", id="77.0", gwnoa="369.0"), parse_row("ucdp-ged")
    assert (one.key, list_participants(one)) == (other.key, list_participants(other))


def test_acled_dates_and_actors() -> None:
    e = parse_row("acled")
    assert e.date == "2022-01-31"
    assert parse_row("acled", event_date="2022-01-31", time_precision="3").date == "2022-01"
    assert parse_row("acled", time_precision="2").date == "2022-01-28/2022-02-03"
    forces = "Military Forces of Russia (2000-)"
    assert list_participants(e) == [
        ("initiator", f"name:{forces}", forces),
        ("target", "acled:Some Militia", "Some Militia"),
        ("participant", None, "Other Group"), ("participant", None, "Third Group"),
    ]  # fmt: skip
    assert (e.type, e.native, e.intensity) == ("ASSAULT", "Battles: Armed clash", None)
    assert e.reports[0].claims == {"fatalities": 2}
    assert len(e.reports) == 2


def test_acled_associated_forces_count_for_their_state() -> None:
    e = parse_row("acled", assoc_actor_1="Police Forces of Guinea-Bissau (2020-); Farmers")
    assert list_participants(e)[1:3] == [
        (
            "participant",
            "name:Police Forces of Guinea-Bissau (2020-)",
            "Police Forces of Guinea-Bissau (2020-)",
        ),
        ("participant", None, "Farmers"),
    ]


def test_polecat_a_party_without_a_country_goes_by_its_name() -> None:
    e = parse_row("polecat", actor_name="United Nations", actor_country="", actor_cow="")
    assert list_participants(e)[0] == ("initiator", "name:United Nations", "United Nations")


@pytest.mark.parametrize(
    ("article", "publisher", "published"),
    [
        ('Reuters (1989-10-01): "REBELS"', "Reuters", "1989-10-01"),
        ('Reuters (8 April 2001):  "UPDATE".', "Reuters", "2001-04-08"),
        ("BBC Monitoring, 2010-05-23, Opposition", "BBC Monitoring", "2010-05-23"),
        ("Reuters (31 June 2001): what", "Reuters (31 June 2001): what", None),
        ("r 3/5 1997, r 10/5 1997", "r 3/5 1997, r 10/5 1997", None),
        ("SATP", "SATP", None),
    ],
)
def test_ucdp_citations_without_a_list_of_offices(
    article: str, publisher: str, published: str | None
) -> None:
    e = parse_row("ucdp-ged", source_office="", source_date="", source_article=article)
    [report] = e.reports
    assert isinstance(report.source, SourceRecord)
    found = report.source
    citation = (found.publisher, found.published, found.title)
    assert citation == (publisher, published, article.strip('"'))


def test_icews_empty_cells_and_keys() -> None:
    e = parse_row("icews")
    assert (e.key, e.cameo, e.intensity) == ("123-2018-06-01", "040", 1.0)
    assert list_participants(e) == [
        ("initiator", "icews:Armenia", "Foreign Affairs (Armenia)"),
        ("target", "icews:Russian Federation", "Russian Federation"),
    ]  # fmt: skip
    assert e.tags == ["Government", "Foreign Ministry"]


def test_polecat_in_its_own_terms() -> None:
    e = parse_row("polecat")
    assert (e.type, e.mode, e.quad, e.quad_scheme) == ("CONSULT", "visit", 1, "schrodt")
    assert list_participants(e) == [
        ("initiator", "cow:371", "ARM GOV"),
        ("target", "iso3:RUS", "RUS GOV"),
    ]
    assert parse_with_warnings("polecat", event_type="FIGHT")[1] == ["event_type"]
    assert parse_with_warnings("polecat", event_mode="dance")[1] == ["event_mode"]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("gdelt-v2", "sqldate", "20231332"), ("gdelt-v2", "sqldate", ""),
        ("gdelt-v2", "goldsteinscale", "11"), ("gdelt-v2", "goldsteinscale", "inf"),
        ("gdelt-v2", "actiongeo_lat", "95"), ("gdelt-v2", "quadclass", "5"),
        ("gdelt-v2", "globaleventid", ""), ("gdelt-v2", "dateadded", "x"),
        ("ucdp-ged", "date_start", "2014"), ("ucdp-ged", "date_end", "2013-01-01"),
        ("ucdp-ged", "type_of_violence", "4"), ("ucdp-ged", "best", "1.5"),
        ("ucdp-ged", "latitude", "1e400"), ("ucdp-ged", "id", ""),
        ("acled", "event_date", "soon"), ("acled", "time_precision", "9"),
        ("acled", "longitude", "181"), ("icews", "event_date", "2018-13-01"),
        ("icews", "cameo_code", ""), ("icews", "intensity", "strong"),
        ("polecat", "event_date", ""), ("polecat", "intensity", "99"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_rejected(name: str, field: str, value: str) -> None:
    with pytest.raises(RejectedError):
        parse_with_warnings(name, **{field: value})


def test_the_template_loads(tmp_path: Path) -> None:
    path = tmp_path / "template.csv"
    row = [EXAMPLE.get(column, "") for column in TEMPLATE]
    path.write_text(",".join(TEMPLATE) + "\n" + ",".join(row) + "\n")
    [file] = open_input_files(path)
    reading = recognize_file(file)
    with file.open() as stream:
        [made] = [parse_row_record(row, lambda *_: None) for row in reading.read_rows(stream)]
    assert isinstance(made, EventRecord)
    assert list_participants(made) == [("initiator", "ARM", None), ("target", "ICC", None)]
    assert (made.type, made.intensity, made.tags) == ("AGREE", 8.0, ["treaty", "court"])
    [report] = made.reports
    assert not isinstance(report.source, str)
    assert (report.source.publisher, report.credibility) == ("Example News", 2)
