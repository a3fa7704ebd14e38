"""The command `entente dump`, which writes whole datasets as files."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, cast

import typer

from app.cli.output import CsvOption, JsonOption, choose_form, print_data, show_activity
from app.cli.terminal import console, errors, open_current_database, report_input_errors
from app.db.file_lock import LockedError
from app.dumps.schemas import DUMP_FORMATS, DumpFormat
from app.dumps.write import write_dumps
from app.settings import Settings


@report_input_errors
def dump_datasets(
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only this dataset; may be repeated.")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"One of {', '.join(DUMP_FORMATS)}; all where left out."),
    ] = None,
    keep: Annotated[
        int, typer.Option(min=0, help="Versions of each dataset to keep; 0: all of them.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write to; by default the service's own."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Write whole datasets as files for /v1/dumps: those that changed since their last dumps."""
    shape = choose_form(as_json, as_csv)
    if wrong := [name for name in form or () if name not in DUMP_FORMATS]:
        raise typer.BadParameter(f"unknown format {wrong[0]!r}", param_hint="--format")
    forms = cast(list[DumpFormat], form) if form else DUMP_FORMATS
    folder = output or Settings().dump_path
    with closing(open_current_database()) as database:
        try:
            with show_activity("Writing dumps …"):
                made = list(write_dumps(database, folder, dataset or (), forms, keep))
        except LockedError as taken:
            errors.print(f"Another process writes dumps into {folder}.", highlight=False)
            raise typer.Exit(1) from taken
    if print_data(shape, [dump.model_dump() for dump in made]):
        return
    for dump in made:
        console.print(
            f"{folder / dump.filename}: {dump.events:,} events, {dump.bytes:,} bytes",
            highlight=False,
            soft_wrap=True,
        )
    if not made:
        console.print("Nothing changed since the last dumps.")
