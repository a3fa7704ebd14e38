"""The command `entente load`, which loads files into the database."""

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.db.engine import Database
from app.db.journal import Writer
from app.edtf import EdtfError, parse_bounds
from app.events.name_table import format_name_table
from app.events.signals import SignalScale
from app.events.unresolved import report_names
from app.ingest.formats.entente import EXAMPLE, TEMPLATE
from app.ingest.load_files import (
    EXIT_FAILED,
    AddressBook,
    errors,
    open_database,
    open_files,
    open_rejects,
    require_writable,
)
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load
from app.ingest.loading.report import LoadReport, build_load_report, is_share_low
from app.ingest.loading.tuning import (
    DEFAULT_JOBS,
    MAX_JOBS,
    choose_jobs,
    tune_process_for_loading,
)
from app.ingest.readers.files import InputFile
from app.ingest.readers.recognize import AUTO, FORMATS
from app.ingest.terminal_report import describe_counts, describe_names, describe_reasons
from app.sources.citation import list_terms_of_open_datasets
from app.text import require_code

EXIT_REJECTED, EXIT_UNRESOLVED = 3, 4
"""Exit codes: rows were rejected; too few parties were resolved."""


def load_from_terminal(
    files: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns, addresses, or - for standard input."),
    ] = [],  # noqa: B006
    format_: Annotated[
        str, typer.Option("--format", help=f"{AUTO}, or one of {', '.join(FORMATS)}.")
    ] = AUTO,
    dataset: Annotated[
        str | None, typer.Option(help="Dataset to load into, if not the format's own.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and compare, store nothing.")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="File for rejected rows; correct it and load it again.")
    ] = None,
    retract_missing: Annotated[
        bool, typer.Option(help="Retract events of the dataset that are missing from the file.")
    ] = False,
    retract_window: Annotated[
        str | None,
        typer.Option(help="With --retract-missing: only events that began then, as 2026-08."),
    ] = None,
    create_actors: Annotated[
        bool, typer.Option(help="Create unknown actors; otherwise they stay codes.")
    ] = False,
    signals: Annotated[
        SignalScale | None,
        typer.Option(help="How signals of a new dataset are derived; by default by the rules."),
    ] = None,
    search: Annotated[
        bool | None,
        typer.Option(
            "--search/--no-search", help="Whether q searches a new dataset; by default it does."
        ),
    ] = None,
    unresolved: Annotated[
        Path | None,
        typer.Option(help="CSV file (or .json) for the names that no actor has, with counts."),
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Exit 4 if less than 90 % of the parties were resolved.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_JOBS,
            help=f"Processes that share large files; by default {DEFAULT_JOBS}, or the cores.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option(help="Fetch an address that is unchanged since it was loaded, too.")
    ] = False,
    compact: Annotated[
        bool | None,
        typer.Option(
            help="Rewrite the indexes without gaps afterwards; by default on PostgreSQL after"
            " 100,000 new events or more, if they are at least half of all events."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object.")
    ] = False,
    template: Annotated[
        bool, typer.Option(help="Print a table in the format entente to start from.")
    ] = False,
) -> None:
    """Load files of events in bulk. Loading the same file again changes nothing."""
    if template:
        _print_template()
        return
    _check_options(files, format_, dataset, retract_missing)
    _check_window(retract_window, retract_missing)
    options = LoadOptions(
        format_,
        dataset,
        retract_missing,
        retract_window,
        create_actors,
        dry_run,
        signals=signals,
        searched=search,
    )
    with ExitStack() as resources:
        spool = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="entente-load-")))
        known = AddressBook(files, options, again=again)
        inputs = open_files(files, spool, known)
        if retract_missing and len(inputs) != 1:
            raise typer.BadParameter("takes one file, the whole release", param_hint="FILES")
        write = resources.enter_context(open_rejects(rejects, inputs))
        require_writable(unresolved, inputs)
        database = resources.enter_context(open_database())
        progress = resources.enter_context(_show_progress(inputs))
        loader = Loader(
            database,
            Writer("entente load"),
            options,
            LoadListener(write, progress),
            jobs=jobs or choose_jobs(),
        )
        tune_process_for_loading(database)
        begun = time.perf_counter()
        failed = loader.load_files(inputs)
        seconds = round(time.perf_counter() - begun, 3)
        with database.connect() as db:
            report = build_load_report(
                db, loader.stats, errors=failed, dry_run=dry_run, seconds=seconds
            )
            limited = list_terms_of_open_datasets(db, loader.loaded_into)
        _write_names(unresolved, loader, database)
        if not failed:
            known.write(database, loader.stats)
    _print_report(report, as_json, rejects is not None, unresolved is not None)
    for warning in limited:
        errors.print(warning, markup=False)
    if not dry_run:
        _maintain_database(report.new, compact)
    if code := _choose_exit_code(report, strict):
        raise typer.Exit(code)


