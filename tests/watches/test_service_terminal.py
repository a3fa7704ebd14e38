"""`entente watch --url` says of a service what `entente watch` says of its database."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import stamina
from examples import add_key
from make import dataset, event
from pull.pulling import drop_waits
from serving import serve_database
from typer.testing import CliRunner, Result
from watches.receiver import run_receiver

from app import cli
from app.access.keys import create_key
from app.cli import kept_watches
from app.db.engine import Database

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]


def run(*words: str) -> Result:
    with ThreadPoolExecutor(1) as apart:  # a browser may keep a loop in this thread
        return apart.submit(CliRunner().invoke, cli.main, ["watch", *words]).result()


@pytest.fixture
def _no_waits() -> Iterator[None]:
    """A service that does not answer is asked again as often, without the waits."""
    drop_waits()
    yield
    stamina.set_testing(False)


@pytest.mark.usefixtures("_no_waits")
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


def test_watches_are_kept_at_a_service(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.delenv("ENTENTE_DATABASE_URL", raising=False)
    monkeypatch.setenv("ENTENTE_WATCH_PRIVATE_ADDRESSES", "true")
    with database.write() as db:
        key = create_key(db, "A. Reader", "watch")
    with serve_database(url) as address, run_receiver() as receiver:
        at = ("--url", address)
        refused = run("list", *at)
        assert (refused.exit_code, "ENTENTE_KEY" in refused.stderr) == (2, True)
        monkeypatch.setenv("ENTENTE_KEY", key)
        made = run("add", "mine", "--actor", "ARM", "--webhook", f"{receiver.url}/hook", *at)
        assert made.exit_code == 0, made.output
        ident = made.stdout.strip()
        assert "whsec_" in made.stderr
        more = [run("add", f"m{n}", "--actor", "ARM", *at).stdout.strip() for n in range(3)]
        monkeypatch.setattr(kept_watches, "PAGE_ROWS", 2)
        listed = json.loads(run("list", "--json", *at).stdout)
        assert [one["id"] for one in listed] == [ident, *more]
        assert {one["owner"] for one in listed} == {"A. Reader"}
        assert run("test", ident, *at).exit_code == 0
        for words in (("pause",), ("resume", "--after", "0"), ("deliveries", "--state", "pending"),
                      ("replay",), ("remove",)):  # fmt: skip
            done = run(words[0], ident, *words[1:], *at)
            assert done.exit_code == 0, (words, done.output)
        gone = run("remove", ident, *at)
        assert (gone.exit_code, "/v1/watches" in gone.stderr) == (2, False), gone.output
        wrong = run("add", "x", "--actor", "Nowhere", *at)
        assert (wrong.exit_code, "Nowhere" in wrong.stderr) == (2, True), wrong.output
        assert "--webhook" in run("add", "x", "--owner", "A. Reader", "--actor", "ARM", *at).stderr
        shift = run("add-shift", "x", "--actor", "ARM", "--toward", "RUS", *at)
        assert shift.exit_code == 0, shift.output
    assert run("list", *at).exit_code == 1
    assert run("list", "--url", "ftp://x").exit_code == 2
