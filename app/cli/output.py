"""What commands print: tables on a terminal, JSON or CSV for programs, and reasons."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from app.cli.terminal import console, errors
from app.explorer.strings import find_words
from app.page_models import EmptyReason

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]
OutputForm = Literal["table", "json", "csv"]
COLOURS = {
    "strong": "bold", "together": "cyan", "apart": "red", "quiet": "dim",
}  # fmt: skip
"""Styles of cells on a terminal; none where output goes elsewhere or `NO_COLOR` is set."""


def choose_form(as_json: bool, as_csv: bool) -> OutputForm:
    """Choose the form of the output; refuses both at once."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv", param_hint="--json")
    return "json" if as_json else "csv" if as_csv else "table"


def print_data(form: OutputForm, rows: Sequence[Mapping[str, object]]) -> bool:
    """Print rows for a program and return True; False where a table is wanted.

    In CSV nested values are JSON; the columns are those of the first row.
    """
    if form == "json":
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    elif form == "csv" and rows:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(rows[0])
        out.writerows([_render_cell(value) for value in row.values()] for row in rows)
    return form != "table"


def _render_cell(value: object) -> object:
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table; texts of the record are never read as markup."""
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console.print(table)


def colour_text(text: str, kind: str | None) -> Text:
    """Give a text the style of a kind in `COLOURS`."""
    return Text(text, style=COLOURS[kind] if kind else "")


def print_reason(reason: EmptyReason | None, remark: str | None = None) -> None:
    """Print why an answer is empty, in the words of the explorer, and what to try."""
    if remark:
        errors.print(remark, markup=False)
    key = reason or "no_match"
    errors.print(f"{find_words(f'nothing.{key}')}: {find_words(f'nothing.{key}_text')}")
    errors.print(find_words("nothing.try_terminal" if key == "no_match" else "nothing.try_other"))


@contextmanager
def show_activity(words: str) -> Iterator[None]:
    """Show on a terminal that something long is at work; elsewhere print nothing."""
    if not errors.is_terminal:
        yield
        return
    with errors.status(words):
        yield
