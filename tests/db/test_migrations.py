"""Migrations on populated data, on both databases."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import downgrade_schema, make_alembic_config, upgrade_schema
from app.db.schema import HEAD, StaleSchemaError, read_schema_version, require_current_schema
from app.db.tables import events, metadata, revisions

BEFORE = "20261124_families"


def find_differences(database: Database) -> list[Any]:
    """Compare everything but the search table, whose shape is the dialect's own."""
    dialect = database.engine.dialect.name

    def is_compared(thing: Any, name: str | None, what: str, _reflected: bool, _other: Any) -> bool:
        table = name if what == "table" else thing.table.name
        rule = getattr(thing, "_ddl_if", None)  # an index that one database alone has
        here = rule is None or rule.dialect == dialect
        return here and not str(table).startswith("event_words")

    options = {"include_object": is_compared, "compare_type": True}
    with database.connect() as db:
        return list(compare_metadata(MigrationContext.configure(db, opts=options), metadata))


def list_tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrated_equals_the_tables(database: Database) -> None:
    assert find_differences(database) == []


def test_a_missing_index_would_be_noticed(database: Database) -> None:
    with database.write() as db:
        db.exec_driver_sql("DROP INDEX ix_events_running")
    assert [found[0] for found in find_differences(database)] == ["add_index"]


def test_there_is_one_last_migration(database: Database) -> None:
    assert ScriptDirectory.from_config(make_alembic_config(database)).get_heads() == [HEAD]


@pytest.mark.slow
@pytest.mark.bundled
def test_down_and_up_again_on_populated_data(database: Database) -> None:
    count = select(func.count()).select_from(events)
    with database.connect() as db:
        before = db.scalar(count)
    assert before

    downgrade_schema(database, "base")
    assert list_tables(database) == set()

    upgrade_schema(database)
    assert find_differences(database) == []
    load_bundled_data(database)
    with database.connect() as db:
        assert db.scalar(count) == before


@pytest.mark.bundled
def test_upgrading_what_is_current_changes_nothing(database: Database) -> None:
    last = select(func.max(revisions.c.seq))
    with database.connect() as db:
        before = db.scalar(last)
    upgrade_schema(database)
    load_bundled_data(database)
    with database.connect() as db:
        assert db.scalar(last) == before


def test_a_database_that_was_never_migrated_has_no_schema(database: Database) -> None:
    with database.write() as db:
        db.exec_driver_sql("DROP TABLE alembic_version")
    assert read_schema_version(database) is None


def test_a_current_schema_is_served(database: Database) -> None:
    require_current_schema(database)


def test_a_stale_schema_is_refused_with_the_command_that_mends_it(database: Database) -> None:
    downgrade_schema(database, BEFORE)
    assert read_schema_version(database) == BEFORE
    downgrade_schema(database, "base")
    assert read_schema_version(database) is None
    with pytest.raises(StaleSchemaError) as refused:
        require_current_schema(database)
    assert str(refused.value) == (
        f"The database is at schema none, this program needs {HEAD}. Run: entente db upgrade"
    )
