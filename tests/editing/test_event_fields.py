"""Fields of events: stages, excused absences, weights and reasons of signals, inline sources."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from ingest.loading import list_counts, load_file

pytestmark = pytest.mark.slow

STAGE: dict[str, Any] = {
    "key": "stage", "title": "A stage", "date": "2023-05-02", "part_of": "act",
    "participants": [
        {"actor": "RUS", "role": "host"},
        {"actor": "ARM", "role": "absent", "excused": True},
        {"actor": "KAZ", "role": "absent"},
    ],
    "signals": [
        {"from": "ARM", "toward": "RUS", "score": -2, "weight": 3.5, "reason": "A whole season."}
    ],
}  # fmt: skip


def list_shown_fields(event: dict[str, Any]) -> tuple[Any, ...]:
    """The fields, as an answer shows them."""
    excused = {p["actor"]: p["excused"] for p in event["participants"]}
    signals = [(s["weight"], s["reason"]) for s in event["signals"]]
    return event["part_of"], excused, signals


EXPECTED = (
    "curated:act",
    {"RUS": False, "ARM": True, "KAZ": False},
    [(3.5, "A whole season.")],
)


def test_answer_that_is_sent_back_keeps_the_fields(editor: Any) -> None:
    made = editor.send_ok("POST", "/v1/events", STAGE)
    assert list_shown_fields(made) == EXPECTED
    editor.send_ok("PUT", "/v1/events/curated:stage", made)
    patched = editor.send_ok("PATCH", "/v1/events/curated:stage", {"title": "Another"})
    assert (patched["title"], list_shown_fields(patched)) == ("Another", EXPECTED)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_export_loads_into_another_dataset_with_the_fields(
    editor: Any, form: str, tmp_path: Path
) -> None:
    editor.send_ok("POST", "/v1/events", STAGE)
    file = tmp_path / f"stage.{form}"
    file.write_bytes(editor.send("GET", f"/v1/events?format={form}&dataset=curated").content)
    load_file(editor.database, file, dataset="again")
    again = editor.send_ok("GET", "/v1/events/again:stage")
    assert list_shown_fields(again) == ("again:act", *EXPECTED[1:])


def test_table_has_columns_for_stage_and_excused(editor: Any, tmp_path: Path) -> None:
    editor.send_ok("POST", "/v1/events", STAGE)
    text = editor.send("GET", "/v1/events?format=csv&actor=KAZ&since=2023-05-02").text
    [row] = [r for r in csv.DictReader(io.StringIO(text)) if r["key"] == "stage"]
    assert [row[n] for n in ("part_of", "absent", "excused")] == ["curated:act", "ARM; KAZ", "ARM"]
    file = tmp_path / "sheet.csv"
    columns = "key,title,date,part_of,host,absent,excused"
    file.write_text(f"{columns}\nk,t,2023-05-02,act,RUS,ARM; KAZ,ARM\n", "utf-8")
    loader, _ = load_file(editor.database, file, dataset="sheet")
    assert list_counts(loader) == {"rows": 1, "new": 1}
    made = editor.send_ok("GET", "/v1/events/sheet:k")
    assert (made["part_of"], {p["actor"]: p["excused"] for p in made["participants"]}) == (
        "sheet:act", EXPECTED[1],
    )  # fmt: skip


def test_invalid_fields_are_422(editor: Any) -> None:
    for wrong in (
        {"part_of": " a"},
        {"part_of": "curated:"},
        {"participants": [{"actor": "ARM", "role": "host", "excused": True}]},
        {"signals": [{"from": "ARM", "toward": "RUS", "score": 1, "weight": -1}]},
    ):
        assert editor.send("POST", "/v1/events", {**STAGE, **wrong}).status_code == 422, wrong


def test_inline_source_needs_only_its_publisher(editor: Any, tmp_path: Path) -> None:
    source = {"publisher": "Example News", "url": "https://news.example/one"}
    event = {"title": "t", "date": "2023-05-02", "reports": [{"source": source}]}
    sent = editor.send_ok("POST", "/v1/events", {**event, "key": "sent"})
    file = tmp_path / "one.ndjson"
    file.write_text(json.dumps({**event, "key": "loaded"}), "utf-8")
    load_file(editor.database, file, dataset="curated")
    loaded = editor.send_ok("GET", "/v1/events/curated:loaded")
    assert sent["reports"] == loaded["reports"]
    offline = {"publisher": "Archive", "title": "A letter"}
    written = editor.send_ok(
        "POST", "/v1/events", {**event, "key": "two", "reports": [{"source": offline}]}
    )
    assert written["reports"][0]["source"].startswith("doc-")
