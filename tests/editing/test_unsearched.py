"""Datasets that are not searched: what a search says of them, and what a change entails."""

import json
from typing import Any

import pytest
from editing.conftest import Editor, list_errors
from make import BY, dataset, event
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import main
from app.db.dialect.full_text import bulk_index_words, remove_words, select_indexed_seqs
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.tables import revisions
from app.errors import InvalidBodyError, InvalidParameterError
from app.events.filter import EventFilter
from app.events.queries import resolve_filter
from app.events.render import decode_event_document
from app.events.word_index import find_word_faults, write_datasets_with_words
from app.sources.changes import write_datasets
from app.sources.citation import read_cited_datasets
from app.watches.event_facts import EventFacts
from app.watches.match_index import MatchIndex

MADE = {"code": "robot", "name": "Robot", "version": "1", "licence": "none", "citation": "Robot"}


def add_datasets(editor: Editor) -> None:
    """Add an event about a zeppelin to a dataset that is searched, and to one that is not."""
    editor.send_ok("POST", "/v1/datasets", {**MADE, "code": "desk"})
    shown = editor.send_ok("POST", "/v1/datasets", {**MADE, "searched": False})
    assert shown["searched"] is False
    for code in ("desk", "robot"):
        body = {"key": "a", "title": "A zeppelin", "date": "2023-05-01", "dataset": code}
        editor.send_ok("POST", "/v1/events", body)


def search(editor: Editor, query: str = "", path: str = "events") -> Any:
    """Search for the zeppelin; return the rows and `meta`."""
    answer = editor.api.get(f"/v1/{path}?q=zeppelin{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"], answer.json()["meta"]


def list_found(editor: Editor, query: str = "") -> list[str]:
    """List the events about the zeppelin."""
    return sorted(row["id"] for row in search(editor, query)[0])


def list_indexed(database: Database) -> set[int]:
    """List the revisions whose words are indexed."""
    with database.connect() as db:
        return set(db.scalars(select(select_indexed_seqs(db.dialect.name).c.seq)))


def test_a_search_leaves_out_what_is_not_searched_and_says_so(editor: Editor) -> None:
    add_datasets(editor)
    for query in ("", "&dataset=desk,robot", "&sort=relevance&count=exact"):
        rows, meta = search(editor, query.replace("desk,robot", "desk&dataset=robot"))
        assert ([row["id"] for row in rows], meta["unsearched"]) == (["desk:a"], ["robot"])
    assert search(editor, "&granularity=year", "timeline")[1]["unsearched"] == ["robot"]
    assert search(editor, "&by=dataset", "facets")[1]["unsearched"] == ["robot"]
    assert search(editor, "", "changes")[1]["unsearched"] == ["robot"]
    assert search(editor, "&from=0", "diff")[1]["unsearched"] == ["robot"]
    table = editor.api.get("/v1/events?q=zeppelin&format=csv")
    assert table.headers["entente-unsearched"] == "robot"
    assert "unsearched" not in search(editor, "&dataset=desk")[1]
    for query in ("", "?dataset=robot"):
        assert "unsearched" not in editor.api.get(f"/v1/events{query}").json()["meta"]
    refused = editor.api.get("/v1/events?q=zeppelin&dataset=robot")
    [(place, message)] = list_errors(refused)
    assert (refused.status_code, place) == (422, ["query", "q"])
    assert message.startswith("finds nothing in robot: ")


def test_nothing_found_is_not_searched_only_where_such_a_dataset_covers_it(editor: Editor) -> None:
    add_datasets(editor)
    editor.send_ok("PATCH", "/v1/datasets/desk", {"first": "2023-05-01", "last": "2023-05-31"})
    editor.send_ok("PATCH", "/v1/datasets/robot", {"first": "2023-05-01", "last": "2023-05-03"})
    day = "since=2023-05-0{0}&until=2023-05-0{0}&dataset=desk&dataset=robot"
    for n, q, reason in (
        (2, "&q=airship", "not_searched"),
        (2, "", "no_match"),
        (7, "&q=airship", "no_match"),
    ):
        answer = editor.api.get(f"/v1/events?{day.format(n)}{q}").json()
        assert (answer["data"], answer["meta"]["reason"]) == ([], reason)
    header = editor.api.get(f"/v1/events?{day.format(2)}&q=airship&format=csv").headers
    assert header["entente-reason"] == "not_searched"


