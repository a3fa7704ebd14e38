"""GDELT 2.0: a file of events and one of mentions for each quarter of an hour."""

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.ingest.formats.gdelt import GDELT_DATASET
from app.ingest.loading.load_options import LoadOptions
from app.ingest.remote.address import parse_address
from app.ingest.remote.errors import UntrustedHostError
from app.pull.archives import require_one_member
from app.pull.gdelt_filter import GdeltFilter
from app.pull.items import (
    Asking,
    BadFileError,
    Fetch,
    Fetched,
    KnownItems,
    PullError,
    PullItem,
    PullWindow,
    SourceState,
)
from app.sources.following import PART_PREFIX

USUAL_BASE = "https://data.gdeltproject.org"
OTHER_BASE = "https://storage.googleapis.com/data.gdeltproject.org"
"""Where the same files are, under a certificate of its own."""
SLOT = timedelta(minutes=15)
log = logging.getLogger("entente.pull")
LATE_HOURS, TRANSLATED_LATE_HOURS = 3, 6
"""Hours for which a file that is not there may still come."""
TAIL_BYTES, MAX_TAIL_BYTES = 1 << 20, 1 << 28
"""Bytes of the list of all files that are asked for from its end: some 30 days, and all."""
STREAMS = ("export", "mentions", "translation.export", "translation.mentions")
_FILE = re.compile(
    r"(?P<stamp>\d{12})00\.(?P<stream>(?:translation\.)?(?:export|mentions))\.CSV\.zip"
)


class ListedFile(NamedTuple):
    """A line of a list: a file of a slot, its size, and its checksum."""

    stream: str
    stamp: str
    file: str
    size: int
    md5: str


def parse_list(text: str) -> tuple[list[ListedFile], int]:
    """Parse the lines of a list, and count those that are none; a later line of a file wins."""
    found: dict[str, ListedFile] = {}
    wrong = 0
    for line in text.splitlines():
        parts = line.split()
        name = parts[-1].rpartition("/")[2] if parts else ""
        matched = _FILE.fullmatch(name)
        if (
            len(parts) != 3
            or not parts[0].isdecimal()
            or not re.fullmatch("[0-9a-fA-F]{32}", parts[1])
        ):
            wrong += bool(parts)
        elif matched is not None:
            stamp = format_stamp(datetime.strptime(matched["stamp"], "%Y%m%d%H%M"))  # noqa: DTZ007
            one = ListedFile(matched["stream"], stamp, name, int(parts[0]), parts[1].lower())
            found[name] = one
    return list(found.values()), wrong


def format_stamp(at: datetime) -> str:
    """Format the stamp of a slot."""
    return at.strftime("%Y-%m-%dT%H:%M")


