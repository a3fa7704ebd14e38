"""The commands `entente actors …`: unresolved names of loaded events, and aliases for them."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import Connection

from app.actors.queries import UnknownActorError
from app.cli.output import CsvOption, JsonOption, choose_form
from app.cli.terminal import console, errors, open_current_database
from app.db.engine import Database
from app.db.journal import Writer
from app.editing.aliases import Alias, AliasError, add_alias
from app.editing.apply_names import apply_known_names
from app.events.name_table import AliasRow, format_name_table, read_alias_table
from app.events.unresolved import read_unresolved_names, report_names
from app.validation_words import describe_invalid_value

actors = typer.Typer(
    help="Unresolved names of loaded events, and aliases for them.", no_args_is_help=True
)
EXIT_REFUSED = 3
"""Exit code: an alias was refused, so that none of them was stored."""


class RefusedAliasesError(Exception):
    """Some aliases were refused, so that none is stored; says why in lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[0])
        self.lines = lines


Datasets = Annotated[list[str], typer.Option("--dataset", help="Only events of this dataset.")]


@actors.command("unresolved")
def actors_unresolved(
    dataset: Datasets = [],  # noqa: B006
    format_: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    limit: Annotated[int | None, typer.Option(min=1, help="The most frequent names only.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the names in stored events that no actor has, the most frequent first."""
    if format_ not in ("csv", "json"):
        raise typer.BadParameter("must be csv or json", param_hint="--format")
    chosen = choose_form(as_json, as_csv)
    format_ = chosen if chosen != "table" else format_
    with closing(open_current_database()) as database, database.connect() as reading:
        totals = list(read_unresolved_names(reading, dataset, limit=limit))
        names = report_names(reading, totals)
        if format_ == "csv":
            sys.stdout.writelines(format_name_table(names))
        else:
            rows = [one.model_dump() for one in names]
            sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")


@actors.command("alias")
def actors_alias(
    name: Annotated[str | None, typer.Argument(help="The name or code, as files have it.")] = None,
    actor: Annotated[str | None, typer.Argument(help="Any name or code of the actor.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="CSV with the columns name, actor, since and until.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day of the name.")] = None,
    until: Annotated[str | None, typer.Option(help="First day after it.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Resolve the names of stored events again.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why; stored with the revisions.")] = None,
) -> None:
    """Give an actor another name or code; refused where another actor has it at that time."""
    rows = list(_read_rows(name, actor, file, since, until))
    with closing(open_current_database()) as database:
        try:
            with database.write() as writing:
                done = _add_aliases(writing, rows, Writer("entente actors alias", reason))
        except RefusedAliasesError as refused:
            for line in refused.lines:
                errors.print(line, highlight=False, soft_wrap=True)
            raise typer.Exit(EXIT_REFUSED) from refused
        for line in done:
            console.print(line, highlight=False, soft_wrap=True)
        if apply:
            _apply_names(database, [], reason)


def _read_rows(
    name: str | None, actor: str | None, file: Path | None, since: str | None, until: str | None
) -> Iterator[AliasRow]:
    if file is None:
        if name is None or actor is None:
            raise typer.BadParameter("give a name and an actor, or --file", param_hint="NAME ACTOR")
        yield AliasRow(0, name, actor, since, until)
        return
    if name is not None or since is not None or until is not None:
        raise typer.BadParameter("takes the names from the file alone", param_hint="--file")
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield from read_alias_table(lines)
    except (OSError, ValueError) as wrong:
        raise typer.BadParameter(f"{file}: {wrong}", param_hint="--file") from wrong


def _add_aliases(db: Connection, rows: list[AliasRow], by: Writer) -> list[str]:
    """Add aliases, and return a line about each; raises `RefusedAliasesError` for all refused."""
    done: list[str] = []
    refused: list[str] = []
    for row in rows:
        where = f"line {row.line}: " if row.line else ""
        try:
            alias = Alias(name=row.name, since=row.since, until=row.until)
            made = add_alias(db, alias, row.actor, by)
        except ValidationError as wrong:
            refused += [f"{where}{describe_invalid_value(e)}" for e in wrong.errors()]
        except UnknownActorError as unknown:
            refused.append(f"{where}{unknown}. {unknown.hint}")
        except AliasError as wrong:
            refused.append(f"{where}{wrong}.")
        else:
            is_now = "is now" if made.is_new else "is already"
            owner = f"{made.actor.code} ({made.actor.name})"
            done.append(f"{alias.plain_name!r} {is_now} a name of {owner}.")
    if refused:
        raise RefusedAliasesError(refused)
    return done


@actors.command("apply-aliases")
def actors_apply_aliases(
    dataset: Datasets = [],  # noqa: B006
    reason: Annotated[str | None, typer.Option(help="Why; stored with the revisions.")] = None,
) -> None:
    """Resolve the names of stored events again, as derived revisions; no file is needed."""
    with closing(open_current_database()) as database:
        _apply_names(database, dataset, reason)


def _apply_names(database: Database, datasets: list[str], reason: str | None) -> None:
    by = Writer("entente actors apply-aliases", reason or "names of actors resolved again")
    changed = apply_known_names(database, by, datasets)
    console.print(f"{changed:,} event{'' if changed == 1 else 's'} changed.")
