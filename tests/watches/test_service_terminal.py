"""`entente watch --url` says of a service what `entente watch` says of its database."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from examples import add_key
from make import dataset, event
from serving import serve_database
from typer.testing import CliRunner, Result

from app import cli
from app.db.engine import Database

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]


def run(*words: str) -> Result:
    with ThreadPoolExecutor(1) as apart:  # a browser may keep a loop in this thread
        return apart.submit(CliRunner().invoke, cli.main, ["watch", *words]).result()


def test_a_service_says_the_same_as_its_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    with database.write() as db:
        dataset(db)
        event(db, "ARM", key="one")
        event(db, "ARM", key="one", title="again")
        event(db, "RUS", key="two")
        event(db, "ARM", key="two")
        event(db, "RUS", key="one")
        event(db, "ARM", key="two", status="retracted")
        event(db, "RUS", key="two")
    key = add_key(database)
    words = ("--actor", "ARM", "--after", "0", "--no-wait", "--json")
    with serve_database(url, open_reading=False) as address:
        closed = run(*words, "--url", address)
        assert (closed.exit_code, "ENTENTE_KEY" in closed.stderr) == (2, True), closed.output
        monkeypatch.setenv("ENTENTE_KEY", key)
        ours = [json.loads(line) for line in run(*words).stdout.splitlines()]
        found = run(*words, "--url", address)
        assert found.exit_code == 0, found.output
        theirs = [json.loads(line) for line in found.stdout.splitlines()]
        kinds = [one["type"].removeprefix("event.") for one in theirs]
        assert kinds == ["added", "changed", "entered", "left", "retracted"]
        for one, other in zip(ours, theirs, strict=True):
            del one["data"]["changed"]
            del one["data"]["change"]["version"]
            assert one == other
        assert run("--actor", "Nowhere", "--url", address).exit_code == 2
        assert run("--no-wait", "--url", address).stdout == ""  # nothing is newer than the newest
        shown = run("--actor", "ARM", "--after", "0", "--no-wait", "--url", address).stdout
        assert "again" in shown
    monkeypatch.delenv("ENTENTE_KEY")
    assert run(*words, "--url", address).exit_code == 1
