"""The report of a load on a terminal: the counts in one line, then aligned tables."""

from collections.abc import Iterator, Mapping, Sequence

from app.ingest.loading.report import LoadReport, is_share_low
from app.ingest.loading.stats import COUNT_NAMES

MAX_LINES = 10
"""Lines that a table has at most."""
MAX_CELL = 60
"""Characters of a cell; a longer one is cut."""


def describe_counts(report: LoadReport) -> Iterator[str]:
    """Describe the result in lines; the first one says it where few parties were resolved."""
    parties, share = report.parties, _format_share(report)
    if is_share_low(parties):
        yield (
            f"Only {share} of the parties were resolved"
            f" ({parties.resolved:,} of {parties.named:,}): see the unresolved names."
        )
    would = "would be " if report.dry_run else ""
    counts = {name: getattr(report, name) for name in COUNT_NAMES if name != "rows"}
    summary = ", ".join(f"{number:,} {would}{name}" for name, number in counts.items() if number)
    yield f"{report.rows:,} rows in {report.seconds:.1f} s: {summary or 'nothing to do'}"
    if parties.named and not is_share_low(parties):
        yield f"{share} of {parties.named:,} parties resolved"


def _format_share(report: LoadReport) -> str:
    # Rounded down: 99.96 % must not read as if everything were resolved.
    return f"{int(1000 * (report.parties.share or 0) + 1e-9) / 10:.1f} %"


def describe_reasons(title: str, reasons: Mapping[str, int]) -> Iterator[str]:
    """Describe reasons and how many rows have each, as a table."""
    rows = [(f"{number:,}", reason) for reason, number in reasons.items()]
    yield from _align_table((title, ""), rows[:MAX_LINES], right=(0,), uncut=(1,))
    yield from _describe_rest(len(rows) - MAX_LINES)


def describe_names(report: LoadReport, *, exported: bool) -> Iterator[str]:
    """Describe the most frequent unresolved names as a table, and what can be done about them."""
    if not report.unresolved:
        return
    rows = [
        (
            f"{one.count:,}", one.kind, one.name + (f" ({one.label})" if one.label else ""),
            one.first, one.last,
            ", ".join(f"{c.code} ({c.name})" for c in one.nearest) or "–",
        )
        for one in report.unresolved[:MAX_LINES]
    ]  # fmt: skip
    header = ("unresolved", "kind", "name", "first", "last", "nearest")
    yield from _align_table(header, rows, right=(0,), uncut=(5,))
    yield from _describe_rest(report.unresolved_names - MAX_LINES)
    if report.unresolved_further:
        yield f"  further names, only counted: {report.unresolved_further:,} times"
    if not exported:
        yield "--unresolved FILE.csv writes all; entente actors alias NAME ACTOR --apply mends one."


def _describe_rest(number: int) -> Iterator[str]:
    if number > 0:
        yield f"  and {number:,} more"


def _align_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int],
    uncut: Sequence[int],
) -> Iterator[str]:
    """Align cells in columns; those of the columns `right` to the right."""
    cells = [header, *([_cut_cell(c, n in uncut) for n, c in enumerate(row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = [
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(aligned).rstrip()


def _cut_cell(cell: str, whole: bool) -> str:
    shown = "".join(c if c.isprintable() else "�" for c in cell)
    return shown if whole or len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + "…"
