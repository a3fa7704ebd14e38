"""Whatever a load stores can be read, sent back, patched and retracted by its id."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ingest.loading import list_counts, load_file
from soak import choose_size

pytestmark = [pytest.mark.slow, pytest.mark.soak]

HOSTILE = [
    "a b", "2023/10/03", "/", "a//b", "..", ".", "50%", "%2F", "%252F", "what?", "#1", "a:b:c",
    "é\u0301", "日本 / 東京", "x" * 200, "é" * 200, "🙂" * 100,
    "🙂" * 101, "a\nb", " a", "a ", "\u200b",
    "\ue02f", "a\\b", "'--", '"', "{key}", "+", "&x=1", "history", "a/history", "a/merge", "\u00a0",
]  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
words = texts.filter(bool)
keys = st.sampled_from(HOSTILE) | words | st.text("/%?# .:é\u200b", min_size=1, max_size=8)
rows = st.fixed_dictionaries(
    {"key": keys, "title": words, "date": st.sampled_from(["2023-05-01", "2023-05", "2020-11/.."])},
    optional={
        "summary": texts,
        "native": words,
        "tags": st.lists(words, max_size=2),
        "part_of": st.sampled_from(["an act", "other:2023/1"]),
        "location": st.fixed_dictionaries({}, optional={"name": words, "country": words}),
        "participants": st.lists(
            st.fixed_dictionaries(
                {"role": st.just("participant")},
                optional={"actor": words | st.just("ARM"), "native": words},
            ),
            max_size=2,
        ),
        "reports": st.lists(
            st.fixed_dictionaries(
                {
                    "source": st.fixed_dictionaries(
                        {"publisher": words}, optional={"title": texts, "id": keys}
                    )
                },
                optional={"quote": texts, "locator": words},
            ),
            max_size=2,
        ),
    },
)


def make_plain(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {"key": key, "title": row["title"], "date": row["date"]}


@settings(max_examples=choose_size(12, 200), deadline=None, suppress_health_check=list(HealthCheck))
@given(row=rows)
@example(row={"key": "a/history", "title": "t", "date": "2023-05-01"})
@example(row={"key": "%2F 50% #1?", "title": "t", "date": "2023-05-01"})
@example(row={"key": "k", "title": "t", "date": "2023", "location": {"country": "Nowhere"}})
def test_loaded_event_is_readable_and_writable(
    editor: Any, tmp_path: Path, row: dict[str, Any]
) -> None:
    file = tmp_path / "row.ndjson"
    file.write_text(json.dumps(row) + "\n", "utf-8")
    loader, rejects = load_file(editor.database, file, dataset="curated", retract_missing=False)
    path = f"/v1/events/{quote('curated:' + row['key'], safe='')}"
    if rejects:
        sent = editor.send("POST", "/v1/events", make_plain(row, row["key"]))
        if rejects[0].field == "key":
            assert sent.status_code == 422
            assert [e["message"] for e in sent.json()["errors"]] == [rejects[0].reason]
        return
    assert list_counts(loader)["rows"] == 1
    event = editor.send_ok("GET", path)
    assert event["id"] == f"curated:{row['key']}"
    again = editor.send_ok("PUT", path, event)
    assert again == event
    patched = editor.send_ok("PATCH", path, {"title": "Another title"})
    assert patched["title"] == "Another title"
    assert {**patched, "title": 0, "revision": 0, "recorded_at": 0} == {
        **event, "title": 0, "revision": 0, "recorded_at": 0,
    }  # fmt: skip
    assert editor.send("DELETE", f"{path}?reason=test").status_code == 200
    history = editor.send_ok("GET", f"{path}/history?limit=1000")
    assert history["data"][-1]["action"] == "retract"
    assert "%2F" in history["links"]["self"] or "/" not in row["key"]


@pytest.mark.parametrize("key", HOSTILE)
def test_created_event_is_found_at_its_location(shared_editor: Any, key: str) -> None:
    sent = shared_editor.send(
        "POST", "/v1/events", {"key": key, "title": "t", "date": "2023-05-01"}
    )
    if sent.status_code == 422:
        assert [e["loc"] for e in sent.json()["errors"]] == [["body", "key"]]
        return
    assert sent.status_code == 201
    found = shared_editor.send("GET", sent.headers["Location"])
    assert found.json() == sent.json()
