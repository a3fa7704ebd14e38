"""Every form holds the same events, says whose they are, and opens in what it is made for."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from feed_pages import AUTUMN, read_all_events, read_list
from icalendar import Calendar
from sheets import read_sheets

from app.events.flat import EVENT_COLUMNS, LOCATION_COLUMNS
from app.events.output_formats import EVENT_MEDIA_TYPES, OUTPUT_FORMATS
from app.events.schemas import Event
from app.feeds.registry import FEED_FORMATS

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

OTHERS = tuple(form for form in OUTPUT_FORMATS if form != "json")
ATOM = "{http://www.w3.org/2005/Atom}"


def read_csv_rows(api: TestClient, query: str = AUTUMN) -> list[dict[str, str]]:
    """What a reader of CSV sees."""
    return list(csv.DictReader(io.StringIO(read_list(api, "csv", query).text, newline="")))


def test_every_form_but_json_has_a_writer() -> None:
    assert set(FEED_FORMATS) == set(OTHERS)
    assert set(EVENT_MEDIA_TYPES) == set(OUTPUT_FORMATS)


def test_lines_are_the_events_of_all_pages(api: TestClient) -> None:
    lines = read_list(api, "ndjson", "sort=date").text.splitlines()
    assert [json.loads(line) for line in lines] == read_all_events(api, "sort=date")
    assert len(lines) > 50


def test_csv_contains_the_events_of_all_pages(api: TestClient) -> None:
    events = read_all_events(api, "sort=date")
    found = read_csv_rows(api, "sort=date")
    assert list(found[0]) == list(EVENT_COLUMNS)
    assert [row["id"] for row in found] == [event["id"] for event in events]
    for row, event in zip(found, events, strict=True):
        assert row["title"] == event["title"]
        assert (row["intensity"] or None) == (
            None if event["intensity"] is None else str(event["intensity"])
        )
        for name in ("participants", "signals", "reports"):
            assert json.loads(row[name]) == event[name]


def test_csv_has_columns_of_participants_by_role(api: TestClient) -> None:
    [row] = [
        r for r in read_csv_rows(api) if r["title"] == "CSTO exercise in Kyrgyzstan without Armenia"
    ]
    assert (row["absent"], row["initiator"], row["host"]) == ("ARM", "CSTO", "KGZ")
    assert "RUS" in row["participant"].split("; ")
    assert "founding-case" in row["tags"].split("; ")
    assert row["publishers"]


def test_parquet_opens_in_duckdb_and_pandas(api: TestClient, tmp_path: Any) -> None:
    file = tmp_path / "events.parquet"
    file.write_bytes(read_list(api, "parquet").content)
    events = read_all_events(api, AUTUMN)
    with duckdb.connect() as db:
        selected = db.execute(
            f"SELECT id, start, intensity, participants[1].role FROM '{file}'"
        ).fetchall()
    assert [row[0] for row in selected] == [event["id"] for event in events]
    assert [row[1].isoformat() for row in selected] == [event["start"] for event in events]
    assert [row[2] for row in selected] == [event["intensity"] for event in events]
    assert [row[3] for row in selected] == [event["participants"][0]["role"] for event in events]
    frame = pd.read_parquet(file)
    assert list(frame.columns) == list(Event.model_fields)
    assert list(frame.title) == [event["title"] for event in events]


def as_json(value: Any) -> Any:
    """A value of Arrow as JSON has it."""
    if isinstance(value, dict):
        return {name: as_json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_json(part) for part in value]
    if isinstance(value, datetime):
        assert value.utcoffset() == timedelta(0)
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_typed_tables_are_the_events_of_all_pages(form: str, api: TestClient) -> None:
    content = read_list(api, form, "sort=date").content
    if form == "parquet":
        table = pq.read_table(io.BytesIO(content))
    else:
        with pa.ipc.open_stream(content) as stream:
            table = stream.read_all()
    found = [as_json(row) for row in table.to_pylist()]
    for row in found:
        for report in row["reports"]:
            report["claims"] = report["claims"] and json.loads(report["claims"])
    assert found == read_all_events(api, "sort=date")


def test_typed_tables_have_days_instants_and_lists(api: TestClient) -> None:
    schema = pq.read_schema(io.BytesIO(read_list(api, "parquet").content))
    types = {field.name: str(field.type) for field in schema}
    assert types["start"] == types["end"] == "date32[day]"
    assert types["recorded_at"] == "timestamp[us, tz=UTC]"
    assert types["tags"].startswith("list<")
    assert types["participants"].startswith("list<element: struct<actor: string, name: string")
    assert types["location"].startswith("struct<name: string")
    assert types["date"] == "string"  # as stated: a month, an interval, or about a day


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_flat_tables_have_the_columns_of_csv(form: str, api: TestClient) -> None:
    content = read_list(api, form, f"{AUTUMN}&flat=true").content
    if form == "parquet":
        rows = pq.read_table(io.BytesIO(content)).to_pylist()
    else:
        with pa.ipc.open_stream(content) as stream:
            rows = stream.read_all().to_pylist()
    lines = read_csv_rows(api)
    assert list(rows[0]) == list(lines[0]) == list(EVENT_COLUMNS)
    for row, line in zip(rows, lines, strict=True):
        assert row["participants"] == line["participants"]
        assert (row["absent"] or "") == line["absent"]


@pytest.mark.parametrize("form", ["json", "csv", "xlsx", "ndjson"])
def test_flat_with_another_format_is_422(form: str, api: TestClient) -> None:
    answer = api.get(f"/v1/events?format={form}&flat=true")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "flat"]


def test_parquet_and_arrow_say_whose_rows_they_are(api: TestClient) -> None:
    parquet = pq.read_schema(io.BytesIO(read_list(api, "parquet").content))
    with pa.ipc.open_stream(read_list(api, "arrow").content) as stream:
        arrow, table = stream.schema, stream.read_all()
    assert table.num_rows == len(read_all_events(api, AUTUMN))
    for schema in (parquet, arrow):
        about = json.loads(schema.metadata[b"entente"])
        assert about["datasets"][0]["licence"] == "CC BY 4.0"
        assert about["request"].startswith("/v1/events?actor=ARM")
        assert about["version"] > 0


def test_arrow_and_parquet_are_the_same_table(api: TestClient) -> None:
    parquet = pq.read_table(io.BytesIO(read_list(api, "parquet").content))
    with pa.ipc.open_stream(read_list(api, "arrow").content) as stream:
        assert stream.read_all().to_pylist() == parquet.to_pylist()


def test_xlsx_is_a_workbook_of_texts_numbers_and_days(api: TestClient) -> None:
    frames = read_sheets(read_list(api, "xlsx").content)
    events = read_all_events(api, AUTUMN)
    names, *lines = frames["events"]
    found = [dict(zip(names, row, strict=False)) for row in lines]
    assert [row["id"] for row in found] == [event["id"] for event in events]
    assert [row["title"] for row in found] == [event["title"] for event in events]
    first = found[0]
    assert isinstance(first["start"], float)
    assert any("CC BY 4.0" in str(cell) for row in frames["about"] for cell in row)


def test_geojson_has_a_feature_an_event(api: TestClient) -> None:
    body = read_list(api, "geojson").json()
    events = api.get(f"/v1/events?{AUTUMN}").json()["data"]
    assert body["type"] == "FeatureCollection"
    assert [feature["id"] for feature in body["features"]] == [event["id"] for event in events]
    for feature, event in zip(body["features"], events, strict=True):
        place = event["location"]
        assert feature["type"] == "Feature"
        if place and place["lat"] is not None:
            assert feature["geometry"]["coordinates"] == [place["lon"], place["lat"]]
        else:
            assert feature["geometry"] is None
    assert body["meta"]["datasets"][0]["citation"]


@pytest.mark.parametrize("form", ["geojson", "atom", "jsonfeed", "jsonld", "ics"])
def test_paged_formats_link_to_the_next_page(api: TestClient, form: str) -> None:
    answer = read_list(api, form, f"{AUTUMN}&limit=2")
    onward = answer.links["next"]["url"]
    assert f"format={form}" in onward
    assert api.get(onward).status_code == 200
    assert api.get(onward).content != answer.content


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet", "arrow", "xlsx"])
def test_a_limited_stream_leads_to_the_rest(api: TestClient, form: str) -> None:
    answer = read_list(api, form, f"{AUTUMN}&limit=2")
    rest = api.get(answer.links["next"]["url"].replace("limit=2&", ""))
    assert rest.status_code == 200
    assert "next" not in rest.links


def test_a_limited_csv_and_the_rest_are_the_whole(api: TestClient) -> None:
    answer = read_list(api, "csv", f"{AUTUMN}&limit=2")
    rest = api.get(answer.links["next"]["url"].replace("limit=2&", "")).text
    lines = answer.text + rest.partition("\r\n")[2]
    assert lines == read_list(api, "csv").text


def test_timelinejs_fits_its_documented_shape(api: TestClient) -> None:
    body = read_list(api, "timelinejs").json()
    events = read_all_events(api, AUTUMN)
    assert "CC BY 4.0" in body["title"]["text"]["text"]
    assert [slide["unique_id"] for slide in body["events"]] == [event["id"] for event in events]
    for slide in body["events"]:
        assert slide["start_date"]["year"] == 2023 or slide["start_date"]["year"] < 2023
        assert slide["text"]["headline"]
        assert set(slide) <= {
            "unique_id", "start_date", "end_date", "display_date", "text", "group", "autolink",
        }  # fmt: skip
    october = {"since": "2015-07", "until": "2015-07", "format": "timelinejs"}
    slides = api.get("/v1/events", params=october).json()["events"]
    vague = next(slide for slide in slides if slide["display_date"] == "2015-07")
    assert vague["start_date"] == {"year": 2015, "month": 7}


def test_vis_items_are_points_and_ranges(api: TestClient) -> None:
    body = read_list(api, "vis").json()
    listed = {item["id"]: item for item in body["items"]}
    events = read_all_events(api, AUTUMN)
    assert list(listed) == [event["id"] for event in events]
    assert {item["group"] for item in body["items"]} == {g["id"] for g in body["groups"]}
    eagle = next(i for i in body["items"] if "Eagle Partner" in i["content"])
    assert (eagle["type"], eagle["start"], eagle["end"]) == ("range", "2023-09-11", "2023-09-21")


def test_ics_opens_in_a_calendar(api: TestClient) -> None:
    calendar = Calendar.from_ical(read_list(api, "ics").text)
    entries = {str(e["uid"]): e for e in calendar.walk("VEVENT")}
    events = api.get(f"/v1/events?{AUTUMN}").json()["data"]
    assert list(entries) == [f"{event['id']}@entente" for event in events]
    eagle = next(e for e in entries.values() if "Eagle Partner" in e["summary"])
    assert eagle["url"].startswith("http://testserver/?view=event&id=curated:")
    assert eagle["last-modified"].dt == eagle["dtstamp"].dt
    assert eagle["dtstart"].dt.isoformat() == "2023-09-11"
    assert eagle["dtend"].dt.isoformat() == "2023-09-21"
    assert "CC BY 4.0" in str(calendar["description"])


def test_atom_is_a_feed(api: TestClient) -> None:
    feed = ElementTree.fromstring(read_list(api, "atom", f"{AUTUMN}&limit=3").content)
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author", "rights"):
        assert feed.find(f"{ATOM}{name}") is not None, name
    links = {link.attrib["rel"]: link.attrib["href"] for link in feed.findall(f"{ATOM}link")}
    assert set(links) == {"self", "alternate", "via", "next"}
    assert all(link.startswith("http://testserver/") for link in links.values())
    assert "as_of" not in links["self"] + str(feed.findtext(f"{ATOM}id"))
    assert "as_of" in links["via"]
    assert all(api.get(link).status_code == 200 for link in links.values())
    following = ElementTree.fromstring(api.get(links["next"]).content)
    assert following.findtext(f"{ATOM}id") == feed.findtext(f"{ATOM}id")
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 3
    for entry in entries:
        for name in ("id", "title", "updated", "link", "summary"):
            assert entry.find(f"{ATOM}{name}") is not None, name
        page, alternate = entry.findall(f"{ATOM}link[@rel='alternate']")
        assert (page.attrib["type"], api.get(page.attrib["href"]).status_code) == ("text/html", 200)
        assert api.get(alternate.attrib["href"]).json()["title"] == entry.findtext(f"{ATOM}title")


def test_json_feed_is_one(api: TestClient) -> None:
    body = read_list(api, "jsonfeed", f"{AUTUMN}&limit=3").json()
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    assert len({item["id"] for item in body["items"]}) == 3
    for address in ("feed_url", "next_url", "home_page_url"):
        assert api.get(body[address]).status_code == 200, address
    assert "as_of" not in body["feed_url"]
    assert all(item["url"].startswith("http://testserver/?view=event") for item in body["items"])


def test_json_ld_uses_schema_org_terms(api: TestClient) -> None:
    body = read_list(api, "jsonld").json()
    assert body["@context"]["@vocab"] == "https://schema.org/"
    kinds = [node["@type"] for node in body["@graph"]]
    assert set(kinds) == {"Event", "Dataset"}
    vote = next(n for n in body["@graph"] if "ratifies the Rome Statute" in n.get("name", ""))
    assert vote["startDate"] == "2023-10-03"
    assert {"identifier": "ICC", "@type": "Organization"}.items() <= vote["about"][1].items()
    parts = {part["identifier"]: part for node in body["@graph"] for part in node.get("about", ())}
    assert parts["ARM"]["@type"] == "Country"
    assert parts["ARM"]["sameAs"] == "https://www.wikidata.org/entity/Q399"
    assert parts["ICC"]["sameAs"] == "https://www.wikidata.org/entity/Q47488"
    assert vote["subjectOf"][0]["publisher"]["name"]
    dataset = body["@graph"][-1]
    assert vote["isPartOf"]["@id"] == dataset["@id"]
    assert dataset["license"] == "CC BY 4.0"


def test_groups_and_persons_have_their_item_in_json_ld(api: TestClient) -> None:
    expected = {"NATO": "Q7184", "jens-stoltenberg": None, "vladimir-putin": "Q7747"}
    for actor, item in expected.items():
        body = read_list(api, "jsonld", f"actor={actor}&limit=1").json()
        parts = {p["identifier"]: p for n in body["@graph"] for p in n.get("about", ())}
        address = f"https://www.wikidata.org/entity/{item}" if item else None
        assert parts[actor].get("sameAs") == address, actor


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_forms_without_a_place_for_it_link_to_the_licence(api: TestClient, form: str) -> None:
    links = read_list(api, form).headers["link"]
    assert '</v1/datasets>; rel="license"' in links
    assert "CC%20BY%204.0" in links


@pytest.mark.parametrize("form", OTHERS)
def test_accept_chooses_as_format_does(api: TestClient, form: str) -> None:
    chosen = api.get(f"/v1/events?{AUTUMN}", headers={"Accept": EVENT_MEDIA_TYPES[form][0]})
    asked = read_list(api, form)
    assert chosen.status_code == 200
    assert chosen.headers["content-type"] == asked.headers["content-type"]
    assert "Accept" in chosen.headers["vary"].split(", ")
    assert chosen.headers["etag"] != asked.headers["etag"]


def test_format_wins_over_accept(api: TestClient) -> None:
    answer = api.get("/v1/events?format=csv&limit=1", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/json;q=0, text/calendar", "text/calendar; charset=utf-8"),
        ("application/jsonl", "application/x-ndjson"),
    ],
)
def test_accept_quality_selects_the_format(api: TestClient, accept: str, media: str) -> None:
    answer = api.get(f"/v1/events?{AUTUMN}&limit=1", headers={"Accept": accept})
    assert answer.headers["content-type"] == media


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", "nonsense"])
def test_unsupported_media_type_is_406(api: TestClient, accept: str) -> None:
    answer = api.get("/v1/events", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert "format=csv" in answer.json()["detail"]


@pytest.mark.parametrize("form", OTHERS)
def test_an_unchanged_database_answers_304(api: TestClient, form: str) -> None:
    url = f"/v1/events?{AUTUMN}&format={form}"
    tag = api.get(url).headers["etag"]
    again = api.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("form", OTHERS)
def test_head_is_get_without_the_body(api: TestClient, form: str) -> None:
    url = f"/v1/events?{AUTUMN}&format={form}"
    head, full = api.head(url), api.get(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "etag", "link", "content-disposition"):
        assert head.headers.get(name) == full.headers.get(name)


@pytest.mark.parametrize("form", OTHERS)
def test_an_empty_result_is_a_whole_file_and_says_why(api: TestClient, form: str) -> None:
    for query, reason in (("q=zyxwvut", "no_match"), ("until=1900", "outside_coverage")):
        answer = read_list(api, form, query)
        assert answer.headers["entente-reason"] == reason
        assert "entente-reason" not in read_list(api, form).headers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=ics&fields=title", "fields"),
        ("format=csv&count=exact", "count"),
        ("format=json&bom=true", "bom"),
        ("format=xlsx&bom=true", "bom"),
        ("format=csv&actor=Armenai", "actor"),
        ("format=parquet&cursor=abc", "cursor"),
        ("format=cvs", "format"),
        ("format=csv&limit=0", "limit"),
    ],
)
def test_parameters_unsupported_by_the_format_are_422(
    api: TestClient, query: str, field: str
) -> None:
    answer = api.get(f"/v1/events?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", field]


def test_fields_choose_lines_and_columns(api: TestClient) -> None:
    query = f"{AUTUMN}&fields=title,date,location"
    assert set(json.loads(read_list(api, "ndjson", query).text.splitlines()[0])) == {
        "id", "title", "date", "location",
    }  # fmt: skip
    assert list(read_csv_rows(api, query)[0]) == [
        "id", "key", "title", "date", *LOCATION_COLUMNS,
    ]  # fmt: skip


def test_known_by_leaves_out_what_was_not_published(api: TestClient) -> None:
    query = "known_by=2023-09-30&member_of=CSTO"
    lines = [json.loads(line) for line in read_list(api, "ndjson", query).text.splitlines()]
    assert lines == read_all_events(api, query)
    found = read_csv_rows(api, query)
    assert [json.loads(row["reports"]) for row in found] == [line["reports"] for line in lines]


def test_csv_with_bom_starts_with_a_byte_order_mark(api: TestClient) -> None:
    marked = read_list(api, "csv", f"{AUTUMN}&bom=true").content
    assert marked == b"\xef\xbb\xbf" + read_list(api, "csv").content
