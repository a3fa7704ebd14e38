"""Titles that are formulas, markup or control characters come out as what they are: text."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import make
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from serving import open_client
from sheets import read_sheets

from app.db.engine import Database
from app.text import escape_formula, unescape_formula

TITLES = (
    '=HYPERLINK("http://evil.example","click")',
    "+1+1",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "'=quoted",
    "'plain quote'",
    "＝1+1",
    "<script>alert(1)</script> & <b>",
    "line\nbreak, comma; semi\\colon",
    "bell \x07 and escape \x1b[31m",
    "Łódź “–” 東京",
)


@pytest.fixture
def hostile(database: Database) -> Iterator[TestClient]:
    with database.write() as db:
        make.dataset(db)
        for number, title in enumerate(TITLES):
            make.event(db, "ARM", "RUS", key=f"h{number:02d}", title=title, date="2020-01-02")
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        yield api


def get_list(api: TestClient, form: str) -> Any:
    return api.get(f"/v1/events?dataset=made&sort=date&format={form}").raise_for_status()


def test_hostile_titles_survive_csv_without_formulas(hostile: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(get_list(hostile, "csv").text, newline="")))
    for row, title in zip(rows, TITLES, strict=True):
        assert unescape_formula(row["title"]) == title
        assert row["title"][0] not in "=+-@\t\r\n＝"
    assert rows[6]["title"] == TITLES[6]


def test_hostile_titles_survive_xlsx(hostile: TestClient) -> None:
    content = get_list(hostile, "xlsx").content
    names, *lines = read_sheets(content)["events"]
    titles = [row[names.index("title")] for row in lines]
    assert titles[:4] == list(TITLES[:4])


def test_markup_is_escaped_where_titles_are_html(hostile: TestClient) -> None:
    for form in ("timelinejs", "vis"):
        text = get_list(hostile, form).text
        assert "<script>" not in text
        assert "&lt;script&gt;" in text


def test_xml_is_well_formed(hostile: TestClient) -> None:
    feed = ElementTree.fromstring(get_list(hostile, "atom").content)
    titles = [t.text for t in feed.iter("{http://www.w3.org/2005/Atom}title")][1:]
    assert titles[0] == TITLES[0]
    assert titles[10] == "bell � and escape �[31m"


def test_calendars_are_well_formed(hostile: TestClient) -> None:
    calendar = Calendar.from_ical(get_list(hostile, "ics").text)
    titles = [str(entry["summary"]) for entry in calendar.walk("VEVENT")]
    assert titles[9] == TITLES[9]
    assert len(titles) == len(TITLES)


def test_hostile_titles_stay_on_one_ndjson_line(hostile: TestClient) -> None:
    lines = get_list(hostile, "ndjson").content.decode().split("\n")
    assert [json.loads(line)["title"] for line in lines if line] == list(TITLES)


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n＝ab "), max_size=6))
def test_formula_escape_is_reversible(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text
    assert escape_formula(text)[:1] not in tuple("=+-@\t\r\n＝＋－＠")
