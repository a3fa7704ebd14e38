"""ACLED: rows by date or by when they changed, and the rows that were deleted."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.bundled.tables import read_bundled_table
from app.ingest.formats.acled import ACLED_COLUMNS, ACLED_DATASET
from app.ingest.loading.load_options import LoadOptions
from app.ingest.remote.errors import DownloadError
from app.pull.items import (
    TIMELESS,
    Asking,
    BadFileError,
    Fetch,
    Fetched,
    PullError,
    PullItem,
    RefusedError,
)

PAGE_ROWS = 5000
OVERLAP = timedelta(days=7)
"""How far before the mark rows are asked for again: many share a second."""
FILLED_DAYS = 30
"""Days after which no row of a day means that there was none."""
CHANGES = "changes"
"""The name of the item that is all rows which have changed since the mark."""


_ISO_CODE = re.compile("[A-Z]{3}")


class AcledSource:
    """ACLED, by its API."""

    name = "acled"
    dataset = ACLED_DATASET
    every = 86_400
    terms = (
        "ACLED's EULA, Content Usage Terms and Attribution Policy: cite 'ACLED (Armed Conflict"
        " Location & Event Data), acleddata.com, accessed DATE', name filters and changes; no"
        " dataset or platform that replaces ACLED; no training of models. Do not hand out rows."
    )

    def __init__(self, base: str, user: str, password: str, countries: str = "") -> None:
        if not user or not password:
            raise PullError("acled needs ENTENTE_ACLED_USER and ENTENTE_ACLED_PASSWORD", 2)
        self._base, self._user, self._password = base, user, password
        self._countries, self._narrowing = countries, narrow_countries(countries)
        self._access = self._refresh = ""

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List the window, or what has changed since the mark."""
        window, today = asking.window, asking.wire.now
        if window.since is None and asking.state.mark is None:
            raise PullError("acled needs --since at the first pull", 2)
        name = CHANGES
        if window.since is not None:
            name = f"{window.since:%Y-%m-%d}/{window.until or today:%Y-%m-%d}"
        stream = f"events:{self._countries}" if self._countries else "events"
        stamp = TIMELESS if name == CHANGES else f"{window.until or today:%Y-%m-%d}"
        return [PullItem(stream, name, f"{self._base}/api/acled/read", stamp, again=True)]

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch all rows of the window as a table, and what was deleted since the mark."""
        target, known = folder / "acled.csv", dict[str, int]()
        last, restriction = "", None
        begin = self._find_begin(asking, item)
        gone = self._read_deletions(asking.wire, begin)
        with target.open("w", encoding="utf-8", newline="") as out:
            table = csv.DictWriter(out, ACLED_COLUMNS, extrasaction="ignore", restval="")
            table.writeheader()
            for page in self._walk(asking.wire, "acled", self._choose_rows(item, begin)):
                restriction = restriction or _read_restriction(page)
                for row in page["data"]:
                    self._require_asked_country(row)
                    key, changed = str(row["event_id_cnty"]), _read_seconds(row.get("timestamp"))
                    if changed > gone.get(key, -1):
                        gone.pop(key, None)
                        table.writerow({k: "" if v is None else v for k, v in row.items()})
                    known[key] = changed
                    last = max(last, str(row.get("event_date", ""))[:10])
        newest = max(known.values(), default=0)
        mark = datetime.fromtimestamp(newest, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        covers = _choose_covered(item.name, last, restriction, asking.wire.now)
        return Fetched(target, None, covers, list(gone), mark if newest else None, restriction)

    def _require_asked_country(self, row: Mapping[str, object]) -> None:
        """Raise `BadFileError` for a row of another country than those that were asked for."""
        for column, asked in self._narrowing.items():
            if column in row and str(row[column]) not in asked.split("|"):
                raise BadFileError(
                    f"has rows of the {column} {row[column]}, which was not asked for: leave"
                    " --countries out, or name them another way"
                )

    def _read_deletions(self, wire: Fetch, begin: datetime) -> dict[str, int]:
        """Read the keys of rows that were deleted since an instant, and when."""
        since = str(int(begin.timestamp()))
        asked = {"deleted_timestamp": since, "deleted_timestamp_where": ">="}
        return {
            str(row["event_id_cnty"]): _read_seconds(row["deleted_timestamp"])
            for page in self._walk(wire, "deleted", asked)
            for row in page["data"]
        }

    @staticmethod
    def _find_begin(asking: Asking, item: PullItem) -> datetime:
        """Find since when changes are asked for: a while before the mark, or the window."""
        if asking.state.mark is not None:
            return datetime.fromisoformat(asking.state.mark) - OVERLAP
        return datetime.fromisoformat(item.name.partition("/")[0]).replace(tzinfo=UTC)

    def _choose_rows(self, item: PullItem, begin: datetime) -> dict[str, str]:
        if item.name == CHANGES:
            asked = {"timestamp": str(int(begin.timestamp())), "timestamp_where": ">="}
        else:
            asked = {"event_date": item.name.replace("/", "|"), "event_date_where": "BETWEEN"}
        return asked | self._narrowing

    def _walk(self, wire: Fetch, what: str, asked: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Walk the pages of an answer by its cursor; raises `BadFileError`."""
        place, known, page_number = {"cursor": "0"}, {"0"}, 0
        while True:
            query = {"_format": "json", "limit": str(PAGE_ROWS), **asked, **place}
            page = self._ask(wire, f"{self._base}/api/{what}/read?{urlencode(query)}")
            yield page
            full = len(page["data"]) >= PAGE_ROWS
            cursor = page.get("next_cursor")
            if "next_cursor" in page:
                if cursor is None:
                    return
                if str(cursor) in known:
                    raise BadFileError("repeats a cursor, so that its pages have no end")
                known.add(str(cursor))
                place = {"cursor": str(cursor)}
            elif not full:
                return
            elif what == "deleted":
                page_number += 1
                place = {"page": str(page_number + 1)}
            else:
                raise BadFileError("has a full page and no cursor: it may not be all")

    def _ask(self, wire: Fetch, url: str) -> dict[str, Any]:
        """Ask with the token, which is renewed once if it has ended."""
        for renewed in (False, True):
            if not self._access or renewed:
                self._renew_token(wire)
            try:
                body = wire.read(url, headers={"Authorization": f"Bearer {self._access}"})
            except DownloadError as failed:
                if failed.status == 401 and not renewed:
                    continue
                if failed.status in (401, 403):
                    raise RefusedError(
                        f"answered {failed.status}: the account may not read. Check that its terms"
                        " are accepted, its profile is complete, and it has access to the API"
                    ) from failed
                raise
            return _read_page(body)
        raise AssertionError("the second attempt returns or raises")

    def _renew_token(self, wire: Fetch) -> None:
        """Get a token: by the last answer's refresh token, else by the password."""
        forms: list[dict[str, str]] = []
        if self._refresh:
            forms.append({"grant_type": "refresh_token", "refresh_token": self._refresh})
        forms.append({
            "grant_type": "password", "scope": "authenticated",
            "username": self._user, "password": self._password,
        })  # fmt: skip
        for form in forms:
            content = urlencode({"client_id": "acled", **form}).encode()
            try:
                body = json.loads(wire.read(f"{self._base}/oauth/token", content=content))
                self._access, self._refresh = body["access_token"], body.get("refresh_token", "")
                return
            except DownloadError as failed:
                if failed.status not in (400, 401) or form is not forms[-1]:
                    if form is forms[-1]:
                        raise
                    continue
                raise PullError("ACLED does not take the name and password", 2) from failed
            except (ValueError, KeyError, TypeError) as wrong:
                raise BadFileError("answered no token") from wrong

    def count_late_hours(self, _: PullItem, /) -> float:
        """What is listed is there."""
        return 0

    def choose_options(self, _: PullItem, /) -> LoadOptions:
        """Load into the dataset of the source."""
        return LoadOptions("acled", self.dataset.code)


