"""Rows of other formats in JSON: answers of APIs, arrays, and objects line by line."""

import json
from pathlib import Path
from typing import Any

import pytest
from ingest.readers.test_mending import read_records, read_rows
from ingest.rows import COLUMNS, EXAMPLES, join_events, make_event, make_row

from app.events.record import EventRecord
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.readers import json_tables
from app.ingest.readers.delimited import MAX_LINE_BYTES
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.rows import parse_row_record

ACLED = {**EXAMPLES["acled"], "notes": '«Ереван», \U0001f54a, "quoted" [and] {braced}'}
TYPED = {"id": 77, "year": 2014, "best": 3, "latitude": 48.5, "gwnob": None}
UCDP = {**EXAMPLES["ucdp-ged"], **TYPED}


def write_acled(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": 200, "success": True, "count": len(rows), **more, "data": list(rows)}


def write_ucdp(*rows: dict[str, Any], pages: int = 1) -> dict[str, Any]:
    return {"TotalCount": len(rows), "TotalPages": pages, "NextPageUrl": "", "Result": list(rows)}


def number_rows(row: dict[str, Any], column: str, count: int) -> list[dict[str, Any]]:
    return [{**row, column: f"{n}"} for n in range(1, count + 1)]


THREE = number_rows(ACLED, "event_id_cnty", 3)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(write_acled(*THREE)),
        json.dumps(write_acled(*THREE), indent=1, ensure_ascii=False),
        json.dumps({"data": THREE, "success": True}),
        json.dumps({"response": {"count": 3, "items": THREE}}),
        json.dumps({"features": [{"attributes": row, "geometry": None} for row in THREE]}),
        json.dumps(THREE),
        json.dumps(THREE, indent=2),
        json.dumps([write_acled(*THREE[:2]), write_acled(*THREE[2:])]),
        "".join(json.dumps(write_acled(row)) + "\n" for row in THREE),
        "".join(json.dumps(row) + "\n" for row in THREE),
        "\ufeff" + json.dumps(write_acled(*THREE)),
        "\n".join(json.dumps(row, indent=1) for row in THREE),
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_rows_of_acled_in_json(
    tmp_path: Path, text: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_tables, "CHUNK_BYTES", chunk)
    found = read_records(tmp_path / "x", text)
    assert [made.key for made in found if isinstance(made, EventRecord)] == ["1", "2", "3"]
    assert isinstance(found[0], EventRecord)
    assert found[0].summary == ACLED["notes"]


def test_rows_of_ucdp_in_json_are_those_of_the_table(tmp_path: Path) -> None:
    cells = make_row("ucdp-ged")
    table = "\t".join(COLUMNS["ucdp-ged"]) + "\n" + "\t".join(cells) + "\n"
    [plain] = read_records(tmp_path / "a", table)
    dated = {name: f"{UCDP[name]}T00:00:00" for name in ("date_start", "date_end")}
    assert read_records(tmp_path / "b", json.dumps(write_ucdp({**UCDP, **dated}))) == [plain]


def test_point_of_a_feature_is_the_place(tmp_path: Path) -> None:
    row = {name: cell for name, cell in UCDP.items() if name not in ("latitude", "longitude")}
    point = {"type": "Point", "coordinates": [37.5, 48.5]}
    feature = {"type": "Feature", "geometry": point, "properties": row}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    assert read_records(tmp_path / "x", text) == read_records(tmp_path / "y", json.dumps([UCDP]))


@pytest.mark.parametrize(
    "place", ["POINT (37.5 48.5)", 7, {"type": "Point", "coordinates": "37.5"}, {"type": "Point"}]
)
def test_a_feature_whose_place_is_no_point_keeps_its_row(tmp_path: Path, place: object) -> None:
    feature = {"type": "Feature", "geometry": place, "properties": UCDP}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    assert read_records(tmp_path / "x", text) == read_records(tmp_path / "y", json.dumps([UCDP]))


def test_coalition_as_a_list_of_json(tmp_path: Path) -> None:
    names = "Government of United Kingdom, Government of United States of America"
    row = {**UCDP, "side_a": names, "gwnoa": [200, 2]}
    [made] = read_records(tmp_path / "x", json.dumps([row]))
    assert isinstance(made, EventRecord)
    sides = [str(p.actor).partition(" ≙ ")[0] for p in made.participants][:2]
    assert sides == ["gw:200 gw:2"] * 2  # the name of each says which


def test_one_page_of_several_is_warned_about_once(tmp_path: Path) -> None:
    rows = read_rows(tmp_path / "x", json.dumps(write_ucdp(UCDP, {**UCDP, "id": 78}, pages=12)))
    warnings: list[tuple[str, str]] = []
    for row in rows:
        parse_row_record(row, lambda *w: warnings.append(w))
    assert warnings == [("", "is one of 12 pages of an answer")]


def test_an_answer_longer_than_a_line_is_read(tmp_path: Path) -> None:
    rows = number_rows({**ACLED, "notes": "n" * 9000}, "event_id_cnty", 300)
    text = json.dumps(write_acled(*rows))
    assert len(text) > 2 * MAX_LINE_BYTES
    assert len(read_rows(tmp_path / "x", text)) == 300


def test_arrays_of_events_in_the_load_format(tmp_path: Path) -> None:
    events = [make_event("a"), make_event("b")]
    lines = read_records(tmp_path / "a", join_events(*events))
    assert read_records(tmp_path / "b", json.dumps(events, indent=1)) == lines


def test_empty_answer_has_no_rows(tmp_path: Path) -> None:
    for text in (json.dumps(write_acled()), json.dumps(write_ucdp()), "[]", '{"Result": null}'):
        assert read_rows(tmp_path / "x", text) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"status": 403, "error": "no access"}', "error that an API answered, not data: no acc"),
        ('{"message": "Unauthenticated."}', "error that an API answered, not data: Unauthent"),
        ('[{"a": 1, "b": 2}]', "JSON of no known format; the fields of its rows: a, b"),
        ('{"a": {"0": 1}, "b": {"0": 2}, "c": {"0": 3}}', "is JSON by columns; write it by rows"),
        ('{"columns":["a"],"index":[0],"data":[[1]]}', "is JSON by columns; write it by rows"),
        ("[1]", "is not JSON after object 0: an object is expected"),
        ('[{"event_id_cnty": "A1", "deleted_timestamp": 1}]', "ACLED's list of deleted events"),
        ('{"Result": [{"conflict_id": 1, "dyad_id": 2, "year": 2020, "bd_best": 9}]}', "Battle-"),
    ],
)
def test_json_without_rows_is_refused_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read_rows(tmp_path / "x", text)