def parse_stamp(text: str) -> datetime:
    """Parse the stamp of a slot."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def list_slots(first: datetime, last: datetime) -> Iterator[datetime]:
    """List the slots from one instant to another."""
    at = first.replace(minute=first.minute // 15 * 15, second=0, microsecond=0)
    if at < first:
        at += SLOT
    while at <= last:
        yield at
        at += SLOT


class GdeltSource:
    """GDELT 2.0, by its lists and the grid of its slots."""

    name = "gdelt"
    dataset = GDELT_DATASET
    every = 900
    terms = (
        "The GDELT Project, https://www.gdeltproject.org/: unlimited and unrestricted use; any use"
        " or redistribution must cite it with this link."
    )

    def __init__(
        self,
        base: str,
        streams: Sequence[str] = STREAMS[:2],
        part: GdeltFilter | None = None,
        dataset: str = "",
    ) -> None:
        self._base, self._streams, self._part = f"{base}/gdeltv2", streams, part
        self._may_move = base == USUAL_BASE
        if part is not None:
            self.name = f"{PART_PREFIX}{dataset}"
            scope = f"Of GDELT 2.0 only {part.description}. What other rows say is not in it."
            named = {"code": dataset, "name": f"GDELT: {part.description}"[:200], "scope": scope}
            self.dataset = GDELT_DATASET.model_copy(update=named)

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List the slots of a window up to the newest one that is published."""
        if self._part is not None:
            before = asking.state.lists.setdefault("where", self._part.description)
            if before != self._part.description:
                raise PullError(f"{self.dataset.code} has {before}; name another --dataset", 2)
        items: list[PullItem] = []
        for suffix in ("", "-translation"):
            streams = [s for s in self._streams if s.startswith("translation.") == bool(suffix)]
            if streams:
                items += self._list_group(asking, suffix, streams)
        return items

    def _list_group(self, asking: Asking, suffix: str, streams: Sequence[str]) -> list[PullItem]:
        wire, state, known, window = asking.wire, asking.state, asking.known, asking.window
        listed = self._read_latest(wire, state, suffix)
        newest = state.lists.get(f"newest{suffix}")
        if newest is None:
            return []
        last = min(parse_stamp(newest), window.until or parse_stamp(newest))
        items, bare = {}, False
        for stream in streams:
            begin = window.since or self._find_begin(known, stream, parse_stamp(newest))
            if begin > last:
                continue
            have = known.find(stream, format_stamp(begin), format_stamp(last))
            for at in list_slots(begin, last):
                item = self._make_item(stream, at)
                if item.name not in have and item.name not in listed:
                    bare = True
                if item.name not in have or item.name in listed:
                    items[item.name] = item
        today = wire.now.strftime("%Y-%m-%d")
        if bare or (window.since is None and state.lists.get(f"checked{suffix}", today) != today):
            first = min(items)[:12] if items and window.since is not None else None
            listed |= self._read_tail(wire, suffix, first)
            self._add_listed(listed, items, asking, streams)
            state.lists[f"checked{suffix}"] = today
        state.lists.setdefault(f"checked{suffix}", today)
        for name, item in items.items():
            if (one := listed.get(name)) is not None:
                item.size, item.checksum = one.size, f"md5:{one.md5}"
        return list(items.values())

    @staticmethod
    def _find_begin(known: KnownItems, stream: str, newest: datetime) -> datetime:
        """Find where to go on: after the latest slot that the ledger has, else at the newest."""
        latest = known.newest(stream)
        return newest if latest is None else parse_stamp(latest) + SLOT

    def _add_listed(
        self,
        listed: dict[str, ListedFile],
        items: dict[str, PullItem],
        asking: Asking,
        streams: Sequence[str],
    ) -> None:
        """Add the files of the list that the ledger has with another checksum, or without one."""
        for stream in streams:
            stamps = [one.stamp for one in listed.values() if one.stream == stream]
            if not stamps:
                continue
            have = asking.known.find(stream, min(stamps), max(stamps))
            for name, one in listed.items():
                before = have.get(name)
                if before is None or not asking.window.contains(one.stamp):
                    continue
                if before.checksum != f"md5:{one.md5}":
                    items[name] = self._make_item(stream, parse_stamp(one.stamp))

    def _read_latest(self, wire: Fetch, state: SourceState, suffix: str) -> dict[str, ListedFile]:
        """Read the list of the newest slot, unless it is unchanged; an empty one says nothing."""
        with TemporaryDirectory(prefix="entente-pull-") as folder:
            address = parse_address(f"{self._base}/lastupdate{suffix}.txt")
            tag = state.lists.get(f"etag{suffix}", "")
            try:
                done = wire.fetch(address, Path(folder), etag=tag)
            except UntrustedHostError as failed:
                if not self._may_move:
                    raise
                log.warning("GDELT's host %s; its files are asked for at %s", failed, OTHER_BASE)
                self._base, self._may_move = f"{OTHER_BASE}/gdeltv2", False
                return self._read_latest(wire, state, suffix)
            if done.is_unchanged:
                return {}
            listed, _ = parse_list(done.path.read_text("utf-8", "replace"))
        limit = format_stamp(wire.now + SLOT)
        sound = [one for one in listed if one.stamp <= limit]
        if sound:
            newest = max(one.stamp for one in sound)
            before = state.lists.get(f"newest{suffix}", "")
            state.lists[f"newest{suffix}"] = max(newest, before)
            state.lists[f"etag{suffix}"] = done.etag
        return {one.file: one for one in sound}

    def _read_tail(self, wire: Fetch, suffix: str, first: str | None) -> dict[str, ListedFile]:
        """Read the end of the list of all files, back to a stamp; else its last month."""
        size = TAIL_BYTES
        while True:
            with TemporaryDirectory(prefix="entente-pull-") as folder:
                address = parse_address(f"{self._base}/masterfilelist{suffix}.txt")
                done = wire.fetch(address, Path(folder), tail=size)
                there = done.path.stat().st_size
                with done.path.open("rb") as file:
                    file.seek(max(0, there - size))
                    text = file.read().decode("utf-8", "replace")
            if there >= size:  # the first line is cut
                text = text.partition("\n")[2]
            listed, _ = parse_list(text)
            begun = min((one.file[:12] for one in listed), default="9")
            if first is None or begun <= first or there < size or size >= MAX_TAIL_BYTES:
                return {one.file: one for one in listed}
            size *= 8

    def _make_item(self, stream: str, at: datetime) -> PullItem:
        name = f"{at:%Y%m%d%H%M%S}.{stream}.CSV.zip"
        return PullItem(stream, name, f"{self._base}/{name}", format_stamp(at))

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch the file of a slot, and check that it is whole."""
        done = asking.wire.fetch(item.address, folder)
        if item.size is not None and item.size != (size := done.path.stat().st_size):
            raise BadFileError(f"has {size:,} bytes, not the {item.size:,} of the list")
        require_one_member(done.path, item.name.removesuffix(".zip"))
        if not item.checksum:  # to be compared with the list's, once that has it
            with done.path.open("rb") as file:
                item.checksum = f"md5:{hashlib.file_digest(file, 'md5').hexdigest()}"
        if self._part is not None:
            return Fetched(self._part.keep_rows(done.path, folder), done)
        return Fetched(done.path, done)

    def count_late_hours(self, item: PullItem, /) -> float:
        """Files of translated articles come later than others."""
        return TRANSLATED_LATE_HOURS if item.stream.startswith("translation.") else LATE_HOURS

    def choose_options(self, item: PullItem, /) -> LoadOptions:
        """Choose the format by the stream."""
        form = "gdelt-v2" if item.stream.endswith("export") else "gdelt-mentions"
        covers = item.stamp if form == "gdelt-v2" else None
        return LoadOptions(form, self.dataset.code, covers=covers)


def require_window(window: PullWindow, source: str) -> datetime:
    """Return the beginning of the window, which the source needs."""
    if window.since is None:
        raise PullError(f"{source} needs --since: it has files of many years", 2)
    return window.since
