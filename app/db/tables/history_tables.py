"""Tables of superseded rows, one for each table whose rows have a version."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from app.db.tables.actor_tables import actor_names, actors, memberships
from app.db.tables.event_tables import (
    RUNNING_CARRIES,
    events,
    participations,
    reports,
    signals,
    tags,
)
from app.db.tables.naming import metadata
from app.db.tables.source_tables import datasets, sources
from app.db.types import SEQUENCE


def _define_history_table(table: Table, *indexes: tuple[str, ...]) -> Table:
    """Define the history table of a table: superseded rows, each with the `seq` that ended it."""
    key = [column.name for column in table.primary_key]
    key += [] if "seq" in key else ["seq"]
    carried = table.primary_key.dialect_options["postgresql"]["include"] or ()
    rest = [name for name in carried if name not in key] + ["gone"]
    clustered = table.dialect_options["sqlite"]["with_rowid"] is False
    return Table(
        f"past_{table.name}",
        metadata,
        *(Column(c.name, c.type, nullable=c.nullable) for c in table.columns),
        Column("gone", SEQUENCE, nullable=False),
        PrimaryKeyConstraint(*key, postgresql_include=rest if carried else None),
        *(Index(None, *names) for names in indexes),
        sqlite_with_rowid=not clustered,
    )


HISTORY_TABLES: dict[Table, Table] = {
    actors: _define_history_table(actors),
    actor_names: _define_history_table(actor_names, ("actor",)),
    memberships: _define_history_table(memberships, ("actor", "group"), ("group", "role")),
    sources: _define_history_table(sources),
    datasets: _define_history_table(datasets),
    events: _define_history_table(events, ("seq",), ("start", "id"), ("recorded_at", "id")),
    participations: _define_history_table(participations, ("event", "seq")),
    tags: _define_history_table(tags, ("event", "seq")),
    reports: _define_history_table(reports, ("source", "event")),
    signals: _define_history_table(signals, ("event", "seq")),
}
for _table, _first, _carried in (
    (events, (), ()),
    (participations, ("actor",), (*RUNNING_CARRIES, "gone")),
):
    _columns = [HISTORY_TABLES[_table].c[name] for name in (*_first, "end")]
    _where = HISTORY_TABLES[_table].c.end != HISTORY_TABLES[_table].c.start
    Index(
        f"ix_past_{_table.name}_running",
        *_columns,
        sqlite_where=_where,
        postgresql_where=_where,
        postgresql_include=_carried,
    )
