"""The command `entente config`, which prints the settings that a service would start with."""

import json
from typing import Annotated

import typer

from app.settings import Settings


def print_configuration(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from the default.")
    ] = False,
) -> None:
    """Print every setting, with secrets masked."""
    shown = {
        name: value
        for name, (value, differs) in Settings().list_masked().items()
        if differs or not changed
    }
    if as_json:
        print(json.dumps(shown, indent=1))
        return
    for name, value in shown.items():
        print(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
