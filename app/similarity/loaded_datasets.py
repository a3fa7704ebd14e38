"""Finds the datasets of a loaded series: alliances by year, or ideal points."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Select, exists, select

from app.db.reader import leave_out_hidden, require_open
from app.db.tables import datasets
from app.db.versioning import Columns, select_current_or_as_of
from app.errors import InvalidParameterError


def require_loaded_datasets(
    db: Connection, has: Column[str], asked: Sequence[str], as_of: int | None, what: str
) -> list[str]:
    """Find the datasets of a series, or those of them that are asked for.

    `has` is the column of the series with the code of its dataset, `what` the series in words.
    Raises `InvalidParameterError` where a dataset that is asked for has none of it.
    """

    def build_select(d: Columns) -> Select[str]:
        return select(d.code).where(exists().where(has == d.code))

    require_open(db, asked, "sums")
    rows = db.execute(select_current_or_as_of(as_of, datasets, build_select))
    found = list(leave_out_hidden(db, sorted(row.code for row in rows), "sums"))
    if unknown := sorted({*asked} - {*found}):
        hint = f"There are: {', '.join(found) or 'none'}."
        raise InvalidParameterError("dataset", f"{unknown[0]} has no {what}", hint)
    return [code for code in found if code in asked] if asked else found
