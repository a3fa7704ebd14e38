"""A row as it was read, and what can be told of it before all of it is understood."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from app.ingest.digest import digest
from app.ingest.format import Cells, Format, Warn
from app.ingest.formats import entente
from app.ingest.given import Item, RejectedError, from_json

MOST_STEPS = 8
"""From cell to cell, from either end of a line: beyond them it is cheaper to split it."""


class Filled(dict[str, str]):
    """Cells by column; a column that the file does not have is empty."""

    def __missing__(self, _: str) -> str:
        return ""


class Layout(msgspec.Struct, frozen=True, gc=False):
    """How the cells of a line stand."""

    columns: tuple[str, ...]
    separator: str
    keyed: Callable[[str], Cells]
    """Of a line, the cells that the format's `key` looks at."""
    dated: Callable[[str], Cells]
    """Those that its `day` looks at."""
    used: Callable[[str], Any]
    """What its `given` is handed."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row as it was read: a line of JSON, a line without quotes, or cells by column.

    Sixty cells of a line cost more than all else that is done to most rows: it is split when its
    cells are asked for.
    """

    number: int
    content: bytes | str | Cells
    wrong: RejectedError | None = None
    raw: str = ""
    """The row as text where it cannot be split."""
    format: Format = entente.TABLE
    layout: Layout | None = None
    """Of a line, and of what looks like one."""
    dataset: str = ""
    """What a mended row was rejected from."""


class Reject(msgspec.Struct, omit_defaults=True):
    """A row in the file of rejects: mend `row`, and load the file again."""

    line: int
    field: str
    reason: str
    format: str
    row: Any
    table: bool = False
    """Whether the row has cells of text, by column."""
    columns: list[str] = []
    separator: str = ""
    file: str = ""
    dataset: str = ""
    """Where the row was to go, and goes once it is mended."""


class _Keyed(msgspec.Struct):
    key: str


_keyed = msgspec.json.Decoder(_Keyed)


def layout(format_: Format, columns: tuple[str, ...], separator: str) -> Layout:
    """How lines of these columns stand."""
    keyed = _near_the_ends(columns, format_.keyed or columns, separator)
    dated = _near_the_ends(columns, format_.dated or columns, separator)
    used = _one_by_one(columns, format_.used, separator)
    return Layout(columns, separator, keyed, dated, used)


def cells(row: Row) -> Cells:
    """All cells of a row that is no JSON."""
    content = row.content
    assert not isinstance(content, bytes)
    if not isinstance(content, str):
        return content
    assert row.layout is not None
    return Filled(zip(row.layout.columns, content.split(row.layout.separator), strict=True))


def item(row: Row, warn: Warn) -> Item:
    """What a row tells; raises `RejectedError`."""
    content = row.content
    if row.wrong is not None:
        raise row.wrong
    if isinstance(content, str):
        return row.format.given(row.layout.used(content), warn)  # type: ignore[union-attr]
    if isinstance(content, bytes):
        return from_json(content)
    for name, cell in content.items():
        if "\x00" in cell:
            raise RejectedError(name, "must not contain a NUL character")
    used = row.format.used
    return row.format.given([content.get(name, "") for name in used] if used else content, warn)


def key(row: Row) -> str | None:
    """The key of a row within its dataset; None where it has none that could be looked for."""
    content = row.content
    if row.wrong is not None:
        return None
    if isinstance(content, bytes):
        try:
            found = _keyed.decode(content).key
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
    else:
        told = row.layout.keyed(content) if isinstance(content, str) else content  # type: ignore[union-attr]
        found = row.format.key(told)
    return found if found and "\x00" not in found else None


def day(row: Row) -> str | None:
    """The day on which a row was added, where its format tells."""
    content, told = row.content, row.format.day
    if told is None or row.wrong is not None or isinstance(content, bytes):
        return None
    return told(row.layout.dated(content) if isinstance(content, str) else content)  # type: ignore[union-attr]


def length(row: Row) -> int:
    """Bytes of a row as it was read, or nearly: a letter of text counts for one."""
    content = row.content
    if isinstance(content, bytes) or isinstance(content, str):  # noqa: SIM101 - the quicker one
        return len(content) or len(row.raw)
    return sum(map(len, content.values())) or len(row.raw)


def signature(row: Row) -> int:
    """A number for the row as it was written; never 0."""
    content = row.content
    if isinstance(content, bytes):
        return digest(content) or 1
    if isinstance(content, str):
        whole = content.replace(row.layout.separator, "\x1f")  # type: ignore[union-attr]
    else:
        whole = "\x1f".join(content.values())
    return digest(whole.encode()) or 1


def reject(row: Row, wrong: RejectedError, file: str, dataset: str) -> Reject:
    """A row as it goes into the file of rejects."""
    content, table = row.content, False
    columns: list[str] = []
    separator = ""
    if isinstance(content, bytes):
        try:  # not `json`, which makes halves of surrogate pairs that nobody can write down
            told: Any = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            told = content.decode("utf-8", "replace")
    elif content:
        told, table = dict(cells(row)), True
    else:
        told = row.raw
        if row.layout is not None:
            columns, separator = list(row.layout.columns), row.layout.separator
    return Reject(
        row.number, wrong.field, wrong.reason, row.format.name, told, table, columns, separator,
        file, dataset,
    )  # fmt: skip


def _picked(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """What takes the cells of some columns out of a line; one that is not there is empty."""
    place = {name: n for n, name in enumerate(columns)}
    there = [name for name in wanted if name in place]
    pick: Any = _items([place[name] for name in there])
    missing = dict.fromkeys(set(wanted) - place.keys(), "")

    def picked(line: str) -> Cells:
        return dict(zip(there, pick(line.split(separator)), strict=True)) | missing

    if missing:
        return picked
    return lambda line: dict(zip(there, pick(line.split(separator)), strict=True))


def _one_by_one(
    columns: Sequence[str], used: Sequence[str], separator: str
) -> Callable[[str], Any]:
    """What takes the cells that are used out of a line, in their order; all by column where no
    format says which. One that is not there is empty."""
    if not used:
        return _picked(columns, columns, separator)
    place = {name: n for n, name in enumerate(columns)}
    pick: Any = _items([place.get(name, len(columns)) for name in used])
    if place.keys() >= set(used):
        return lambda line: pick(line.split(separator))
    return lambda line: pick([*line.split(separator), ""])


def _items(at: Sequence[int]) -> Callable[[Sequence[str]], Iterable[str]]:
    return itemgetter(*at) if len(at) > 1 else lambda cells: [cells[n] for n in at]


def _near_the_ends(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """As `_picked`, for a few columns that stand near the ends of a line."""
    place, size = {name: n for n, name in enumerate(columns)}, len(columns)
    at = [(name, place[name]) for name in wanted if name in place]
    first = [(name, n) for name, n in at if n < size / 2]
    last = [(name, n - size) for name, n in at if n >= size / 2]
    from_left = max([n + 1 for _, n in first], default=0)
    from_right = max([-n for _, n in last], default=0)
    if len(at) < len(wanted) or from_left + from_right > MOST_STEPS:
        return _picked(columns, wanted, separator)

    def told(line: str) -> Cells:
        found = {}
        if first:
            begun = line.split(separator, from_left)
            for name, n in first:
                found[name] = begun[n]
        if last:
            ending = line.rsplit(separator, from_right)
            for name, n in last:
                found[name] = ending[n]
        return found

    return told