def _maintain_database(new: int, compact: bool | None) -> None:
    """Bring the database up to date with what is new, once the report is out.

    What was loaded is committed, so that neither a refusal nor an interruption loses any of it.
    """

    def say(_level: int, text: str) -> None:
        errors.print(text, markup=False)

    with open_database() as database:
        maintain_after_load(database, new, MaintenanceTerms(compact, patience=0, say=say))


def _choose_exit_code(report: LoadReport, strict: bool) -> int:
    if report.errors:
        return EXIT_FAILED
    if strict and is_share_low(report.parties):
        return EXIT_UNRESOLVED
    return EXIT_REJECTED if report.rejected else 0


def _check_options(
    files: list[str], format_: str, dataset: str | None, retract_missing: bool
) -> None:
    if not files:
        raise typer.BadParameter(
            "name at least one file, or - for standard input", param_hint="FILES"
        )
    if format_ not in (AUTO, *FORMATS):
        raise typer.BadParameter(
            f"must be {AUTO} or one of {', '.join(FORMATS)}", param_hint="--format"
        )
    if dataset is not None:
        try:
            require_code(dataset)
        except ValueError as wrong:
            raise typer.BadParameter(str(wrong), param_hint="--dataset") from wrong
    if retract_missing and len(files) != 1:
        raise typer.BadParameter(
            "takes one file, the whole release", param_hint="--retract-missing"
        )


def _check_window(window: str | None, retract_missing: bool) -> None:
    if window is None:
        return
    if not retract_missing:
        raise typer.BadParameter("needs --retract-missing", param_hint="--retract-window")
    try:
        parse_bounds(window)
    except EdtfError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--retract-window") from wrong


@contextmanager
def _show_progress(files: list[InputFile]) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; elsewhere do nothing."""
    if not errors.is_terminal:
        yield lambda _rows, _position: None
        return
    from app.ingest.progress_bars import show_rows  # noqa: PLC0415 - only terminals need it

    with show_rows(files, errors) as update_bar:
        yield update_bar


def _print_report(report: LoadReport, as_json: bool, kept: bool, exported: bool) -> None:
    """Print the report; tables, errors, reasons and warnings go to standard error.

    `as_json`: a script reads the report, so that only reasons of rejected rows are printed, and
    only if no rejects file has `kept` them.
    """
    for wrong in report.errors:
        errors.print(wrong, markup=False)
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        for line in describe_counts(report):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    lines: list[str] = []
    if report.reasons and not (as_json and kept):
        lines += describe_reasons("rejected", report.reasons)
    if not as_json:
        if report.warnings:
            lines += describe_reasons("stored with warnings", report.warnings)
        lines += describe_names(report, exported=exported)
    for line in lines:
        errors.print(line, markup=False)


def _write_names(path: Path | None, loader: Loader, database: Database) -> None:
    """Write all unresolved names as CSV, or as JSON where the name of the file ends in .json."""
    if path is None:
        return
    with database.connect() as db:
        names = list(report_names(db, loader.stats.names.list_by_frequency()))
    if path.suffix == ".json":
        path.write_text(json.dumps([one.model_dump() for one in names], ensure_ascii=False) + "\n")
    else:
        path.write_text("".join(format_name_table(names)), "utf-8")


def _print_template() -> None:
    out = csv.DictWriter(sys.stdout, TEMPLATE, lineterminator="\n")
    out.writeheader()
    out.writerow(EXAMPLE)
