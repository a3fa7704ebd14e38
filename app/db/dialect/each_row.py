"""Seek some rows for each row of a list, in one statement (decision 043).

PostgreSQL has LATERAL joins and arrays of what a statement finds. SQLite has neither, but a table
function takes the value of another table's row: `json_each` lists the numbers of a text in order.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    TableValuedAlias,
    bindparam,
    case,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.db.dialect import prefers_separate_seeks, unnest_params


def list_rows(kind: str, name: str, columns: Sequence[str]) -> FromClause:
    """Build a table of text rows, of that name, from the parameters of `list_row_params`."""
    if prefers_separate_seeks(kind):
        return unnest_params(kind, name, columns, alias=name)
    rows = func.json_each(bindparam(name)).table_valued("value", name=f"{name}_rows")
    fields = [func.json_extract(rows.c.value, f"$[{n}]") for n in range(len(columns))]
    found = select(*(f.label(c) for f, c in zip(fields, columns, strict=True)))
    # Materialized: each use of a column would take it from the text again.
    return found.cte(name).prefix_with("MATERIALIZED")


def list_row_params(kind: str, name: str, rows: Sequence[Sequence[str]]) -> dict[str, object]:
    """Return the parameters of `list_rows`, for texts that need no escape in JSON."""
    if prefers_separate_seeks(kind):
        columns = zip(*rows, strict=True)
        return {f"{name}_{n}": list(texts) for n, texts in enumerate(columns)}
    lines = ['["' + '","'.join(row) + '"]' for row in rows]
    return {name: f"[{','.join(lines)}]"}


def list_chosen_numbers(
    kind: str, is_first: ColumnElement[bool], one: Select[int], other: Select[int]
) -> TableValuedAlias:
    """Build a table of the numbers that one of two ordered statements selects: (value, place).

    Both name columns of a table that is listed before it, such as `list_rows`, by literal columns.
    """
    numbers, place = column("value", BigInteger), column("key", Integer)
    if prefers_separate_seeks(kind):
        arrays = [
            func.array(each.scalar_subquery(), type_=ARRAY(BigInteger)) for each in (one, other)
        ]
        listed = func.unnest(case((is_first, arrays[0]), else_=arrays[1]))
        found = listed.table_valued(numbers, with_ordinality="key", name="found")
        return found.render_derived()
    texts = []
    for each in (one, other):
        rows = each.subquery()
        [number] = rows.c
        joined = (
            literal_column("'['").concat(func.group_concat(number)).concat(literal_column("']'"))
        )
        texts.append(select(joined).scalar_subquery())
    listed = func.json_each(case((is_first, texts[0]), else_=texts[1]))
    return listed.table_valued(numbers, place, name="found")
