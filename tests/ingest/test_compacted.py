"""A large load rewrites the indexes on PostgreSQL, once its events are stored."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from app import cli
from app.db.compaction import CompactedIndex
from app.db.engine import Database
from app.ingest.loading import compact_after_load
from ingest.rows import join_events, make_event

COMPACTED = "indexes compacted: 300 bytes became 200"


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(compact_after_load, "LEAST_EVENTS", 2)
    monkeypatch.setattr(compact_after_load, "LEAST_EVENTS_FOR_STATISTICS", 2)
    monkeypatch.setattr(
        compact_after_load, "compact_database", lambda _: [CompactedIndex("pk_events", 300, 200)]
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
    def refuse_to_compact(_: Database) -> list[CompactedIndex]:
        raise OperationalError("REINDEX", {}, Exception("must be owner of index\nmore"))

    monkeypatch.setattr(compact_after_load, "compact_database", refuse_to_compact)
    result = load_keys(tmp_path, "ab", "--compact")
    assert "2 new" in result.stdout
    assert "loaded, but the indexes were not compacted: must be owner of index\n" in result.stderr


def read_known_tables(database: Database) -> set[str]:
    """Return the tables that PostgreSQL was made to vacuum and has statistics of."""
    with database.connect() as db:
        vacuumed = "SELECT relname FROM pg_stat_user_tables WHERE vacuum_count > 0"
        analyzed = "SELECT tablename FROM pg_stats WHERE schemaname = current_schema()"
        return set(db.scalars(text(vacuumed))) & set(db.scalars(text(analyzed)))


@pytest.mark.on_both
def test_a_large_load_brings_statistics_up_to_date(
    kind: str, tmp_path: Path, database: Database
) -> None:
    result = load_keys(tmp_path, "ab", "--no-compact")
    assert "statistics" not in result.stderr
    if kind == "postgresql":
        wanted = {"participations", "month_counts", "events", "revisions", "event_words"}
        assert wanted <= read_known_tables(database)


def refuse_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the database refuse to bring its statistics up to date."""

    def refuse_to_refresh(_: Database) -> list[str]:
        raise OperationalError("VACUUM", {}, Exception("not now\nmore"))

    monkeypatch.setattr(compact_after_load, "refresh_statistics", refuse_to_refresh)


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
        compact_after_load, "refresh_statistics", lambda _: ["only the owner can vacuum it"]
    )
    monkeypatch.setattr(compact_after_load, "is_sqlite", lambda _: False)
    result = load_keys(tmp_path, "ab", "--no-compact")
    assert "statistics are not up to date: only the owner can vacuum it" in result.stderr
