"""Rows of counts that name an actor otherwise than an earlier row of the same period does.

Nothing says whether such a row repeats the earlier one or comes on top of it. They may be any
distance apart in a file, so that the whole file is compared before its first batch. Memory does
not grow with the file: see `KeyIndex`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from app.events.actor_index import ActorIndex
from app.events.record import RejectedError
from app.ingest.formats.counts import COUNTS_FORMAT
from app.ingest.formats.records import CountRecord
from app.ingest.loading.key_index import KeyIndex
from app.ingest.loading.row_bitmap import RowBitmap
from app.ingest.readers.rows import InputRow, parse_row_record

MAX_SPELLINGS = 100_000
"""Names of actors that are compared; a file with more is compared row by row at once."""
ROWS_BETWEEN_CHECKS = 64
"""Rows that are compared between two checks of whether the load shall end."""
RESPELLED = RejectedError(
    "",
    "names an actor otherwise than an earlier row of the same period; add the two rows up, or"
    " leave one out",
)
_CAMEO_ACTOR = re.compile(r"[A-Z]{3}(?:GOV|MIL|COP|JUD|SPY|LEG){0,2}")
"""A code of CAMEO: a country, perhaps with an organ of its state, which counts as the state.

Its rebels and its opposition do not.
"""


def find_count_actor(index: ActorIndex, asked: str, day: str) -> str | None:
    """Find the actor that a row of counts names on a day; None if it is not exactly one."""
    code = index.find_code(asked, day)
    if code is None and _CAMEO_ACTOR.fullmatch(asked):
        # CAMEO's codes, such as ROM, are not all ISO's; USAGOV is the government of USA
        code = index.find_code(f"cameo:{asked[:3]}", day) or index.find_country(asked[:3], day)
    return code


class ActorSpellings:
    """The names that the rows of counts in a file have for actors."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def add_key(self, key: str) -> None:
        """Add the names in the key of a row."""
        # The key begins with both names. One with a bar in it is cut, and found to be unknown.
        if len(self._names) < MAX_SPELLINGS:
            self._names.update(key.split("|", 2)[:2])

    def have_synonyms(self, index: ActorIndex) -> bool:
        """Return whether two of the names may mean one actor on some day."""
        if len(self._names) >= MAX_SPELLINGS:
            return True
        known: dict[str, set[str]] = defaultdict(set)
        for name in self._names:
            asked = f"cow:{name.removesuffix('.0')}" if name[:1].isdigit() else name
            codes = index.list_codes(asked)
            if _CAMEO_ACTOR.fullmatch(name):
                codes |= index.list_codes(f"cameo:{name[:3]}")
                codes |= index.list_codes(name[:3], countries=True)
            for code in codes:
                known[code].add(name)
        return any(len(names) > 1 for names in known.values())


def find_respelled_rows(
    rows: Iterable[InputRow],
    index: ActorIndex,
    choose_dataset: Callable[[InputRow], str],
    check_interrupt: Callable[[], None],
) -> RowBitmap:
    """Find the rows of counts whose actors and period are those of an earlier row, named else."""
    with KeyIndex() as resolved, KeyIndex() as spelled:
        for number, row in enumerate(rows):
            if not number % ROWS_BETWEEN_CHECKS:
                check_interrupt()
            record = _parse_counts(row)
            if record is None:
                resolved.add_key(None)
                spelled.add_key(None)
                continue
            names = record.from_, record.toward
            sides = [find_count_actor(index, name, record.start) or name for name in names]
            period = (choose_dataset(row), record.start, record.end, record.class_)
            resolved.add_key("\x1f".join(map(str, (*sides, *period))))
            spelled.add_key("\x1f".join(names))
        return resolved.find_varied_rows(spelled)


def _parse_counts(row: InputRow) -> CountRecord | None:
    if row.format is not COUNTS_FORMAT:
        return None
    try:
        record = parse_row_record(row, lambda *_: None)
    except RejectedError:
        return None
    assert isinstance(record, CountRecord)
    return record
