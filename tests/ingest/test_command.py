"""`entente load`, as scripts call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.db.engine import Database
from ingest.rows import join_events, make_event, make_table


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)


def run_load(*words: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["load", *words], input=text)


def test_the_summary_as_one_object(tmp_path: Path) -> None:
    path, rejects = tmp_path / "a.ndjson", tmp_path / "rejects"
    path.write_text(
        join_events(make_event("a"), make_event("b", date="no"), make_event("a", title="2"))
    )
    result = run_load(str(path), "--json", "--rejects", str(rejects))
    assert result.exit_code == 3
    summary = json.loads(result.stdout)
    assert summary.pop("seconds") > 0
    [(reason, number)] = summary.pop("reasons").items()
    assert (reason.partition(":")[0], number) == ("date", 1)
    assert summary == {
        "rows": 3, "new": 1, "changed": 0, "unchanged": 0, "retracted": 0, "rejected": 1,
        "duplicates": 1, "parties": {"named": 2, "resolved": 2, "share": 1.0}, "warnings": {},
        "unresolved": [], "unresolved_names": 0, "unresolved_further": 0, "errors": [],
        "dry_run": False,
    }  # fmt: skip
    assert result.stderr == ""
    assert "1  date: " in run_load(str(path), "--json").stderr  # no file tells it

    mended = rejects.read_text().replace('"date":"no"', '"date":"2020"')
    rejects.write_text(mended)
    again = run_load(str(rejects), "--json")
    assert (again.exit_code, json.loads(again.stdout)["new"]) == (0, 1)


def test_the_summary_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(join_events(make_event("a"), make_event("b", date="no")))
    result = run_load(str(tmp_path / "a"))
    assert "2 rows in" in result.stdout
    assert "1 new, 1 rejected" in result.stdout
    assert "rejected\n       1  date: " in result.stderr


def test_folders_patterns_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        (tmp_path / "in" / f"{n}.ndjson").write_text(join_events(make_event(f"k{n}")))
    assert json.loads(run_load(str(tmp_path / "in" / "*.ndjson"), "--json").stdout)["new"] == 3
    assert json.loads(run_load(str(tmp_path / "in"), "--json").stdout)["unchanged"] == 3
    assert json.loads(run_load("-", "--json", text=make_table("gdelt-v2")).stdout)["new"] == 1


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "FILES"), (["nowhere.csv"], "nowhere.csv"), (["-", "--format", "xml"], "--format"),
        (["-", "--dataset", "a/b"], "--dataset"),
        (["a", "b", "--retract-missing"], "--retract-missing"),
        (["-", "--retract-window", "2026-08"], "--retract-window"),
        (["-", "--retract-missing", "--retract-window", "soon"], "--retract-window"),
        (["-", "--rejects", "/nowhere/rejects"], "--rejects"),
    ],
)  # fmt: skip
def test_wrong_words_exit_2_and_name_the_field(words: list[str], named: str) -> None:
    refused = run_load(*words, text="")
    assert refused.exit_code == 2
    assert named in refused.stderr
    assert refused.stdout == ""


def test_what_cannot_be_read_exits_1_and_the_rest_is_loaded(tmp_path: Path) -> None:
    good, bad = tmp_path / "a", tmp_path / "b"
    good.write_text(join_events(make_event("a")))
    bad.write_text("hello\n")
    result = run_load(str(bad), str(good), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["new"] == 1
    assert str(bad) in result.stderr.replace("\n", "")


def test_the_template_can_be_loaded() -> None:
    template = run_load("--template")
    assert template.exit_code == 0
    result = run_load("-", "--json", text=template.stdout)
    assert json.loads(result.stdout)["new"] == 1
