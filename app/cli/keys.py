"""The commands `entente keys …`, which create, list and revoke keys."""

from contextlib import closing
from typing import Annotated

import typer

from app.access.keys import (
    SCOPES,
    NoSuchKeyError,
    Scope,
    create_key,
    list_keys,
    revoke_key,
)
from app.cli.output import CsvOption, JsonOption, choose_form, print_data, print_table
from app.cli.terminal import console, errors, open_current_database
from app.dataset_access import ALL_DATASETS
from app.text import require_code

keys = typer.Typer(
    help="Keys for writing, and for reading where reading is not open.", no_args_is_help=True
)


@keys.command("create")
def keys_create(
    name: Annotated[
        str | None, typer.Argument(help="Name of the key, recorded with each write.")
    ] = None,
    name_: Annotated[str | None, typer.Option("--name", help="The name, as an option.")] = None,
    scope: Annotated[
        list[str], typer.Option("--scope", "--scopes", help="read, watch, write or admin.")
    ] = ["write"],  # noqa: B006
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="Days until the key expires.")
    ] = None,
    reads: Annotated[
        list[str],
        typer.Option("--reads", help="Closed dataset that it may read; several by commas; * all."),
    ] = [],  # noqa: B006
    writes: Annotated[
        list[str],
        typer.Option("--writes", help="Only dataset that it may write to; several by commas."),
    ] = [],  # noqa: B006
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
    may_read, may_write = _split_codes(reads), _split_codes(writes)
    if may_write and widest != "write":
        errors.print(f"--writes limits a key of the scope write; this one has {widest}.")
        raise typer.Exit(2)
    with closing(open_current_database()) as database, database.write() as writing:
        # A key may be made before the first load makes its dataset: a name is checked, no row.
        key = create_key(writing, key_name, widest, days, reads=may_read, writes=may_write or None)
    errors.print(f"Key {key_name!r} with scope {widest}. It is shown only once; store it safely.")
    print(key)


def _split_codes(options: list[str]) -> list[str]:
    codes = [code.strip() for option in options for code in option.split(",") if code.strip()]
    for code in codes:
        if code == ALL_DATASETS:
            continue
        try:
            require_code(code)
        except ValueError as wrong:
            errors.print(f"{code[:60]!r} cannot be a dataset: {wrong}.")
            raise typer.Exit(2) from wrong
    return codes


@keys.command("list")
def keys_list(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List every key, without its secret."""
    form = choose_form(as_json, as_csv)
    with closing(open_current_database()) as database, database.connect() as reading:
        rows = list_keys(reading)
    if print_data(form, rows):
        return
    if not rows:
        errors.print("There is no key yet. Make one: entente keys create NAME --scope write")
        return
    columns = ("id", "name", "scope", "reads", "writes", "created", "expires", "used", "revoked")
    print_table(columns, [[str(key[column] or "–") for column in columns] for key in rows])


@keys.command("revoke")
def keys_revoke(key: Annotated[str, typer.Argument(help="Id or name of the key.")]) -> None:
    """Revoke a key at once, or all keys with a name."""
    with closing(open_current_database()) as database:
        try:
            with database.write() as writing:
                ended = revoke_key(writing, key)
        except NoSuchKeyError as unknown:
            errors.print(str(unknown))
            raise typer.Exit(2) from unknown
    console.print(f"Revoked: {', '.join(ended)}.")