def test_words_come_and_go_with_the_field_also_of_former_revisions(editor: Editor) -> None:
    add_datasets(editor)
    then = editor.read_version()
    editor.send_ok("PATCH", "/v1/events/robot:a", {"title": "An airship"})
    with_all = list_indexed(editor.database)
    editor.send_ok("PATCH", "/v1/datasets/robot", {"searched": True})
    assert len(list_indexed(editor.database) - with_all) == 2
    assert list_found(editor) == ["desk:a"]
    assert list_found(editor, f"&as_of={then}") == ["desk:a", "robot:a"]
    editor.send_ok("PATCH", "/v1/datasets/robot", {"searched": False})
    assert list_indexed(editor.database) == with_all
    stays = editor.api.get("/v1/datasets/robot")
    etag = {"If_Match": stays.headers["etag"]}
    changed = editor.send_ok("PUT", "/v1/datasets/robot", {**MADE, "name": "Other"}, **etag)
    assert changed["searched"] is False
    assert list_found(editor, f"&as_of={then}") == ["desk:a"]


def test_former_revisions_of_a_dataset_that_is_retracted_are_searched(editor: Editor) -> None:
    add_datasets(editor)
    then = editor.read_version()
    editor.send_ok("POST", "/v1/events/robot:a/merge", {"into": "desk:a", "reason": "the same"})
    before = list_indexed(editor.database)
    assert search(editor, f"&as_of={then}")[1]["unsearched"] == ["robot"]
    assert editor.send("DELETE", "/v1/datasets/robot?reason=empty").status_code == 200
    assert list_found(editor, f"&as_of={then}") == ["desk:a", "robot:a"]
    assert len(list_indexed(editor.database) - before) == 1
    editor.send_ok("PUT", "/v1/datasets/robot", {**MADE, "searched": False})
    assert list_found(editor, f"&as_of={then}") == ["desk:a"]
    assert list_indexed(editor.database) == before


def test_more_than_a_request_may_do_is_left_to_a_command(database: Database) -> None:
    with database.write() as db:
        dataset(db)
        event(db, "ARM", title="A zeppelin")
        [made] = read_cited_datasets(db, ["made"])
        changed = made.model_copy(update={"searched": False})
        with pytest.raises(InvalidParameterError, match="the indexed words"):
            write_datasets(db, [changed], BY)
    match = "made has more than 0 revisions"
    with pytest.raises(InvalidBodyError, match=match) as refused, database.write() as db:
        write_datasets_with_words(db, [changed], BY, most=0)
    [fault] = refused.value.faults
    assert fault.hint == "entente datasets search made on, or off, changes it."


def test_a_watch_finds_what_a_search_finds(database: Database) -> None:
    with database.write() as db:
        dataset(db)
        event(db, "ARM", title="A zeppelin")
        rows = select(document_of(revisions)).where(revisions.c.kind == "event")
        body = decode_event_document(db.scalar(rows) or "")
        index = MatchIndex()
        index.add_watch("words", resolve_filter(db, EventFilter(q="zeppelin"), None))
    assert index.find_watches(EventFacts(body)) == ["words"]
    assert index.find_watches(EventFacts(body, unsearched={"made"})) == []


def test_verification_knows_which_words_are_indexed(database: Database) -> None:
    with database.write() as db:
        dataset(db)
        ident = event(db, "ARM", title="A zeppelin")
        [seq] = db.scalars(select(revisions.c.seq).where(revisions.c.id == ident))
        assert list(find_word_faults(db)) == []
        remove_words(db, [seq])
        assert list(find_word_faults(db)) == [
            f"words: those of {ident}, revision {seq}, are missing"
        ]
        [made] = read_cited_datasets(db, ["made"])
        write_datasets_with_words(db, [made.model_copy(update={"searched": False})], BY)
        assert list(find_word_faults(db)) == []
        bulk_index_words(db, [(seq, "a zeppelin"), (10**6, "b")])
        wrong = list(find_word_faults(db))
    assert [said.partition(f"{seq}, ")[2] for said in wrong[:1]] == [
        "are indexed, and it is not searched"
    ]
    assert wrong[1:] == ["words: revision 1000000 is indexed, which is none of an event"]


def test_the_terminal_says_what_is_searched(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        dataset(db)
        event(db, "ARM", title="A zeppelin")
    before = list_indexed(database)
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    run = CliRunner()
    off = run.invoke(main, ["datasets", "search", "made", "off", "--reason", "machine-made"])
    assert (off.exit_code, "made is not searched now" in off.output) == (0, True)
    assert len(before - list_indexed(database)) == 1
    listed = json.loads(run.invoke(main, ["datasets", "list", "--json"]).stdout)
    assert {row["code"]: row["searched"] for row in listed}["made"] is False
    refused = run.invoke(main, ["export", "--q", "zeppelin", "--dataset", "made"])
    assert (refused.exit_code, "finds nothing in made" in refused.output) == (2, True)
    assert run.invoke(main, ["datasets", "search", "made", "on"]).exit_code == 0
    assert list_indexed(database) == before
    for words in (["made", "perhaps"], ["unknown", "on"]):
        assert run.invoke(main, ["datasets", "search", *words]).exit_code == 2
