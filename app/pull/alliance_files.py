"""COW and ATOP: one archive for each version, at an address of its own."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.ingest.formats.alliances import ATOP_YEARS_FORMAT
from app.ingest.formats.dyad_years import COW_DYADS_FORMAT
from app.ingest.formats.file_format import FileFormat
from app.ingest.loading.load_options import LoadOptions
from app.pull.archives import unpack_member
from app.pull.items import TIMELESS, Asking, Fetched, PullItem

DAY = 86_400


@dataclass(frozen=True, slots=True)
class AllianceArchive:
    """A version of a dataset: where its archive is, and which member of it is wanted."""

    name: str
    version: str
    path: str
    member: str
    format: FileFormat
    terms: str


ALLIANCE_ARCHIVES = {
    one.name: one
    for one in (
        AllianceArchive(
            "cow",
            "4.1",
            "wp-content/uploads/version4.1_csv.zip",
            r"alliance_v4\.1_by_directed_yearly\.csv$",
            COW_DYADS_FORMAT,
            "Correlates of War, Formal Alliances v4.1: free for research; cite Gibler (2009).",
        ),
        AllianceArchive(
            "atop",
            "5.1",
            "uploads/6/9/1/3/69134503/atop_5.1__.csv_.zip",
            r"atop5_1ddyr\.csv$",
            ATOP_YEARS_FORMAT,
            "ATOP 5.1: free for research; cite Leeds, Ritter, Mitchell and Long (2002).",
        ),
    )
}


class AllianceSource:
    """One of the datasets of alliances, whose newest version this program knows."""

    every = 30 * DAY

    def __init__(self, base: str, version: AllianceArchive) -> None:
        self._base, self._version = base, version
        self.name, self.terms = version.name, version.terms
        self.dataset = version.format.dataset

    def list_items(self, _: Asking, /) -> list[PullItem]:
        """List the one archive of the version."""
        url = f"{self._base}/{self._version.path}"
        return [PullItem("archive", self._version.version, url, TIMELESS)]

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch the archive and unpack the table; its checksum is kept from the first time on."""
        done = asking.wire.fetch(item.address, folder)
        table = unpack_member(done.path, self._version.member, folder)
        with done.path.open("rb") as file:
            item.checksum = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        return Fetched(table, done)

    def count_late_hours(self, _: PullItem, /) -> float:
        """What is listed is there."""
        return 0

    def choose_options(self, _: PullItem, /) -> LoadOptions:
        """Load into the dataset of the format."""
        return LoadOptions(self._version.format.name, self.dataset.code)
