"""What `entente serve --first-start` does first; apart, since no later start needs it."""

from contextlib import closing

from app.bundled.load_bundled import load_bundled_data
from app.cli.terminal import open_configured_database
from app.db.migrate import upgrade_schema
from app.db.schema import HEAD, read_schema_version
from app.editing.rerender import apply_signal_rules
from app.shifts.materialized.rebuild import rebuild_stale_dyads


def prepare_first_start() -> None:
    """Migrate the database, load the bundled data if it is missing, and compute shifts."""
    with closing(open_configured_database()) as database:
        if read_schema_version(database) != HEAD:
            upgrade_schema(database)
        apply_signal_rules(database)
        load_bundled_data(database)
        rebuild_stale_dyads(database)
