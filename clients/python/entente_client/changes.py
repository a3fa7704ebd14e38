"""The feed of changes: every revision once, and where to go on later."""

from collections.abc import Iterator

from entente_client.records import Change
from entente_client.transport import Parameters, Transport


class ChangeFeed:
    """Changes in order; iterating again goes on after the last one that was read.

    `position` is the address to go on from: keep it, and pass it to `Entente.changes` later.
    """

    def __init__(self, transport: Transport, position: str | None, parameters: Parameters) -> None:
        self._transport, self._parameters = transport, parameters
        self.position = position

    def __iter__(self) -> Iterator[Change]:
        while True:
            if self.position is None:
                page = self._transport.get("/v1/changes", self._parameters).json()
            else:
                page = self._transport.get(self.position).json()
            yield from page["data"]
            following = page["links"].get("next")
            if not following:
                return
            self.position = following
