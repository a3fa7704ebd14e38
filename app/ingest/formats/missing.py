"""The ways in which files write that a value is missing, and where they mean something. Pure."""

from collections.abc import Mapping

MISSING_MARKERS = frozenset(
    {
        "NA", "N/A", "n/a", "n.a.", "#N/A", "<NA>", "NULL", "null", "nan", "NaN", "NAN", "NaT",
        "None", "\\N", "-", "--", "–", "—", ".", "..", "N.A.", "na", "none", "NONE", "Null",
        "(null)", "[NULL]", "(blank)", "missing", "undefined",
    }
)  # fmt: skip
"""What R, pandas, SQL, Hive, Stata, Julia, JavaScript, ICEWS and spreadsheets write for none."""
# Upper and lower case count: Nan is a province of Thailand, and Na a town.
_MARKED_CELLS = frozenset(
    f"{before}{marker}{after}"
    for marker in MISSING_MARKERS
    for before in ("", " ")
    for after in ("", " ")
)
"""Cells that are a marker, with a blank around it at most: a cell is looked up in one step."""
NAMIBIA = "NA"
"""Namibia's code in ISO 3166-1 alpha-2, and R's marker of a missing value."""


def has_missing_cells(cells: Mapping[str, str]) -> bool:
    """Return whether any cell of a row says that its value is missing."""
    return not _MARKED_CELLS.isdisjoint(cells.values())


def strip_text_mark(cell: str) -> str:
    """Strip what keeps a cell text in a spreadsheet: `="020"` and `'020` are 020."""
    if len(cell) > 3 and cell[:2] == '="' and cell[-1] == '"':
        return cell[2:-1]
    return cell[1:] if cell[:1] == "'" and cell[1:].isdigit() else cell


def empty_missing_cells(cells: dict[str, str], meant: Mapping[str, frozenset[str]]) -> None:
    """Empty the cells that hold a marker, except where it is a value of that column."""
    for name, cell in cells.items():
        if cell in _MARKED_CELLS and cell.strip() not in meant.get(name, ()):
            cells[name] = ""
