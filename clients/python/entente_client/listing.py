"""Lists: read page by page, or at once as a data frame."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from entente_client.records import Event
from entente_client.transport import Parameters, Transport

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Row = TypeVar("Row")
PAGE_SIZE = 1000


class Listing(Generic[Row]):
    """A list of the service; iterating reads it to its end, page by page."""

    def __init__(self, transport: Transport, path: str, parameters: Parameters) -> None:
        self._transport, self._path, self._parameters = transport, path, parameters
        self._first: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Row]:
        for page in self.pages():
            yield from page["data"]

    def pages(self) -> Iterator[dict[str, Any]]:
        """Yield the pages as the service answers them: `data`, `meta` and `links`."""
        page = self.first_page
        while True:
            yield page
            following = page["links"].get("next")
            if not following:
                return
            page = self._transport.get(following).json()

    @property
    def first_page(self) -> dict[str, Any]:
        """The first page, asked for once."""
        if self._first is None:
            asked = dict(self._parameters)
            if "limit" in self._paged:
                asked.setdefault("limit", PAGE_SIZE)
            self._first = self._transport.get(self._path, asked).json()
        return cast(dict[str, Any], self._first)

    _paged: tuple[str, ...] = ("limit",)

    @property
    def version(self) -> int:
        """The version of the record that the list is of."""
        return int(self.first_page["meta"]["version"])

    @property
    def reason(self) -> str | None:
        """Why the list is empty: `no_match`, `outside_coverage` and others; None if it is not."""
        return cast("str | None", self.first_page["meta"].get("reason"))

    @property
    def permalink(self) -> str | None:
        """The address that always answers the same: cite it. Some lists have none."""
        link = self.first_page["links"].get("permalink")
        return None if link is None else str(self._transport.http.base_url.join(link))


class Answer(Listing[Row]):
    """A list that the service answers whole, such as the buckets of a timeline."""

    _paged = ()


class EventList(Listing[Event]):
    """Events of a filter."""

    def count(self) -> int:
        """Count the events without reading them."""
        asked = {**self._parameters, "limit": 1, "count": "exact"}
        return int(self._transport.get(self._path, asked).json()["meta"]["count"])

    @property
    def _whole(self) -> dict[str, Any]:
        """The question without the size of a page, which would cut a whole answer short."""
        return {name: value for name, value in self._parameters.items() if name != "limit"}

    def stream(self) -> Iterator[Event]:
        """Yield every event from one streamed answer, in constant memory."""
        asked = {**self._whole, "format": "ndjson"}
        with self._transport.stream(self._path, asked) as answer:
            for line in answer.iter_lines():
                yield json.loads(line)

    def save_parquet(self, file: str | Path, *, flat: bool = False) -> Path:
        """Save every event as Parquet: nested values with types, or the flat columns of CSV.

        The file appears under its name once it is complete.
        """
        target = Path(file)
        begun = target.with_name(f"{target.name}.part")
        asked = {**self._whole, "format": "parquet", "flat": flat or None}
        with self._transport.stream(self._path, asked) as answer, begun.open("wb") as out:
            for part in answer.iter_bytes():
                out.write(part)
        begun.replace(target)
        return target

    def to_pandas(self, *, flat: bool = False) -> "pd.DataFrame":
        """Return every event as a data frame of pandas; needs pandas and pyarrow."""
        import pandas as pd  # noqa: PLC0415 - only who asks for a frame needs it

        return pd.read_parquet(self._read_parquet(flat))

    def to_polars(self, *, flat: bool = False) -> "pl.DataFrame":
        """Return every event as a data frame of polars; needs polars."""
        import polars as pl  # noqa: PLC0415 - only who asks for a frame needs it

        return pl.read_parquet(self._read_parquet(flat))

    def _read_parquet(self, flat: bool) -> io.BytesIO:
        asked = {**self._whole, "format": "parquet", "flat": flat or None}
        return io.BytesIO(self._transport.get(self._path, asked).content)
