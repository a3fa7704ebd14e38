"""Define `entente export`, with each query parameter of the API as an option."""

import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from app.db.as_of import resolve_version
from app.db.engine import Database
from app.events.filter import EventFilter, EventQuery
from app.events.output_formats import OutputFormat
from app.events.queries import resolve_filter
from app.events.read import read_event_page, read_event_page_meta
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links
from app.settings import Settings
from app.sources.citation import format_citation, read_cited_datasets
from app.sources.schemas import Dataset

SECRET = b"terminal"
DEFAULT_FORMAT = "ndjson"
"""The format that is written where `--format` is left out."""


def build_export_command(opened: Callable[[], Database], guard: Callable[[Any], Any]) -> Any:
    """Build the command.

    `opened` opens the database; `guard` wraps the command to print invalid input and exit with 2.
    """

    def export_events(**options: Any) -> None:
        """Write events to a file or standard output in any format; without --limit, all of them."""
        target: Path | None = options.pop("output")
        wanted = {name: value for name, value in options.items() if value not in (None, [])}
        asked = EventQuery.model_validate({"format": DEFAULT_FORMAT, **wanted})
        with closing(opened()) as database:
            _write_export(asked, database, target)

    export_events.__signature__ = inspect.Signature(_build_parameters())  # type: ignore[attr-defined]
    export_events.__annotations__ = {p.name: p.annotation for p in _build_parameters()}
    return guard(export_events)


def _write_export(asked: EventQuery, database: Database, target: Path | None) -> None:
    form: OutputFormat = asked.format or "ndjson"
    uncarried: list[Dataset] = []
    if form == "json":
        body, uncarried = _render_json(asked, database)
        parts = iter([body])
    else:
        opened = open_export(
            form, asked, database, SECRET, lambda *_: Links(self="entente export"),
            Settings().public_url or "",
        )  # fmt: skip
        parts = FEED_FORMATS[form].write(opened.feed)
        if not FEED_FORMATS[form].carries_licence:
            uncarried = opened.feed.datasets
    _write_parts(parts, target)
    for dataset in uncarried:
        sys.stderr.write(f"{dataset.code}: {format_citation(dataset)}\n")


def _write_parts(parts: Iterator[bytes], target: Path | None) -> None:
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


def _render_json(asked: EventQuery, database: Database) -> tuple[bytes, list[Dataset]]:
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        resolved = resolve_filter(db, asked, then)
        datasets = read_cited_datasets(db, resolved.dataset)
        rows, cursor = read_event_page(db, asked, resolved, SECRET, version)
        meta = read_event_page_meta(db, resolved, asked.count, version, not rows)
    known = meta.model_dump_json(exclude_none=True)
    following = f',"cursor":"{cursor}"' if cursor else ""
    return f'{{"data":[{",".join(rows)}],"meta":{known}{following}}}\n'.encode(), datasets


def build_filter_options(
    model: type[EventFilter], apart: Collection[str]
) -> list[inspect.Parameter]:
    """Build an option for each parameter of a filter but for some."""
    fields = model.model_fields.items()
    return [_build_parameter(name, field) for name, field in fields if name not in apart]


def _build_parameters() -> list[inspect.Parameter]:
    found = [_build_parameter(name, field) for name, field in EventQuery.model_fields.items()]
    option = typer.Option("--output", "-o", help="File to write; standard output where left out.")
    return [*found, _build_option("output", Annotated[Path | None, option], None)]


def _build_parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    kind: Any = str | None
    default: Any = None
    if get_origin(field.annotation) is tuple:
        kind, default = list[str], []
    elif field.annotation is bool:
        kind, flag = bool | None, f"{flag}/--no-{name.replace('_', '-')}"
    help_text = field.description or ""
    if name == "format":
        help_text = f"One of {', '.join(get_args(OutputFormat))}; {DEFAULT_FORMAT} where left out."
    return _build_option(name, Annotated[kind, typer.Option(flag, help=help_text)], default)


def _build_option(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
