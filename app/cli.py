"""The command line: parse, call, print."""

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
from app.cli_shifts import mount
from app.db.backup import backup, restore
from app.db.engine import Database
from app.db.migrate import upgrade
from app.db.packed import BackupError
from app.db.schema import HEAD, StaleSchemaError, require_current, schema_of
from app.events.filter import EventQuery
from app.events.read import read_page
from app.events.verify import findings
from app.feeds.command import export_command
from app.http.problems import InvalidError
from app.http.server import Connection as HttpConnection
from app.ingest.bundled import load
from app.ingest.command import load as load_files
from app.main import create_app
from app.settings import Settings
from app.shifts.refresh import refresh
from app.shifts.verify import findings as shift_findings

main = typer.Typer(
    help="A sourced record of what states and alliances do.", no_args_is_help=True,
    pretty_exceptions_enable=False,
)  # fmt: skip
db = typer.Typer(help="The database itself.", no_args_is_help=True)
keys = typer.Typer(
    help="Keys for writing, and for reading where it is closed.", no_args_is_help=True
)
main.add_typer(db, name="db")
main.add_typer(keys, name="keys")
mount(main)
main.command("load")(load_files)
console = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def opened() -> Database:
    """The database that the settings name."""
    return Database(Settings().database_url)


@main.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    first_start: Annotated[
        bool, typer.Option("--first-start", help="Migrate and load the bundled data before.")
    ] = False,
) -> None:
    """Serve the API."""
    if first_start:
        prepare()
    with closing(opened()) as database:
        _current(database)
    console.print(f"Entente answers on http://{host}:{port}/docs", highlight=False)
    app = create_app(Settings())
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", ws="none", http=HttpConnection,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    Server(config, app).run()


class Server(uvicorn.Server):
    """Sends those who follow the changes home, before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop."""
        self._app.state.pulse.dismiss()
        await super().shutdown(sockets)


def prepare() -> None:
    """Migrate, and bring the bundled data in where it is not there yet."""
    with closing(opened()) as database:
        if schema_of(database) != HEAD:
            upgrade(database)
        load(database)
        refresh(database)


@db.command("upgrade")
def db_upgrade(
    bundled: Annotated[bool, typer.Option(help="Load the bundled data too.")] = False,
) -> None:
    """Bring the schema up to this program's version."""
    with closing(opened()) as database:
        upgrade(database)
        if bundled:
            load(database)
        console.print(f"The database is at schema {schema_of(database)}.")


@db.command("check")
def db_check() -> None:
    """Exit 1 unless the schema is this program's version."""
    with closing(opened()) as database:
        _current(database)
    console.print("The database is at this program's schema.")


@db.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="Where to; replaces what is there, once whole.")],
) -> None:
    """Write a copy of the whole database, also while others write."""
    with closing(opened()) as database, _told_of_backups():
        _current(database)
        version = backup(database, file)
    console.print(f"{file} holds the database as of version {version}.", highlight=False)


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(help="What `db backup` wrote.")]) -> None:
    """Put a backup in place of all that stands; an SQLite file is kept as it was beside it."""
    with closing(opened()) as database, _told_of_backups():
        version = restore(database, file)
        current = schema_of(database)
    console.print(f"The database stands as of version {version}.", highlight=False)
    if current != HEAD:
        console.print(f"It is at schema {current}. Run: entente db upgrade")


@contextmanager
def _told_of_backups() -> Iterator[None]:
    try:
        yield
    except (BackupError, OSError) as wrong:
        errors.print(str(wrong))
        raise typer.Exit(1) from wrong


@main.command()
def verify() -> None:
    """Compute every index and sum again from the documents; exit 1 where anything differs."""
    found = 0
    with closing(opened()) as database:
        _current(database)
        with database.connect() as reading:
            for finding in chain(findings(reading), shift_findings(reading)):
                found += 1
                print(finding)
    if found:
        errors.print(f"{found} differences.")
        raise typer.Exit(1)
    errors.print("Everything is as the documents say.")


def _current(database: Database) -> None:
    try:
        require_current(database)
    except StaleSchemaError as stale:
        errors.print(str(stale))
        raise typer.Exit(1) from stale


