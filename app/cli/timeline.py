"""The command `entente timeline`, which lists events on the terminal."""

import json
from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.terminal import console, errors, open_current_database, report_input_errors
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.read import read_event_page


@report_input_errors
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
    options = {"actor": actor, "between": with_, "since": since, "until": until, "limit": limit}
    asked = EventQuery.model_validate({**options, "sort": "date"})
    with closing(open_current_database()) as database, database.connect() as reading:
        resolved = resolve_filter(reading, asked, None)
        documents, more = read_event_page(reading, asked, resolved, b"terminal")
    table = Table("date", "type", "what", "sources", box=None)
    for event in map(json.loads, documents):
        publishers = ", ".join(dict.fromkeys(r["publisher"] for r in event["reports"]))
        cells = (event["date"], event["type"] or "–", event["title"], publishers)
        table.add_row(*map(Text, cells))
    console.print(table)
    if more:
        errors.print(f"More events match than {limit}; raise --limit.")
