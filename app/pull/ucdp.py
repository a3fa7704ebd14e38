"""UCDP GED: final and candidate releases, as files or page by page from the API with a token."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.ingest.formats.ucdp import UCDP_COLUMNS, UCDP_DATASET
from app.ingest.formats.ucdp_release import Release, find_release, parse_release
from app.ingest.loading.load_options import LoadOptions
from app.ingest.remote.errors import DownloadError
from app.pull.archives import refuse_page, unpack_member
from app.pull.items import (
    Asking,
    BadFileError,
    Fetch,
    Fetched,
    MissingItemError,
    OverForTodayError,
    PullError,
    PullItem,
    PullWindow,
)

PAGE_ROWS = 1000
MAX_WALKS = 3
"""Walks over the pages of a release that is being changed meanwhile."""
_LINK = re.compile(r"""href\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


class UcdpSource:
    """UCDP GED, by releases that replace each other."""

    name = "ucdp"
    dataset = UCDP_DATASET
    every = 86_400
    terms = (
        "CC BY 4.0. Name the version (UCDP GED 26.1) and cite Sundberg and Melander (2013), for"
        " candidate releases, which are provisional, also Hegre and others (2020)."
    )

    def __init__(self, files: str, api: str, token: str = "", version: str = "") -> None:
        self._files, self._api, self._token = files, api, token
        self._version = version
        if version and parse_release(version) is None:
            raise PullError(f"{version} is no release: write 26.1, 26.01.26.06 or 26.0.8", 2)

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List the releases of a window; without one, those that no higher one replaces."""
        if self._version:
            release = parse_release(self._version)
            assert release is not None
            return [self._make_item(release)]
        window = asking.window
        page = asking.wire.read(f"{self._files}/index.html").decode("utf-8", "replace")
        found = {r.version: r for link in _LINK.findall(page) if (r := find_release(link))}
        if not found:
            raise PullError("UCDP's page of downloads names no release: it may have changed")
        wanted = list(_choose_current(found))
        if window.since is not None or window.until is not None:
            wanted = [r for r in found.values() if _is_within(r, window)]
        return [self._make_item(one) for one in sorted(wanted, key=lambda one: -one.rank)]

    def _make_item(self, release: Release) -> PullItem:
        if self._token:
            url = f"{self._api}/gedevents/{release.version}"
        elif release.is_final:
            url = f"{self._files}/ged/ged{release.version.replace('.', '')}-csv.zip"
        else:
            url = f"{self._files}/candidateged/{_make_file_name(release.version)}"
        # No checksums are listed, so that a file is asked for again by its entity tag.
        return PullItem("ged", release.version, url, release.last, again=not self._token)

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch a release; a file that is known is fetched only if it has changed."""
        target = folder / _make_file_name(item.name)
        if self._token:
            for _ in range(MAX_WALKS):
                if self._walk_pages(asking.wire, item, target):
                    return Fetched(target)
            raise BadFileError(f"changed during {MAX_WALKS} walks over its pages")
        done = asking.wire.fetch(
            item.address, folder, etag=item.etag, last_modified=item.last_modified
        )
        if done.is_unchanged:
            return Fetched(None, done)
        if done.path.suffix == ".zip":
            unpack_member(done.path, r"\.csv$", folder).rename(target)
        else:
            refuse_page(done.path)
            done.path.rename(target)
        return Fetched(target, done)

    def _walk_pages(self, wire: Fetch, item: PullItem, target: Path) -> bool:
        """Write all pages of a release as a table; False if it changed meanwhile."""
        total, ids = None, set()
        with target.open("w", encoding="utf-8", newline="") as out:
            table = csv.DictWriter(out, UCDP_COLUMNS, extrasaction="ignore", restval="")
            table.writeheader()
            for page in self._read_pages(wire, item):
                if total is None:
                    total = page.get("TotalCount")
                if page.get("TotalCount") != total:
                    return False
                for row in page["Result"]:
                    ids.add(row.get("id"))
                    table.writerow({k: "" if v is None else v for k, v in row.items()})
        return len(ids) == total

    def _read_pages(self, wire: Fetch, item: PullItem) -> Iterator[Mapping[str, Any]]:
        number = 0
        while True:
            url = f"{item.url}?pagesize={PAGE_ROWS}&page={number}"
            page = self._ask(wire, url, first=number == 0)
            if not page.get("TotalPages"):
                raise MissingItemError("is no release that the API has")
            yield page
            number += 1
            if not page.get("NextPageUrl"):
                return

    def _ask(self, wire: Fetch, url: str, *, first: bool) -> dict[str, Any]:
        try:
            body = wire.read(url, headers={"x-ucdp-access-token": self._token})
        except DownloadError as failed:
            if failed.status == 401:
                raise PullError(
                    "UCDP does not take the token: see ENTENTE_UCDP_TOKEN", 2
                ) from failed
            if failed.status == 429 or (failed.status == 403 and not first):
                raise OverForTodayError("UCDP's requests of today are used up") from failed
            if failed.status in (400, 404) and first:
                raise MissingItemError("is no release that the API has") from failed
            raise
        try:
            page = json.loads(body)
        except ValueError as wrong:
            raise BadFileError(f"is not JSON: {wrong}") from wrong
        if not isinstance(page, dict) or not isinstance(page.get("Result"), list):
            raise BadFileError("is no page of the API: it has no list Result")
        return page

    def count_late_hours(self, _: PullItem, /) -> float:
        """Releases are listed when they are there."""
        return 24 * 60

    def choose_options(self, _: PullItem, /) -> LoadOptions:
        """Load a whole release: what it covers and does not have is retracted."""
        return LoadOptions("ucdp-ged", self.dataset.code, retract_missing=True)


def _make_file_name(version: str) -> str:
    return f"GEDEvent_v{version.replace('.', '_')}.csv"


def _is_within(release: Release, window: PullWindow) -> bool:
    since = window.since and window.since.strftime("%Y-%m-%d")
    until = window.until and window.until.strftime("%Y-%m-%d")
    return (not since or release.last >= since) and (not until or release.first <= until)


def _choose_current(found: Mapping[str, Release]) -> Iterator[Release]:
    """Choose the releases that no higher one replaces as a whole."""
    known: list[Release] = []
    for one in sorted(found.values(), key=lambda one: -one.rank):
        if not any(other.first <= one.first and one.last <= other.last for other in known):
            known.append(one)
            yield one
