"""Define `entente export`, with each query parameter of the API as an option."""

import inspect
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.forms import Form
from app.events.read import meta, read_page
from app.feeds.opening import Opened
from app.feeds.registry import WRITINGS
from app.http.asked import seen
from app.http.page import Links

SECRET = b"terminal"
TEXT = "ndjson"
"""The format that is written where `--format` is left out."""


def export_command(opened: Callable[[], Database], guard: Callable[[Any], Any]) -> Any:
    """Build the command.

    `opened` opens the database; `guard` wraps the command to print invalid input and exit with 2.
    """

    def export(**options: Any) -> None:
        """Write events to a file or standard output in any format; without --limit, all of them."""
        target: Path | None = options.pop("output")
        wanted = {name: value for name, value in options.items() if value not in (None, [])}
        asked = EventQuery.model_validate({"format": TEXT, **wanted})
        with closing(opened()) as database:
            _write(asked, database, target)

    export.__signature__ = inspect.Signature(_parameters())  # type: ignore[attr-defined]
    export.__annotations__ = {p.name: p.annotation for p in _parameters()}
    return guard(export)


def _write(asked: EventQuery, database: Database, target: Path | None) -> None:
    form: Form = asked.format or "ndjson"
    if form == "json":
        parts = iter([_json(asked, database)])
    else:
        opened = Opened(form, asked, database, SECRET, lambda *_: Links(self="entente export"))
        parts = WRITINGS[form].write(opened.feed)
    if target is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    # The file gets its name once it is whole, so an interrupted export leaves no partial file.
    begun = target.with_name(target.name + ".part")
    with begun.open("wb") as file:
        for part in parts:
            file.write(part)
    begun.replace(target)


def _json(asked: EventQuery, database: Database) -> bytes:
    with database.connect() as db:
        rows, cursor = read_page(db, asked, SECRET)
        known = meta(db, asked, seen(db, asked.as_of)[0], not rows).model_dump_json(
            exclude_none=True
        )
    following = f',"cursor":"{cursor}"' if cursor else ""
    return f'{{"data":[{",".join(rows)}],"meta":{known}{following}}}\n'.encode()


def _parameters() -> list[inspect.Parameter]:
    found = [_parameter(name, field) for name, field in EventQuery.model_fields.items()]
    option = typer.Option("--output", "-o", help="File to write; standard output where left out.")
    return [*found, _optional("output", Annotated[Path | None, option], None)]


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    kind: Any = str | None
    default: Any = None
    if get_origin(field.annotation) is list:
        kind, default = list[str], []
    elif field.annotation is bool:
        kind, flag = bool | None, f"{flag}/--no-{name.replace('_', '-')}"
    help_text = field.description or ""
    if name == "format":
        help_text = f"One of {', '.join(get_args(Form))}; {TEXT} where left out."
    return _optional(name, Annotated[kind, typer.Option(flag, help=help_text)], default)


def _optional(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
