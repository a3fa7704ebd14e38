"""The command `entente timeline`, which lists events on the terminal."""

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.text import Text

from app.cli.output import (
    CsvOption,
    JsonOption,
    choose_form,
    colour_text,
    print_data,
    print_reason,
    print_table,
)
from app.cli.terminal import errors, open_current_database, report_input_errors
from app.db.lineage_table import read_version
from app.events.acted_for import describe_acted_for_in_filter
from app.events.coverage import find_empty_reason
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
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="Begin in the past.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List events, newest first, with the publishers that report them."""
    form = choose_form(as_json, as_csv)
    options = {"actor": actor, "between": with_, "since": since, "until": until, "limit": limit}
    order = {"sort": "date"} if oldest_first else {}
    asked = EventQuery.model_validate({**options, **order})
    with closing(open_current_database()) as database, database.connect() as reading:
        resolved = resolve_filter(reading, asked, None)
        documents, more = read_event_page(
            reading, asked, resolved, b"terminal", read_version(reading)
        )
        reason = None if documents else find_empty_reason(reading, resolved)
        remark = None if documents else describe_acted_for_in_filter(reading, resolved)
    events = [json.loads(document) for document in documents]
    if form == "json":
        print_data(form, events)
    elif not print_data(form, [_flatten_event(event) for event in events]) and events:
        print_table(("date", "type", "what", "sources"), [_describe_event(e) for e in events])
    if not events:
        print_reason(reason, remark)
    if more:
        errors.print(f"More events match than {limit}; raise --limit.")


def _flatten_event(event: Mapping[str, Any]) -> dict[str, object]:
    """Return what the table shows of an event, with its id; every field is in `entente export`."""
    publishers = dict.fromkeys(r["publisher"] for r in event["reports"])
    return {
        "id": event["id"],
        "date": event["date"],
        "type": event["type"],
        "title": event["title"],
        "publishers": "; ".join(publishers),
    }


def _describe_event(event: Mapping[str, Any]) -> list[str | Text]:
    row = _flatten_event(event)
    kind = {1: "together", 2: "together", 3: "apart", 4: "apart"}.get(event["quad"])
    date = colour_text(str(row["date"]), "quiet")
    return [
        date,
        colour_text(str(row["type"] or "–"), kind),
        str(row["title"]),
        str(row["publishers"]),
    ]