def test_truncated_answer_is_refused_as_a_whole(tmp_path: Path) -> None:
    rows = number_rows(ACLED, "event_id_cnty", 50)
    with pytest.raises(UnreadableFileError, match="is not JSON after object 49"):
        read_rows(tmp_path / "x", json.dumps(write_acled(*rows))[:-40])


def test_line_that_is_no_object_is_rejected_alone(tmp_path: Path) -> None:
    lines = [json.dumps(ACLED), "[1]", "{", json.dumps({**ACLED, "event_id_cnty": "B"})]
    rows = read_rows(tmp_path / "x", "\n".join(lines))
    assert [row.wrong is None for row in rows] == [True, False, False, True]


def test_half_of_a_surrogate_pair_is_rejected_alone(tmp_path: Path) -> None:
    text = json.dumps([ACLED, {**ACLED, "notes": "@"}]).replace("@", "\\ud800")
    rows = read_rows(tmp_path / "x", text)
    assert [row.wrong is None for row in rows] == [True, False]


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    text = '[{"event_id_cnty": "A", "event_date": "2024-01-05", "event_type": ' + "[" * 100_000
    with pytest.raises(UnreadableFileError):
        read_rows(tmp_path / "x", text)
    with pytest.raises(UnreadableFileError):
        read_rows(tmp_path / "y", "[" * 100_000)


def test_a_named_format_is_looked_for_in_json_too(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps([ACLED]))
    [file] = open_input_files(tmp_path / "x")
    assert recognize_file(file, "acled").format.name == "acled"
    with pytest.raises(UnreadableFileError):
        recognize_file(file, "ucdp-ged")
