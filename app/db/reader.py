"""Who reads, which datasets are closed to that reader (decision 023), and which are not searched.

A dataset is `open`, gives out only its `sums`, or is `closed`. A view of the database made by
`Database.for_reader` reads with the version which datasets its reader may not see; statements take
them from the connection, so that no caller has to hand them on.
"""

from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, not_, or_, select

from app.dataset_access import Purpose
from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import datasets
from app.errors import ClosedDatasetError

_READER, _HIDDEN, _STATE = "reader", "hidden_datasets", "read_state"
"""Names in the `info` of a connection."""
_D = datasets.c
_UNSEARCHED = "!"
"""Ends the line of a dataset that is not searched."""
_MARK = case((_D.searched == false(), _UNSEARCHED), else_="")
_ENTRY = _D.code.concat("=").concat(_D.access).concat(_MARK)
CLOSED_DATASETS = (
    select(func.aggregate_strings(_ENTRY, "\n"))
    .where(or_(_D.access != "open", _D.searched == false()))
    .scalar_subquery()
)
"""The datasets that are not open, or not searched (`code=access!`), one a line; null for none."""
_SELECT_CLOSED = select(CLOSED_DATASETS)


@dataclass(frozen=True, slots=True)
class HiddenDatasets:
    """The datasets that are closed to a reader, sorted."""

    rows: tuple[str, ...] = ()
    """Whose rows it may not see."""
    sums: tuple[str, ...] = ()
    """Whose sums it may not see either."""
    any_closed: bool = False
    """Whether any dataset is closed to some reader, so that answers depend on the key."""
    unsearched: tuple[str, ...] = ()
    """Whose words no reader searches: decision 048."""

    @property
    def label(self) -> str:
        """What an ETag says of it: answers differ where it does."""
        label = f"{','.join(self.rows)}|{','.join(self.sums)}" if self.rows else ""
        return f"{label}|{','.join(self.unsearched)}" if self.unsearched else label

    def for_purpose(self, purpose: Purpose) -> tuple[str, ...]:
        """Return the datasets that an answer has to leave out."""
        return self.sums if purpose == "sums" else self.rows


NOTHING_HIDDEN = HiddenDatasets()


class Reader:
    """Who sent a request, as far as reading goes; a key that is checked later may widen it.

    `readable` are the closed datasets that it may read; None for all.
    """

    __slots__ = ("hidden", "readable")

    def __init__(self, readable: Collection[str] | None = ()) -> None:
        self.readable = readable
        self.hidden: HiddenDatasets | None = None
        """What was hidden from it when a connection was last opened; None before the first."""

    @property
    def is_limited(self) -> bool:
        """Whether any dataset is closed: then what a version answers may change."""
        return self.hidden is not None and self.hidden.any_closed

    @property
    def misses_words(self) -> bool:
        """Whether any dataset is not searched: then what a version answers to words may change."""
        return self.hidden is not None and bool(self.hidden.unsearched)

    @property
    def label(self) -> str:
        """What an ETag says of what is hidden from it; empty where nothing is."""
        return "" if self.hidden is None else self.hidden.label

    def find_hidden(self, closed: str | None) -> HiddenDatasets:
        """Find what is hidden from it by `CLOSED_DATASETS`, and remember it."""
        self.hidden = NOTHING_HIDDEN if closed is None else self._list_hidden(closed.split("\n"))
        return self.hidden

    def _list_hidden(self, entries: Sequence[str]) -> HiddenDatasets:
        access, unsearched = read_closed_entries(entries)
        if self.readable is None or not access:
            return HiddenDatasets(any_closed=bool(access), unsearched=unsearched)
        hidden = sorted(access.keys() - set(self.readable))
        sums = tuple(code for code in hidden if access[code] == "closed")
        return HiddenDatasets(tuple(hidden), sums, True, unsearched)


