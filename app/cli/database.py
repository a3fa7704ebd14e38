"""The commands `entente db …`, which upgrade, check, back up and restore the database."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.bundled.load_bundled import load_bundled_data
from app.cli.output import (
    CsvOption,
    JsonOption,
    choose_form,
    print_data,
    print_table,
    show_activity,
)
from app.cli.terminal import console, errors, open_configured_database, open_current_database
from app.db.backup import restore_backup, write_backup
from app.db.backup_postgresql import BackupError
from app.db.compaction import compact_database
from app.db.journal import Writer
from app.db.lineage_table import LineageError, begin_lineage, read_lineages
from app.db.migrate import upgrade_schema
from app.db.repacking import Repacking, pack_stored, unpack_stored
from app.db.schema import HEAD, read_schema_version
from app.db.table_statistics import refresh_statistics
from app.editing.mend import mend_stored_ids
from app.editing.rerender import apply_signal_rules, rerender_events

db = typer.Typer(help="Upgrade, check, back up and restore the database.", no_args_is_help=True)


@db.command("upgrade")
def db_upgrade(
    bundled: Annotated[bool, typer.Option(help="Load the bundled data too.")] = False,
) -> None:
    """Upgrade the schema to the version of this program."""
    with closing(open_configured_database()) as database:
        upgrade_schema(database)
        changed = apply_signal_rules(database)
        if bundled:
            load_bundled_data(database)
        console.print(f"The database is at schema {read_schema_version(database)}.")
        if changed is not None:
            console.print(f"Signals are derived by new rules: {changed:,} events changed.")


@db.command("rerender")
def db_rerender() -> None:
    """Render all stored events again, as derived revisions, and mend ids of older rules."""
    by = Writer("entente", "rendered again")
    with closing(open_current_database()) as database:
        for note in mend_stored_ids(database, by):
            console.print(note, highlight=False, markup=False)
        with show_activity("Rendering every event …"):
            changed = rerender_events(database, by, add_fields=True)
    console.print(f"{changed:,} events changed.")


@db.command("check")
def db_check() -> None:
    """Exit 1 unless the schema has the version of this program."""
    open_current_database().close()
    console.print("The database is at this program's schema.")


@db.command("backup")
def db_backup(
    file: Annotated[
        Path,
        typer.Argument(
            help="Backup file; an existing one is replaced once the new one is complete."
        ),
    ],
) -> None:
    """Write a backup of the whole database, also while it is in use."""
    with (
        closing(open_current_database()) as database,
        _report_backup_errors(),
        show_activity("Copying the database …"),
    ):
        version = write_backup(database, file)
    console.print(f"{file} contains the database as of version {version}.", highlight=False)


@db.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="Backup file that `db backup` wrote.")],
) -> None:
    """Replace the whole database by a backup; an SQLite file is first copied to .before-restore."""
    with (
        closing(open_configured_database()) as database,
        _report_backup_errors(),
        show_activity("Restoring the database …"),
    ):
        version = restore_backup(database, file)
        current = read_schema_version(database)
        warnings = refresh_statistics(database)
    console.print(f"The database is at version {version}.", highlight=False)
    _print_warnings(warnings)
    if current != HEAD:
        console.print(f"It is at schema {current}. Run: entente db upgrade")


@db.command("lineage")
def db_lineage(
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Begin a lineage, after a recovery to a point in time or the promotion of a"
            " standby that lagged. `db restore` does so by itself.",
        ),
    ] = False,
    at: Annotated[
        int | None,
        typer.Option(
            help="With --renew: the last version from before, where something was written since."
        ),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the lineages of the database, or begin one: what its versions mean from then on."""
    form = choose_form(as_json, as_csv)
    if at is not None and not renew:
        raise typer.BadParameter("goes with --renew", param_hint="--at")
    with closing(open_current_database()) as database:
        if renew:
            try:
                with database.write() as writing:
                    begin_lineage(writing, "renewed", at)
            except LineageError as wrong:
                errors.print(str(wrong))
                raise typer.Exit(1) from wrong
        with database.connect() as reading:
            found = read_lineages(reading)
    rows = [asdict(one) for one in found]
    if not print_data(form, rows):
        columns = ("lineage", "parent", "forked at version", "on", "why")
        print_table(columns, [[str(v) if v is not None else "" for v in r.values()] for r in rows])


@db.command("pack")
def db_pack(
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train each dictionary again, on what is stored now; the old ones stay.",
        ),
    ] = False,
) -> None:
    """Pack the documents that are stored, also while it is in use; no answer changes."""
    with closing(open_current_database()) as database:
        _follow_repacking(pack_stored(database, retrain=retrain), "packed")


@db.command("unpack")
def db_unpack() -> None:
    """Store every document as plain text again, as programs before the dictionaries need it."""
    with closing(open_current_database()) as database:
        _follow_repacking(unpack_stored(database), "unpacked")


@db.command("compact")
def db_compact() -> None:
    """Rewrite the indexes without gaps, after large loads; on SQLite the whole file."""
    before = after = 0
    with closing(open_current_database()) as database, show_activity("Rewriting …"):
        for done in compact_database(database):
            before, after = before + done.before, after + done.after
            line = f"{done.name}: {done.before:,} bytes became {done.after:,}."
            console.print(line, highlight=False, markup=False)
        warnings = refresh_statistics(database)
    console.print(f"{before:,} bytes became {after:,}.", highlight=False)
    _print_warnings(warnings)


def _print_warnings(warnings: Sequence[str]) -> None:
    """Print the first warning of a database whose statistics could not be brought up to date."""
    if warnings:
        errors.print(f"statistics are not up to date: {warnings[0]}", markup=False)


def _follow_repacking(steps: Iterator[Repacking], verb: str) -> None:
    done = Repacking()
    with show_activity("Going through the documents …"):
        for done in steps:  # noqa: B007
            pass
    for name in done.trained:
        console.print(f"A dictionary was trained for {name}.", highlight=False, markup=False)
    console.print(
        f"{done.changed:,} of {done.examined:,} documents were {verb}:"
        f" {done.bytes_before:,} bytes became {done.bytes_after:,}.",
        highlight=False,
    )
    if done.changed:
        console.print("The space is free for new rows; VACUUM (FULL) gives it back to the disk.")


@contextmanager
def _report_backup_errors() -> Iterator[None]:
    try:
        yield
    except (BackupError, OSError) as error:
        errors.print(str(error))
        raise typer.Exit(1) from error