@keys.command("create")
def keys_create(
    name: Annotated[
        str | None, typer.Argument(help="Who holds it; stands beside each write.")
    ] = None,
    name_: Annotated[str | None, typer.Option("--name", help="The same, as an option.")] = None,
    scope: Annotated[
        list[str], typer.Option("--scope", "--scopes", help="read, write or admin.")
    ] = ["write"],  # noqa: B006
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days until it ends.")] = None,
) -> None:
    """Make a key and show it, this once: on standard output, alone."""
    wanted = {word.strip() for given in scope for word in given.split(",")}
    holder = name or name_ or "editor"
    if not wanted <= set(SCOPES) or not 1 <= len(holder) <= 200 or not holder.isprintable():
        errors.print(f"--scope takes {', '.join(SCOPES)}; a name has 1 to 200 characters to see.")
        raise typer.Exit(2)
    widest: Scope = max((s for s in SCOPES if s in wanted), key=SCOPES.index)
    with closing(opened()) as database:
        _current(database)
        with database.write() as writing:
            key = create_key(writing, holder, widest, days)
    errors.print(f"A key of {holder} to {widest}. It is shown this once; keep it safe.")
    print(key)


@keys.command("list")
def keys_list(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Every key, without its secret."""
    with closing(opened()) as database:
        _current(database)
        with database.connect() as reading:
            held = list_keys(reading)
    if as_json:
        print(json.dumps(held))
        return
    columns = ("id", "name", "scope", "created", "expires", "used", "revoked")
    table = Table(*columns, box=None)
    for key in held:
        table.add_row(*(Text(str(key[column] or "–")) for column in columns))
    console.print(table)


@keys.command("revoke")
def keys_revoke(key: Annotated[str, typer.Argument(help="Id or name of the key.")]) -> None:
    """End a key at once, or all keys of a name."""
    with closing(opened()) as database:
        _current(database)
        try:
            with database.write() as writing:
                ended = revoke_key(writing, key)
        except NoSuchKeyError as unknown:
            errors.print(str(unknown))
            raise typer.Exit(2) from unknown
    console.print(f"Revoked: {', '.join(ended)}.")


@main.command()
def timeline(
    actor: Annotated[list[str], typer.Option(help="Involves any of these.")] = [],  # noqa: B006
    with_: Annotated[list[str], typer.Option("--with", help="And all of these.")] = [],  # noqa: B006
    since: Annotated[str | None, typer.Option(help="First day, EDTF.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, EDTF.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
) -> None:
    """What happened, oldest first, with who says so."""
    given: dict[str, Any] = {"actor": actor, "since": since, "until": until, "limit": limit}
    try:
        asked = EventQuery.model_validate({**given, "between": with_, "sort": "date"})
        with closing(opened()) as database:
            _current(database)
            with database.connect() as reading:
                documents, more = read_page(reading, asked, b"terminal")
    except (InvalidError, ValidationError) as wrong:
        errors.print(_told(wrong))
        raise typer.Exit(2) from wrong
    table = Table("date", "type", "what", "sources", box=None)
    for event in map(json.loads, documents):
        said = ", ".join(dict.fromkeys(r["publisher"] for r in event["reports"]))
        told = (event["date"], event["type"] or "–", event["title"], said)
        table.add_row(*map(Text, told))
    console.print(table)
    if more:
        errors.print(f"There are more than {limit}; raise --limit.")


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, whose faults of input exit 2 and name the field."""

    @wraps(command)
    def told(**given: Any) -> None:
        try:
            command(**given)
        except (InvalidError, ValidationError) as wrong:
            errors.print(_told(wrong), markup=False)
            raise typer.Exit(2) from wrong

    return told


def _ready() -> Database:
    database = opened()
    _current(database)
    return database


main.command("export")(export_command(_ready, _guarded))


def _told(wrong: Exception) -> str:
    if isinstance(wrong, InvalidError):
        return f"{wrong.fault.loc[-1]}: {wrong.fault.message}. {wrong.fault.hint or ''}"
    assert isinstance(wrong, ValidationError)
    return "\n".join(
        f"{e.get('ctx', {}).get('field') or '.'.join(map(str, e['loc']))}:"
        f" {e['msg'].removeprefix('Value error, ')}"
        for e in wrong.errors()
    )


if __name__ == "__main__":
    main()