def read_closed_entries(entries: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read lines of `CLOSED_DATASETS`: the access by dataset, and those that are not searched."""
    pairs = [(code, how) for code, _, how in (entry.rpartition("=") for entry in entries)]
    access = {code: how.removesuffix(_UNSEARCHED) for code, how in pairs}
    unsearched = tuple(sorted(code for code, how in pairs if how.endswith(_UNSEARCHED)))
    return {code: how for code, how in access.items() if how != "open"}, unsearched


@contextmanager
def read_as(db: Connection, reader: Reader | None) -> Iterator[None]:
    """Let a connection read for a reader; None sees everything."""
    info = begin_reading_as(db, reader)
    try:
        yield
    finally:
        end_reading(info)


def begin_reading_as(db: Connection, reader: Reader | None) -> dict[str, object]:
    """Let a connection read for a reader until `end_reading` is given what this returns."""
    info: dict[str, object] = db.info  # of a connection that the server has ended, that would fail
    info[_READER] = reader
    return info


def end_reading(info: dict[str, object]) -> None:
    """Let a connection read for no reader: the pool hands it on."""
    info.pop(_READER, None)
    info.pop(_HIDDEN, None)
    forget_state(info)


def note_state(info: dict[str, object], label: str) -> None:
    """Note the version of the only state that a connection sees until it is handed on."""
    info[_STATE] = label


def forget_state(info: MutableMapping[str, object]) -> None:
    """Forget the version of what a connection saw for the one that had it before."""
    info.pop(_STATE, None)


def get_state(db: Connection) -> str | None:
    """Return the version of the only state that a connection sees; None where none was read."""
    state: str | None = db.info.get(_STATE)
    return state


def note_closed_datasets(db: Connection, closed: str | None) -> None:
    """Note the `CLOSED_DATASETS` that a statement has read with the version."""
    info = db.info
    reader: Reader | None = info.get(_READER)
    if reader is not None:
        info[_HIDDEN] = reader.find_hidden(closed)


def has_reader(db: Connection) -> bool:
    """Return whether a connection reads for a reader, not for a command or a worker."""
    return db.info.get(_READER) is not None


def get_hidden(db: Connection) -> HiddenDatasets:
    """Return the datasets that are hidden from a connection; none from a command or a worker."""
    info = db.info  # each look for it takes as long as all the rest
    if info.get(_READER) is None:
        return NOTHING_HIDDEN
    if _HIDDEN not in info:
        [(closed,)] = compile_prepared(db.dialect.name, _SELECT_CLOSED).fetch_rows(db, {})
        note_closed_datasets(db, closed)
    found: HiddenDatasets = info[_HIDDEN]
    return found


def read_closed_codes(db: Connection) -> frozenset[str]:
    """Read which datasets are not open."""
    [(closed,)] = compile_prepared(db.dialect.name, _SELECT_CLOSED).fetch_rows(db, {})
    return frozenset(() if closed is None else read_closed_entries(closed.split("\n"))[0])


def read_unsearched_codes(db: Connection) -> frozenset[str]:
    """Read which datasets are not searched, also where this transaction has changed that."""
    [(closed,)] = compile_prepared(db.dialect.name, _SELECT_CLOSED).fetch_rows(db, {})
    return frozenset(() if closed is None else read_closed_entries(closed.split("\n"))[1])


def list_closed(db: Connection) -> list[str] | None:
    """List the datasets whose rows are closed to the reader, for `meta`; None if none is."""
    return list(get_hidden(db).rows) or None


def find_dataset_of(event: str) -> str:
    """Return the dataset that the id of an event begins with."""
    return event.partition(":")[0]


def require_open(db: Connection, wanted: Iterable[str], purpose: Purpose = "rows") -> None:
    """Raise `ClosedDatasetError` where a dataset that is named is closed to the reader."""
    hidden = get_hidden(db).for_purpose(purpose)
    if hidden and (closed := [code for code in wanted if code in hidden]):
        raise ClosedDatasetError(closed[0], gives_sums=closed[0] not in get_hidden(db).sums)


def require_open_event(db: Connection, event: str) -> None:
    """Raise `ClosedDatasetError` for an event of a closed dataset, whether it exists or not."""
    require_open(db, (find_dataset_of(event),))


def leave_out_hidden(
    db: Connection, wanted: Iterable[str], purpose: Purpose = "rows"
) -> tuple[str, ...]:
    """Return the datasets that the reader may see of some."""
    hidden = get_hidden(db).for_purpose(purpose)
    return tuple(code for code in wanted if code not in hidden)


def is_event_of(event: ColumnElement[str], codes: Iterable[str]) -> list[ColumnElement[bool]]:
    """Build, for each of some datasets, the condition that an event id is of it.

    Ids begin with the dataset, so that each condition is a range of an index on them.
    """
    return [and_(event >= f"{code}:", event < f"{code};") for code in codes]  # ';' follows ':'


def list_open_events(db: Connection, event: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Build the conditions that an event id is of no dataset whose rows are hidden."""
    return [not_(of_one) for of_one in is_event_of(event, get_hidden(db).rows)]
