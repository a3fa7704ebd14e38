"""Unresolved names as CSV: a table in which the column `actor` can be filled in. Pure."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import NamedTuple

from app.events.schemas import UnresolvedName
from app.text import escape_formula, unescape_formula

NAME_COLUMNS = (
    "name", "actor", "since", "until", "kind", "label", "count", "first", "last", "nearest",
)  # fmt: skip
"""The columns; the first four are those of a table of aliases, of which three are left empty."""


class AliasRow(NamedTuple):
    """A row of a table of aliases: a name for an actor, with its number in the file."""

    line: int
    name: str
    actor: str
    since: str | None
    until: str | None


def format_name_table(names: Iterable[UnresolvedName]) -> Iterator[str]:
    """Format names as CSV, in lines with a header."""
    yield _format_row(NAME_COLUMNS)
    for one in names:
        nearest = "; ".join(f"{c.code} ({c.name})" for c in one.nearest)
        values = (one.kind, one.label or "", str(one.count), one.first, one.last, nearest)
        yield _format_row((one.name, "", "", "", *values))


def _format_row(cells: Iterable[str]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow([escape_formula(cell) for cell in cells])
    return out.getvalue()


def read_alias_table(lines: Iterable[str]) -> Iterator[AliasRow]:
    """Read a table of aliases: columns `name` and `actor`, perhaps `since`, `until` and others.

    Rows without an actor are left out. Raises ValueError where a column is missing.
    """
    rows = csv.DictReader(lines)
    if missing := {"name", "actor"} - set(rows.fieldnames or ()):
        raise ValueError(f"has no column {' and no column '.join(sorted(missing))}")
    for row in rows:
        name, actor, since, until = (
            unescape_formula((row.get(column) or "").strip()) for column in NAME_COLUMNS[:4]
        )
        if name and actor:
            yield AliasRow(rows.line_num, name, actor, since or None, until or None)
