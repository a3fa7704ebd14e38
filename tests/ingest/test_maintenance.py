"""After a large load PostgreSQL knows what is new, and its indexes have no gaps."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from app import cli
from app.db.compaction import CompactedIndex
from app.db.engine import Database
from app.ingest.loading import maintenance
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load
from ingest.loading import EVENT_TABLES, list_refreshed_tables
from ingest.rows import join_events, make_event

COMPACTED = "indexes compacted: 300 bytes became 200"


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(maintenance, "LEAST_EVENTS", 2)
    monkeypatch.setattr(maintenance, "LEAST_EVENTS_FOR_STATISTICS", 2)
    monkeypatch.setattr(
        maintenance, "compact_database", lambda _, **_terms: [CompactedIndex("pk_events", 300, 200)]
    )


def load_keys(folder: Path, keys: str, *more: str) -> Result:
    path = folder / f"{keys}.ndjson"
    path.write_text(join_events(*(make_event(key) for key in keys)))
    result = CliRunner().invoke(cli.main, ["load", str(path), *more])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.on_both
def test_only_a_load_that_doubled_postgresql_compacts(kind: str, tmp_path: Path) -> None:
    loads = [load_keys(tmp_path, keys).stderr for keys in ("a", "bcd", "ef", "efghijk")]
    found = [COMPACTED in one for one in loads]
    # One event is too few, three of four are enough, two of six are too small a share, and of
    # the last seven two are stored already: five of eleven are less than half.
    assert found == [False, kind == "postgresql", False, False]


def test_compaction_can_be_asked_for_and_refused(tmp_path: Path) -> None:
    assert COMPACTED not in load_keys(tmp_path, "abc", "--no-compact").stderr
    assert COMPACTED not in load_keys(tmp_path, "de", "--compact", "--dry-run").stderr
    assert COMPACTED in load_keys(tmp_path, "d", "--compact").stderr


def test_a_load_whose_indexes_were_not_compacted_is_a_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_compact(_: Database, **_terms: int) -> list[CompactedIndex]:
        raise OperationalError("REINDEX", {}, Exception("must be owner of index\nmore"))

    monkeypatch.setattr(maintenance, "compact_database", refuse_to_compact)
    result = load_keys(tmp_path, "ab", "--compact")
    assert "2 new" in result.stdout
    assert "loaded, but the indexes were not compacted: must be owner of index\n" in result.stderr


@pytest.mark.on_both
def test_a_large_load_brings_statistics_up_to_date(
    kind: str, tmp_path: Path, database: Database
) -> None:
    result = load_keys(tmp_path, "ab", "--no-compact")
    said = "statistics are up to date with 2 new rows"
    assert (said in result.stderr) == (kind == "postgresql")
    if kind == "postgresql":
        assert EVENT_TABLES | {"event_words"} <= list_refreshed_tables(database)


def refuse_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the database refuse to bring its statistics up to date."""

    def refuse_to_refresh(*_: object) -> list[str]:
        raise OperationalError("VACUUM", {}, Exception("not now\nmore"))

    monkeypatch.setattr(maintenance, "refresh_statistics", refuse_to_refresh)


def test_a_small_load_and_a_small_share_leave_statistics_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_statistics(monkeypatch)
    assert "statistics" not in load_keys(tmp_path, "a").stderr
    assert "statistics" not in load_keys(tmp_path, "ab", "--dry-run").stderr


@pytest.mark.on_both
def test_that_statistics_are_refused_is_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_statistics(monkeypatch)
    result = load_keys(tmp_path, "abcdefgh", "--no-compact")
    said = "loaded, but statistics are not up to date: not now\n"
    assert (said in result.stderr) == (kind == "postgresql")
    assert "8 new" in result.stdout


def test_the_servers_warnings_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        maintenance, "refresh_statistics", lambda *_: ["only the owner can vacuum it"]
    )
    monkeypatch.setattr(maintenance, "is_sqlite", lambda _: False)
    result = load_keys(tmp_path, "ab", "--no-compact")
    assert "statistics are not up to date: only the owner can vacuum it" in result.stderr


@pytest.mark.on_both
def test_why_nothing_was_done_is_returned(kind: str, tmp_path: Path, database: Database) -> None:
    load_keys(tmp_path, "abcdefghijklmnopqrstuvwxyz")
    assert maintain_after_load(database, 1) == "fewer than 2 rows are new"
    small = "less than 10% of all events are new"
    found = {"sqlite": (maintenance.ON_SQLITE, maintenance.ON_SQLITE), "postgresql": (small, None)}
    assert (maintain_after_load(database, 2), maintain_after_load(database, 3)) == found[kind]
    ending = MaintenanceTerms(is_ended=lambda: True)
    assert maintain_after_load(database, 3, ending) == maintenance.IS_ENDING


@pytest.mark.on_both
def test_a_refusal_is_returned_and_said_in_the_log(
    kind: str, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_statistics(monkeypatch)
    never = MaintenanceTerms(compact=False)
    if kind == "sqlite":
        assert maintain_after_load(database, 3, never) == maintenance.ON_SQLITE
        assert caplog.messages == []
    else:
        assert maintain_after_load(database, 3, never) == "not now"
        assert caplog.messages == ["loaded, but statistics are not up to date: not now"]


def test_a_process_that_ends_leaves_the_rest_of_the_indexes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [CompactedIndex("pk_events", 300, 200), CompactedIndex("pk_revisions", 30, 20)]
    monkeypatch.setattr(maintenance, "compact_database", lambda _, **_terms: two)
    said: list[str] = []
    answers = iter([False, True])
    terms = MaintenanceTerms(True, is_ended=lambda: next(answers), say=lambda _, t: said.append(t))
    assert maintain_after_load(database, 0, terms) is None
    assert said == [COMPACTED]