def narrow_countries(countries: str) -> dict[str, str]:
    """Narrow a request to countries, by names as ACLED writes them or by codes such as `ARM`.

    Codes are of ISO 3166; ACLED's own column has the numbers. Raises `PullError` for unknown codes.
    """
    words = [word.strip() for word in countries.split(",") if word.strip()]
    codes = [word for word in words if _ISO_CODE.fullmatch(word)]
    if not words:
        return {}
    if not codes:
        return {"country": "|".join(words)}
    if codes != words:
        raise PullError("--countries takes codes such as ARM or names, not both", 2)
    rows = read_bundled_table("state_codes.csv")
    states = {row["value"]: row["actor"] for row in rows if row["scheme"] == "iso3"}
    numbers = {row["actor"]: row["value"] for row in rows if row["scheme"] == "isonum"}
    found = [numbers.get(states.get(code)) for code in codes]
    if unknown := [code for code, number in zip(codes, found, strict=True) if number is None]:
        raise PullError(f"--countries: {', '.join(unknown)} is no code of ISO 3166", 2)
    return {"iso": "|".join(str(int(number)) for number in found if number is not None)}


def _read_page(body: bytes) -> dict[str, Any]:
    try:
        page = json.loads(body)
    except ValueError as wrong:
        raise BadFileError(f"is not JSON: {wrong}") from wrong
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise BadFileError("has no list of rows")
    if page.get("success") is False or page.get("status", 200) not in (200, "200"):
        raise BadFileError(f"says that it failed: {str(page.get('messages'))[:200]}")
    return page


def _read_restriction(page: Mapping[str, Any]) -> str | None:
    """Read the day up to which an account sees rows, where there is one."""
    limits = page.get("data_query_restrictions")
    recency = limits.get("date_recency") if isinstance(limits, dict) else None
    return str(recency["date"])[:10] if isinstance(recency, dict) and "date" in recency else None


def _read_seconds(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() else 0


def _choose_covered(name: str, last: str, restriction: str | None, now: datetime) -> str | None:
    """Choose the days that a window covers: none that may still fill, or are not shown."""
    if name == CHANGES:
        return None
    since, _, until = name.partition("/")
    filled = (now - timedelta(days=FILLED_DAYS)).strftime("%Y-%m-%d")
    end = min(until, max(filled, last))
    if restriction is not None:
        end = min(end, restriction)
    return f"{since}/{end}" if since <= end else None
