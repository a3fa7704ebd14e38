"""`entente pull`, `entente follow` and `entente pulls`, as a person and as cron call them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from pull.pulling import drop_waits, list_events, list_states, publish_slot
from pull.stand_in import Sources, list_slots, run_sources
from serving import open_client
from typer.testing import CliRunner, Result

from app import cli
from app.db.engine import Database
from app.pull.turn import take_turn

pytestmark = pytest.mark.slow

DAY = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def sources(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    """The stand-in with three slots, which the settings lead to."""
    drop_waits()
    with run_sources(DAY + timedelta(minutes=35)) as found:
        for at in list_slots(DAY, 3):
            publish_slot(found, at)
        url = database.engine.url.render_as_string(hide_password=False)
        for name, value in {
            "DATABASE_URL": url, "GDELT_URL": found.url, "ALLOW_PRIVATE_ADDRESSES": "true",
            "PULL_PAUSE": "0", "CONTACT": "desk@example.org",
        }.items():  # fmt: skip
            monkeypatch.setenv(f"ENTENTE_{name}", value)
        yield found
    stamina.set_testing(False)


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


@pytest.mark.by_turns
def test_a_dry_run_asks_for_lists_alone_and_stores_nothing(
    database: Database, sources: Sources
) -> None:
    result = run_command("pull", "gdelt", "--since", "2026-01-02", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert (plan["files"], plan["files_of_unknown_size"]) == (6, 0)
    assert plan["bytes"] == sum(size for size, _ in sources.listed.values())
    assert "citation" in plan["terms"] or "cite" in plan["terms"]
    assert sources.count_requests("zip") == 0
    assert list_states(database) == {}
    assert "files: 6" in run_command("pull", "gdelt", "--since", "2026-01-02", "--dry-run").stdout


@pytest.mark.usefixtures("sources")
def test_a_pull_needs_its_terms_once_and_reports(database: Database) -> None:
    refused = run_command("pull", "gdelt", "--since", "2026-01-02")
    assert refused.exit_code == 2
    assert "--accept-terms" in refused.stderr
    words = ("pull", "gdelt", "--since", "2026-01-02")
    first = run_command(*words, "--accept-terms", "--max-files", "4", "--json")
    assert first.exit_code == 0, first.output
    report = json.loads(first.stdout)
    assert (report["outcomes"], report["left"]) == ({"loaded": 4}, 2)
    again = run_command(*words)
    assert again.exit_code == 0, again.output
    assert "2 loaded" in again.stdout
    assert len(list_events(database)) == 6


def test_following_once_starts_at_the_newest_and_tells_its_gaps(
    database: Database, sources: Sources
) -> None:
    assert run_command("follow", "gdelt", "--once", "--accept-terms").exit_code == 0
    assert len(list_events(database)) == 2
    publish_slot(sources, DAY + timedelta(minutes=45))
    sources.objects.pop("/gdeltv2/20260102004500.export.CSV.zip")
    sources.now += timedelta(minutes=15)
    assert run_command("follow", "gdelt", "--once").exit_code == 0
    gaps = json.loads(run_command("pulls", "--gaps", "--json").stdout)
    assert [(g["item"], g["state"]) for g in gaps] == [("20260102004500.export.CSV.zip", "late")]
    table = run_command("pulls", "--csv").stdout
    counts = {(r["stream"], r["state"]): r["items"] for r in csv.DictReader(io.StringIO(table))}
    assert counts == {
        ("export", "late"): "1", ("export", "loaded"): "1", ("mentions", "loaded"): "2",
    }  # fmt: skip
    with open_client(database.engine.url.render_as_string(hide_password=False)) as api:
        metrics = api.get("/metrics").text
    assert 'entente_pull_items{source="gdelt",state="late"} 1.0' in metrics
    assert 'entente_pull_newest_item_timestamp_seconds{source="gdelt"}' in metrics


def test_a_second_process_says_so_and_ends(database: Database, sources: Sources) -> None:
    with ExitStack() as resources:
        assert resources.enter_context(take_turn(database, "gdelt"))
        for words in (("pull", "gdelt", "--since", "2026-01-02"), ("follow", "gdelt", "--once")):
            result = run_command(*words, "--accept-terms")
            assert (result.exit_code, list_states(database)) == (0, {})
            assert "Another process" in result.stderr
    assert sources.requests == []


@pytest.mark.by_turns
def test_what_is_wrong_is_named(database: Database, sources: Sources) -> None:
    for words, said in (
        (("pull", "gdelta"), "gdelt, gdelt1, ucdp"),
        (("pull", "gdelt", "--since", "soon"), "--since"),
        (("pull", "gdelt", "--since", "2026-02", "--until", "2026-01"), "--until"),
        (("pull", "gdelt", "--streams", "gkg"), "mentions"),
        (("pull", "ucdp", "--release", "26"), "26.0.8"),
        (("pull", "acled", "--since", "2026"), "ENTENTE_ACLED_USER"),
    ):
        result = run_command(*words)
        assert result.exit_code == 2, result.output
        assert said in result.stderr
    sources.break_next("lastupdate", "500", 99)
    result = run_command("pull", "gdelt", "--since", "2026-01-02", "--accept-terms")
    assert result.exit_code == 1
    assert "answered 500" in result.stderr
    assert list_states(database) == {}
