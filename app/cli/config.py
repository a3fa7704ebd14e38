"""The command `entente config`, which prints the settings that a service would start with."""

import json
from typing import Annotated

import typer

from app.cli.output import CsvOption, choose_form, print_data
from app.settings import Settings


def print_configuration(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_csv: CsvOption = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from the default.")
    ] = False,
) -> None:
    """Print every setting, with secrets masked."""
    form = choose_form(as_json, as_csv)
    shown = {
        name: value
        for name, (value, differs) in Settings().list_masked().items()
        if differs or not changed
    }
    if form == "json":
        print(json.dumps(shown, indent=1))
        return
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in shown.items()
    }
    if not print_data(form, [{"setting": name, "value": text} for name, text in texts.items()]):
        for name, text in texts.items():
            print(f"{name}={text}")
