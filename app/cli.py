"""The command line: parse, call, print."""

import json
from contextlib import closing
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from app.db.engine import Database
from app.db.migrate import StaleSchemaError, require_current, upgrade, versions
from app.events.filter import EventQuery
from app.events.read import read_page
from app.http.problems import InvalidError
from app.ingest.bundled import load
from app.main import create_app
from app.settings import Settings

main = typer.Typer(help="A sourced record of what states and alliances do.", no_args_is_help=True)
db = typer.Typer(help="The database itself.", no_args_is_help=True)
main.add_typer(db, name="db")
console = Console()
errors = Console(stderr=True)


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
    uvicorn.run(
        create_app(Settings()), host=host, port=port, log_level="warning", ws="none",
        timeout_graceful_shutdown=10,
    )  # fmt: skip


def prepare() -> None:
    """Migrate, and bring the bundled data in where it is not there yet."""
    with closing(opened()) as database:
        current, head = versions(database)
        if current != head:
            upgrade(database)
        load(database)


@db.command("upgrade")
def db_upgrade(
    bundled: Annotated[bool, typer.Option(help="Load the bundled data too.")] = False,
) -> None:
    """Bring the schema up to this program's version."""
    with closing(opened()) as database:
        upgrade(database)
        if bundled:
            load(database)
        console.print(f"The database is at schema {versions(database)[0]}.")


@db.command("check")
def db_check() -> None:
    """Exit 1 unless the schema is this program's version."""
    with closing(opened()) as database:
        _current(database)
    console.print("The database is at this program's schema.")


def _current(database: Database) -> None:
    try:
        require_current(database)
    except StaleSchemaError as stale:
        errors.print(str(stale))
        raise typer.Exit(1) from stale


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
        table.add_row(event["date"], event["type"] or "–", event["title"], said)
    console.print(table)
    if more:
        errors.print(f"There are more than {limit}; raise --limit.")


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
