"""The commands `entente datasets …`, which list datasets and say who may read them."""

from contextlib import closing
from typing import Annotated, get_args

import typer
from sqlalchemy import select

from app.cli.output import CsvOption, JsonOption, choose_form, print_data, print_table
from app.cli.terminal import console, errors, open_current_database
from app.dataset_access import DatasetAccess
from app.db.journal import Writer
from app.db.tables import datasets as datasets_table
from app.sources.changes import write_datasets
from app.sources.citation import read_cited_datasets

datasets = typer.Typer(help="Datasets, their terms, and who may read them.", no_args_is_help=True)


@datasets.command("list")
def datasets_list(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List every dataset with its access, its licence and its terms."""
    form = choose_form(as_json, as_csv)
    d = datasets_table.c
    with closing(open_current_database()) as database, database.connect() as db:
        access = {row.code: row.access for row in db.execute(select(d.code, d.access))}
        found = read_cited_datasets(db)
    columns = ("code", "access", "name", "version", "licence", "terms")
    rows = [{**one.model_dump(include={*columns}), "access": access[one.code]} for one in found]
    if print_data(form, rows):
        return
    print_table(columns, [[str(row[column] or "–") for column in columns] for row in rows])


@datasets.command("access")
def datasets_access(
    code: Annotated[str, typer.Argument(help="Code of the dataset, such as acled.")],
    access: Annotated[
        str, typer.Argument(help="open: all; sums: counts, alignment and shifts; closed: nothing.")
    ],
    reason: Annotated[str | None, typer.Option(help="Why; stored with the revision.")] = None,
) -> None:
    """Say what readers without a key for a dataset get of it: open, sums or closed."""
    known = get_args(DatasetAccess)
    if access not in known:
        errors.print(f"{access[:60]!r} is not one of {', '.join(known)}.", markup=False)
        raise typer.Exit(2)
    with closing(open_current_database()) as database:
        with database.connect() as db:
            found = [one for one in read_cited_datasets(db) if one.code == code]
        if not found:
            errors.print(f"There is no dataset {code[:60]!r}; entente datasets list has all.")
            raise typer.Exit(2)
        with database.write() as db:
            changed = found[0].model_copy(update={"access": access})
            write_datasets(db, [changed], Writer("entente datasets", reason))
    console.print(f"{code} is {access} now. {_EFFECTS[access]}", highlight=False)


_EFFECTS = {
    "open": "Everybody who may read the service reads it.",
    "sums": "Its rows need a key: entente keys create NAME --scope read --reads CODE.",
    "closed": "Rows and sums need a key: entente keys create NAME --scope read --reads CODE.",
}
