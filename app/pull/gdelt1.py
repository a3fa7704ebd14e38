"""GDELT 1.0: a file of events a day, before April 2013 one a month, before 2006 one a year."""

import re
from datetime import date, timedelta
from pathlib import Path

from app.ingest.formats.gdelt import GDELT_DATASET
from app.ingest.loading.load_options import LoadOptions
from app.pull.archives import require_one_member
from app.pull.gdelt import require_window
from app.pull.items import (
    Asking,
    BadFileError,
    Fetched,
    PullItem,
    PullWindow,
)

FIRST_DAILY = date(2013, 4, 1)
LATE_HOURS = 48
_FILE = re.compile(r"(?P<stamp>\d{8})\.export\.CSV\.zip|(?P<month>\d{6})\.zip|(?P<year>\d{4})\.zip")


def read_span(name: str) -> str | None:
    """Read the day, month or year that a file is of from its name, in EDTF."""
    found = _FILE.fullmatch(name)
    if found is None:
        return None
    digits = found["stamp"] or found["month"] or found["year"]
    parts = (digits[:4], digits[4:6], digits[6:8])
    return "-".join(part for part in parts if part)


class Gdelt1Source:
    """GDELT 1.0, a dataset of its own: its ids may be those of 2.0 for other events."""

    name = "gdelt1"
    dataset = GDELT_DATASET.model_copy(
        update={"code": "gdelt1", "name": "GDELT 1.0 Event Database", "version": "1.0"}
    )
    every = 86_400
    terms = (
        "The GDELT Project, https://www.gdeltproject.org/: unlimited and unrestricted use; any use"
        " or redistribution must cite it with this link."
    )

    def __init__(self, base: str) -> None:
        self._base = f"{base}/events"

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List the files of a window, and the days that have none."""
        wire, known, window = asking.wire, asking.known, asking.window
        sums = dict(_read_pairs(wire.read(f"{self._base}/md5sums"), key=1))
        sizes = dict(_read_pairs(wire.read(f"{self._base}/filesizes"), key=1))
        listed = {span: name for name in sums if (span := read_span(name)) is not None}
        if not listed:
            return []
        newest = max(listed)
        if window.since is None and (latest := known.newest("events")) is not None:
            window = PullWindow(None, window.until)
            begin = latest
        elif window.since is None:
            begin = newest
        else:
            begin = require_window(window, self.name).strftime("%Y-%m-%d")
        until = min(newest, window.until.strftime("%Y-%m-%d") if window.until else newest)
        items = [
            self._make_item(name, span, sums[name], sizes.get(name))
            for span, name in sorted(listed.items())
            if begin[: len(span)] <= span <= until[: len(span)]
        ]
        return items + [
            self._make_item(f"{day:%Y%m%d}.export.CSV.zip", day.isoformat(), "", None, "missing")
            for day in _list_days(max(FIRST_DAILY.isoformat(), begin), until)
            if day.isoformat() not in listed
        ]

    def _make_item(
        self, name: str, span: str, md5: str, size: str | None, state: str = "listed"
    ) -> PullItem:
        stamp = f"{span}-01-01"[:10] if len(span) < 10 else span
        item = PullItem("events", name, f"{self._base}/{name}", stamp)
        item.checksum = f"md5:{md5.lower()}" if md5 else ""
        item.size = int(size) if size and size.isdecimal() else None
        item.state = state
        return item

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch a file, and check that it is whole."""
        done = asking.wire.fetch(item.address, folder)
        if item.size is not None and item.size != (size := done.path.stat().st_size):
            raise BadFileError(f"has {size:,} bytes, not the {item.size:,} of the list")
        bare = item.name.removesuffix(".zip")
        require_one_member(done.path, bare if bare.endswith(".CSV") else f"{bare}.csv")
        return Fetched(done.path, done)

    def count_late_hours(self, _: PullItem, /) -> float:
        """A day's file comes on the morning after."""
        return LATE_HOURS

    def choose_options(self, item: PullItem, /) -> LoadOptions:
        """Load into the dataset of its own."""
        return LoadOptions("gdelt-v1", self.dataset.code, covers=read_span(item.name))


def _read_pairs(body: bytes, key: int) -> list[tuple[str, str]]:
    """Read lines of two words as pairs, the word at `key` first."""
    lines = [line.split() for line in body.decode("utf-8", "replace").splitlines()]
    return [(line[key], line[1 - key]) for line in lines if len(line) == 2]


def _list_days(first: str, last: str) -> list[date]:
    if first > last or len(last) < 10:
        return []
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
