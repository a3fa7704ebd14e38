"""The client: one object for one service."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

from entente_client.changes import ChangeFeed
from entente_client.errors import DigestError, EntenteError
from entente_client.listing import Answer, EventList, Listing
from entente_client.records import Actor, Dump, Event
from entente_client.transport import Parameters, Transport, Value

Filter = Value | list[Value] | tuple[Value, ...]
"""A parameter of the service; a name that is a word of Python takes an underscore: `from_`."""


class Entente:
    """Reads an Entente service.

    Parameters have the names and meanings of the HTTP API. Requests are repeated where the service
    is busy or out of reach: `attempts` times in all, after the seconds that it names, if these are
    no more than `longest_pause`. Refusals raise `ProblemError`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        attempts: int = 5,
        longest_pause: float = 60.0,
        timeout: float = 60.0,
    ) -> None:
        if attempts < 1:
            raise ValueError("attempts must be at least 1")
        self._transport = Transport(url.rstrip("/"), key, attempts, longest_pause, timeout)

    def __enter__(self) -> "Entente":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def events(self, **filters: Filter) -> EventList:
        """List the events of a filter, such as `actor="ARM", since="2018"`."""
        return EventList(self._transport, "/v1/events", filters)

    def event(self, event_id: str, **options: Filter) -> Event:
        """Read one event."""
        return cast(Event, self.get(f"/v1/events/{quote(event_id, safe=':')}", **options))

    def timeline(self, **filters: Filter) -> Listing[dict[str, Any]]:
        """Count the events of a filter by period."""
        return Answer(self._transport, "/v1/timeline", filters)

    def alignment(self, **filters: Filter) -> Listing[dict[str, Any]]:
        """Read the index of alignment of an actor toward others over time."""
        return Answer(self._transport, "/v1/alignment", filters)

    def shifts(self, **filters: Filter) -> Listing[dict[str, Any]]:
        """List shifts of alignment, with verdicts and intervals."""
        return Answer(self._transport, "/v1/shifts", filters)

    def actors(self, **filters: Filter) -> Listing[Actor]:
        """List actors."""
        return Listing(self._transport, "/v1/actors", filters)

    def actor(self, code: str, **options: Filter) -> dict[str, Any]:
        """Read one actor, with its memberships."""
        return self.get(f"/v1/actors/{quote(code, safe='')}", **options)

    def resolve(self, name: str, **options: Filter) -> list[dict[str, Any]]:
        """Return the actors that a name may mean, the likeliest first."""
        found: list[dict[str, Any]] = self.get("/v1/actors/resolve", q=name, **options)["data"]
        return found

    def members(self, alliance: str, **options: Filter) -> Listing[dict[str, Any]]:
        """List the members of an alliance on a day: `on="2023-10-13"`."""
        return Answer(self._transport, f"/v1/alliances/{quote(alliance, safe='')}/members", options)

    def sources(self, **filters: Filter) -> Listing[dict[str, Any]]:
        """List cited sources."""
        return Listing(self._transport, "/v1/sources", filters)

    def datasets(self, **filters: Filter) -> Listing[dict[str, Any]]:
        """List datasets with their licences and citations."""
        return Listing(self._transport, "/v1/datasets", filters)

    def changes(self, after: int | str = 0, **filters: Filter) -> ChangeFeed:
        """Follow the changes after a `seq`, or from a `position` that an earlier feed had."""
        if isinstance(after, str):
            return ChangeFeed(self._transport, after, {})
        return ChangeFeed(self._transport, None, {"after": after, "limit": 1000, **filters})

    def dumps(self, dataset: str | None = None) -> list[Dump]:
        """List the files of whole datasets, the newest of each first."""
        found: list[Dump] = self.get("/v1/dumps", dataset=dataset)["data"]
        return found

    def download_dump(self, dump: Dump, folder: str | Path = ".") -> Path:
        """Download a file of a dataset, going on where an earlier attempt ended.

        Raises `DigestError` where its SHA-256 is not the listed one.
        """
        target = Path(folder) / Path(dump["filename"]).name
        begun = target.with_name(f"{target.name}.part")
        digest = hashlib.sha256()
        size = begun.stat().st_size if begun.exists() else 0
        headers = {"Range": f"bytes={size}-"} if 0 < size < dump["bytes"] else {}
        with self._transport.stream(dump["href"], None, **headers) as answer:
            is_part = answer.status_code == 206
            if is_part:
                digest.update(begun.read_bytes())
            with begun.open("ab" if is_part else "wb") as out:
                for part in answer.iter_bytes():
                    out.write(part)
                    digest.update(part)
        if digest.hexdigest() != dump["sha256"]:
            begun.unlink()
            raise DigestError(f"{dump['filename']} does not have the SHA-256 that is listed")
        begun.replace(target)
        return target

    def get(self, path: str, **parameters: Filter) -> dict[str, Any]:
        """Read any address of the API as JSON."""
        asked: Parameters = parameters
        answer = self._transport.get(path, asked)
        body = answer.json()
        if not isinstance(body, dict):
            raise EntenteError(f"{path} did not answer with an object")
        return body
