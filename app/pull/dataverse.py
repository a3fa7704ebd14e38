"""POLECAT, ICEWS and the UN votes: files of datasets that a Dataverse publishes."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ingest.formats.alliances import IDEAL_POINTS_FORMAT
from app.ingest.formats.file_format import FileFormat
from app.ingest.formats.icews import ICEWS_FORMAT
from app.ingest.formats.polecat import POLECAT_FORMAT
from app.ingest.loading.load_options import LoadOptions
from app.ingest.remote.errors import DownloadError
from app.pull.archives import refuse_page
from app.pull.items import (
    TIMELESS,
    Asking,
    BadFileError,
    Fetched,
    PullError,
    PullItem,
    RefusedError,
)

_DIGITS = re.compile(r"(?<!\d)((?:19|20)\d\d)-?(\d\d)?-?(\d\d)?")
_ALGORITHMS = {"md5": "md5", "sha-1": "sha1", "sha-256": "sha256", "sha-512": "sha512"}
DAY = 86_400


@dataclass(frozen=True, slots=True)
class ArchivedDataset:
    """A dataset of a Dataverse: its identifier, and which of its files are wanted."""

    name: str
    doi: str
    label: str
    """A pattern of the names of files."""
    format: FileFormat
    every: int
    terms: str
    only_newest: bool = False


ARCHIVED_DATASETS = {
    one.name: one
    for one in (
        ArchivedDataset(
            "polecat",
            "doi:10.7910/DVN/AJGVIT",
            r"^ngecEvents.*\.(txt|zip)$",
            POLECAT_FORMAT,
            DAY,
            "Research and education only, no commercial use; © Leidos. See the dataset's page.",
        ),
        ArchivedDataset(
            "icews",
            "doi:10.7910/DVN/28075",
            r"(?i)events.*\.(zip|tab|csv)$",
            ICEWS_FORMAT,
            30 * DAY,
            "See the terms on the dataset's page, https://doi.org/10.7910/DVN/28075. It ended in"
            " April 2023.",
        ),
        ArchivedDataset(
            "un-votes",
            "doi:10.7910/DVN/LEJUQZ",
            r"^IdealpointestimatesAll.*\.(csv|tab)$",
            IDEAL_POINTS_FORMAT,
            30 * DAY,
            "CC0. Cite Bailey, Strezhnev and Voeten (2017).",
            only_newest=True,
        ),
    )
}


class DataverseSource:
    """One dataset of a Dataverse, by the list of its files."""

    def __init__(self, base: str, key: str, collection: ArchivedDataset) -> None:
        self._base, self._headers = base, {"X-Dataverse-key": key} if key else {}
        self._collection = collection
        self.name, self.every = collection.name, collection.every
        self.dataset, self.terms = collection.format.dataset, collection.terms

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List the files of the newest version whose names are in the window."""
        path = "api/datasets/:persistentId/versions/:latest-published/files"
        url = f"{self._base}/{path}?persistentId={self._collection.doi}"
        try:
            body = asking.wire.read(url, headers=self._headers)
        except DownloadError as failed:
            raise self._explain(failed) from failed
        try:
            answer = json.loads(body)
            files = list(self._list_files(answer["data"]))
        except (ValueError, KeyError, TypeError) as wrong:
            raise PullError(
                f"the list of files of {self.name} is not as expected: {wrong!r}"
            ) from wrong
        if self._collection.only_newest:
            files = sorted(files, key=lambda pair: pair[0])[-1:]
        items = [self._make_item(one) for _, one in files]
        whole = self._collection.only_newest  # a table of all years is in every window
        return [item for item in items if whole or asking.window.contains(item.stamp)]

    def _list_files(self, data: list[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for one in data:
            if re.search(self._collection.label, str(one["label"])):
                yield str(one["dataFile"].get("creationDate", "")), one

    def _make_item(self, listed: Mapping[str, Any]) -> PullItem:
        file, label = listed["dataFile"], str(listed["label"])
        original = "?format=original" if file.get("tabularData") else ""
        url = f"{self._base}/api/access/datafile/{int(file['id'])}{original}"
        item = PullItem("files", f"{file['id']} {label}", url, _read_stamp(label))
        check = file.get("checksum") or {}
        algorithm = _ALGORITHMS.get(str(check.get("type", "")).lower())
        if algorithm is not None:
            item.checksum = f"{algorithm}:{str(check['value']).lower()}"
        # The size of a table is that of Dataverse's own form of it.
        item.size = None if original else int(file.get("filesize") or 0) or None
        if listed.get("restricted"):
            item.state, item.error = "refused", "is restricted: ask for access on its page"
        return item

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch a file; its signed address is asked for each time."""
        try:
            done = asking.wire.fetch(item.address, folder, headers=self._headers)
        except DownloadError as failed:
            raise self._explain(failed) from failed
        refuse_page(done.path)
        return Fetched(done.path, done)

    @staticmethod
    def _explain(failed: DownloadError) -> Exception:
        if failed.status == 202:
            return BadFileError("the host asks for a browser (202, a challenge): try again later")
        if failed.status == 401 or b"Bad api key" in failed.body:
            return PullError("the Dataverse does not take the key: see ENTENTE_DATAVERSE_KEY", 2)
        if failed.status == 403:
            return RefusedError("answered 403: access may have to be asked for on its page")
        return failed

    def count_late_hours(self, _: PullItem, /) -> float:
        """What is listed is there."""
        return 0

    def choose_options(self, _: PullItem, /) -> LoadOptions:
        """Load into the dataset of the format."""
        return LoadOptions(self._collection.format.name, self.dataset.code)


def _read_stamp(label: str) -> str:
    """Read the day, or the first day of the year, that the name of a file says."""
    found = _DIGITS.search(label)
    if found is None:
        return TIMELESS
    year, month, day = found.groups()
    if month is None or not "01" <= month <= "12":
        return f"{year}-01-01"
    return f"{year}-{month}-{day if day and '01' <= day <= '31' else '01'}"
