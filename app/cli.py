"""The command line `entente`: each command parses its options, calls the application, prints."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from itertools import chain
from pathlib import Path
from socket import socket
from typing import Annotated, Any

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.access.keys import (
    SCOPES,
    NoSuchKeyError,
    Scope,
    create_key,
    list_keys,
    revoke_key,
)
from app.bundled.load_bundled import load_bundled_data
from app.cli_shifts import add_shift_commands
from app.db.backup import restore_backup, write_backup
from app.db.backup_postgresql import BackupError
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.db.schema import HEAD, StaleSchemaError, read_schema_version, require_current_schema
from app.errors import InvalidParameterError
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.read import read_event_page
from app.events.verify import find_event_faults
from app.feeds.command import build_export_command
from app.http.server import BoundedHttpConnection as HttpConnection
from app.ingest.command import load_from_terminal as load_files
from app.main import create_app
from app.settings import Settings
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.materialized.verify import verify_stored_shifts as shift_findings
from app.version import read_program_version

main = typer.Typer(
    help="A sourced record of what states and alliances do.", no_args_is_help=True,
    pretty_exceptions_enable=False,
)  # fmt: skip
db = typer.Typer(help="Upgrade, check, back up and restore the database.", no_args_is_help=True)
keys = typer.Typer(
    help="Keys for writing, and for reading where reading is not open.", no_args_is_help=True
)
main.add_typer(db, name="db")
main.add_typer(keys, name="keys")
add_shift_commands(main)
main.command("load")(load_files)
console = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def print_version(wanted: bool) -> None:
    """Print the version and exit, where the option asks for it."""
    if wanted:
        print(f"entente {read_program_version()}")
        raise typer.Exit


@main.callback()
def describe_program(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A sourced record of what states and alliances do."""


def open_configured_database() -> Database:
    """Open the database that the settings name."""
    return Database(Settings().database_url)


@main.command("serve")
def run_service(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    first_start: Annotated[
        bool, typer.Option("--first-start", help="Migrate and load the bundled data first.")
    ] = False,
) -> None:
    """Run the HTTP service."""
    if first_start:
        prepare_first_start()
    with closing(open_configured_database()) as database:
        _require_schema(database)
    console.print(f"Entente answers on http://{host}:{port}/docs", highlight=False)
    app = create_app(Settings())
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", ws="none", http=HttpConnection,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    GracefulServer(config, app).run()


class GracefulServer(uvicorn.Server):
    """A server that ends change streams at shutdown, before it waits for other requests to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End the change streams, then shut down."""
        self._app.state.change_notifier.dismiss_followers()
        await super().shutdown(sockets)


def prepare_first_start() -> None:
    """Migrate the database, load the bundled data if it is missing, and compute shifts."""
    with closing(open_configured_database()) as database:
        if read_schema_version(database) != HEAD:
            upgrade_schema(database)
        load_bundled_data(database)
        rebuild_stale_dyads(database)


@db.command("upgrade")
def db_upgrade(
    bundled: Annotated[bool, typer.Option(help="Load the bundled data too.")] = False,
) -> None:
    """Upgrade the schema to the version of this program."""
    with closing(open_configured_database()) as database:
        upgrade_schema(database)
        if bundled:
            load_bundled_data(database)
        console.print(f"The database is at schema {read_schema_version(database)}.")


@db.command("check")
def db_check() -> None:
    """Exit 1 unless the schema has the version of this program."""
    with closing(open_configured_database()) as database:
        _require_schema(database)
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
    with closing(open_configured_database()) as database, _report_backup_errors():
        _require_schema(database)
        version = write_backup(database, file)
    console.print(f"{file} contains the database as of version {version}.", highlight=False)


@db.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="Backup file that `db backup` wrote.")],
) -> None:
    """Replace the whole database by a backup; an SQLite file is first copied to .before-restore."""
    with closing(open_configured_database()) as database, _report_backup_errors():
        version = restore_backup(database, file)
        current = read_schema_version(database)
    console.print(f"The database is at version {version}.", highlight=False)
    if current != HEAD:
        console.print(f"It is at schema {current}. Run: entente db upgrade")


@contextmanager
def _report_backup_errors() -> Iterator[None]:
    try:
        yield
    except (BackupError, OSError) as error:
        errors.print(str(error))
        raise typer.Exit(1) from error


@main.command("verify")
def verify_database() -> None:
    """Recompute every index and sum from the documents; exit 1 if anything differs."""
    found = 0
    with closing(open_configured_database()) as database:
        _require_schema(database)
        with database.connect() as reading:
            for finding in chain(find_event_faults(reading), shift_findings(reading)):
                found += 1
                print(finding)
    if found:
        errors.print(f"{found} difference{'s' if found > 1 else ''}.")
        raise typer.Exit(1)
    errors.print("Every index and sum matches the documents.")


