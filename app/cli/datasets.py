"""The commands `entente datasets …`: list them, say who may read them and what is searched."""

from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, get_args

import typer
from sqlalchemy import select

from app.cli.output import (
    CsvOption,
    JsonOption,
    choose_form,
    print_data,
    print_table,
    show_activity,
)
from app.cli.terminal import console, errors, open_current_database
from app.dataset_access import DatasetAccess
from app.db.journal import Writer
from app.db.tables import datasets as datasets_table
from app.events.word_index import write_datasets_with_words
from app.sources.citation import read_cited_datasets

datasets = typer.Typer(
    help="Datasets, their terms, who may read them, and what is searched.", no_args_is_help=True
)

ReasonOption = Annotated[str | None, typer.Option(help="Why; stored with the revision.")]


@datasets.command("list")
def datasets_list(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List every dataset with its access, its licence and its terms."""
    form = choose_form(as_json, as_csv)
    d = datasets_table.c
    with closing(open_current_database()) as database, database.connect() as db:
        access = {row.code: row.access for row in db.execute(select(d.code, d.access))}
        found = read_cited_datasets(db)
    columns = ("code", "access", "searched", "name", "version", "licence", "terms")
    rows = [{**one.model_dump(include={*columns}), "access": access[one.code]} for one in found]
    if print_data(form, rows):
        return
    for row in rows:
        row["searched"] = "yes" if row["searched"] else "no"
    print_table(columns, [[str(row[column] or "–") for column in columns] for row in rows])


@datasets.command("access")
def datasets_access(
    code: Annotated[str, typer.Argument(help="Code of the dataset, such as acled.")],
    access: Annotated[
        str, typer.Argument(help="open: all; sums: counts, alignment and shifts; closed: nothing.")
    ],
    reason: ReasonOption = None,
) -> None:
    """Say what readers without a key for a dataset get of it: open, sums or closed."""
    _require_one_of(access, get_args(DatasetAccess))
    _change_dataset(code, {"access": access}, reason)
    console.print(f"{code} is {access} now. {_EFFECTS[access]}", highlight=False)


@datasets.command("search")
def datasets_search(
    code: Annotated[str, typer.Argument(help="Code of the dataset, such as gdelt.")],
    state: Annotated[
        str, typer.Argument(help="on: q searches its events; off: it leaves them out, and says so.")
    ],
    reason: ReasonOption = None,
) -> None:
    """Say whether the words of a dataset are searched: off for titles that a program has made.

    Its words are indexed or removed at once, in one transaction, for which other writers wait.
    """
    _require_one_of(state, ("on", "off"))
    with show_activity(f"{'indexing' if state == 'on' else 'removing'} the words of {code[:60]}"):
        _change_dataset(code, {"searched": state == "on"}, reason)
    said = "is searched now." if state == "on" else "is not searched now: q leaves it out."
    console.print(f"{code} {said}", highlight=False)


def _require_one_of(word: str, known: Sequence[str]) -> None:
    """End the command where an argument is none of the words that are known."""
    if word not in known:
        errors.print(f"{word[:60]!r} is not one of {', '.join(known)}.", markup=False)
        raise typer.Exit(2)


def _change_dataset(code: str, update: dict[str, str | bool], reason: str | None) -> None:
    with closing(open_current_database()) as database:
        with database.connect() as db:
            known = {one.code for one in read_cited_datasets(db)}
        if code not in known:
            errors.print(f"There is no dataset {code[:60]!r}; entente datasets list has all.")
            raise typer.Exit(2)
        with database.write() as db:
            [found] = read_cited_datasets(db, [code])
            by = Writer("entente datasets", reason)
            write_datasets_with_words(db, [found.model_copy(update=update)], by)


_EFFECTS = {
    "open": "Everybody who may read the service reads it.",
    "sums": "Its rows need a key: entente keys create NAME --scope read --reads CODE.",
    "closed": "Rows and sums need a key: entente keys create NAME --scope read --reads CODE.",
}