def _require_schema(database: Database) -> None:
    try:
        require_current_schema(database)
    except StaleSchemaError as stale:
        errors.print(str(stale))
        raise typer.Exit(1) from stale


@keys.command("create")
def keys_create(
    name: Annotated[
        str | None, typer.Argument(help="Name of the key, recorded with each write.")
    ] = None,
    name_: Annotated[str | None, typer.Option("--name", help="The name, as an option.")] = None,
    scope: Annotated[
        list[str], typer.Option("--scope", "--scopes", help="read, write or admin.")
    ] = ["write"],  # noqa: B006
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="Days until the key expires.")
    ] = None,
) -> None:
    """Create a key and print it to standard output; it is never shown again."""
    scopes = {word.strip() for value in scope for word in value.split(",")}
    key_name = name or name_ or "editor"
    if not scopes <= set(SCOPES) or not 1 <= len(key_name) <= 200 or not key_name.isprintable():
        errors.print(
            f"--scope takes {', '.join(SCOPES)}; a name has 1 to 200 printable characters."
        )
        raise typer.Exit(2)
    widest: Scope = max((s for s in SCOPES if s in scopes), key=SCOPES.index)
    with closing(open_configured_database()) as database:
        _require_schema(database)
        with database.write() as writing:
            key = create_key(writing, key_name, widest, days)
    errors.print(f"Key {key_name!r} with scope {widest}. It is shown only once; store it safely.")
    print(key)


@keys.command("list")
def keys_list(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List every key, without its secret."""
    with closing(open_configured_database()) as database:
        _require_schema(database)
        with database.connect() as reading:
            rows = list_keys(reading)
    if as_json:
        print(json.dumps(rows))
        return
    columns = ("id", "name", "scope", "created", "expires", "used", "revoked")
    table = Table(*columns, box=None)
    for key in rows:
        table.add_row(*(Text(str(key[column] or "–")) for column in columns))
    console.print(table)


@keys.command("revoke")
def keys_revoke(key: Annotated[str, typer.Argument(help="Id or name of the key.")]) -> None:
    """Revoke a key at once, or all keys with a name."""
    with closing(open_configured_database()) as database:
        _require_schema(database)
        try:
            with database.write() as writing:
                ended = revoke_key(writing, key)
        except NoSuchKeyError as unknown:
            errors.print(str(unknown))
            raise typer.Exit(2) from unknown
    console.print(f"Revoked: {', '.join(ended)}.")


@main.command("timeline")
def print_timeline(
    actor: Annotated[list[str], typer.Option(help="Events that involve any of these actors.")] = [],  # noqa: B006
    with_: Annotated[
        list[str], typer.Option("--with", help="Events that also involve all of these actors.")
    ] = [],  # noqa: B006
    since: Annotated[str | None, typer.Option(help="First day, EDTF.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, EDTF.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
) -> None:
    """List events, oldest first, with the publishers that report them."""
    options: dict[str, Any] = {"actor": actor, "since": since, "until": until, "limit": limit}
    try:
        asked = EventQuery.model_validate({**options, "between": with_, "sort": "date"})
        with closing(open_configured_database()) as database:
            _require_schema(database)
            with database.connect() as reading:
                resolved = resolve_filter(reading, asked, None)
                documents, more = read_event_page(reading, asked, resolved, b"terminal")
    except (InvalidParameterError, ValidationError) as error:
        errors.print(_describe_input_error(error))
        raise typer.Exit(2) from error
    table = Table("date", "type", "what", "sources", box=None)
    for event in map(json.loads, documents):
        publishers = ", ".join(dict.fromkeys(r["publisher"] for r in event["reports"]))
        cells = (event["date"], event["type"] or "–", event["title"], publishers)
        table.add_row(*map(Text, cells))
    console.print(table)
    if more:
        errors.print(f"More events match than {limit}; raise --limit.")


def _report_input_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that input errors are printed with their field, and exit 2."""

    @wraps(command)
    def run_and_report(**options: Any) -> None:
        try:
            command(**options)
        except (InvalidParameterError, ValidationError) as error:
            errors.print(_describe_input_error(error), markup=False)
            raise typer.Exit(2) from error

    return run_and_report


def _open_current_database() -> Database:
    database = open_configured_database()
    _require_schema(database)
    return database


main.command("export")(build_export_command(_open_current_database, _report_input_errors))


def _describe_input_error(error: Exception) -> str:
    if isinstance(error, InvalidParameterError):
        return f"{error.fault.loc[-1]}: {error.fault.message}. {error.fault.hint or ''}"
    assert isinstance(error, ValidationError)
    return "\n".join(
        f"{e.get('ctx', {}).get('field') or '.'.join(map(str, e['loc']))}:"
        f" {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors()
    )


if __name__ == "__main__":
    main()
