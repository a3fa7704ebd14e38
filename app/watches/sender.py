"""Send one message to a receiver, by a checked number and bounded in time and bytes.

A redirect is not followed: it is a failure, like every other status that is no success.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore2

from app.ingest.remote.address import is_public, parse_address
from app.ingest.remote.connections import resolve_host
from app.ingest.remote.errors import DownloadError
from app.settings import WATCH_ANSWER_SECONDS
from app.tracing import get_span_maker
from app.version import read_program_version
from app.watches.signatures import WatchSecret, WrongWatchKeyError, sign_message

MAX_ANSWER_BYTES = 64 << 10
"""Bytes of an answer that are read; only its status counts."""
MAX_RETRY_AFTER = 86_400.0
"""The longest wait that a receiver may ask for, in seconds."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one attempt."""

    status: int | None
    error: str | None
    seconds: float
    retry_after: float = 0.0
    """Seconds that the receiver asks to wait."""

    @property
    def arrived(self) -> bool:
        """Whether the receiver took the message."""
        return self.error is None


class AsyncGuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to public addresses alone, unless private ones are allowed.

    The connection goes to the number that was checked, so that a name whose number changes between
    the two leads nowhere else.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first number of a host that answers; raises `DownloadError`."""
        numbers = await asyncio.get_running_loop().run_in_executor(None, resolve_host, host, port)
        if not self._allow_private and not all(map(is_public, numbers)):
            raise DownloadError("leads to a private address")
        failed: Exception | None = None
        for number in numbers:
            try:
                return await self._plain.connect_tcp(
                    number, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                failed = failure
        raise failed or httpcore2.ConnectError(f"{host} has no number")


async def send_message(
    url: str,
    ident: str,
    body: bytes,
    kept: Sequence[WatchSecret],
    *,
    allow_private: bool,
    contact: str = "",
    seconds: float = WATCH_ANSWER_SECONDS,
    watch_key: str = "",
) -> SendResult:
    """Send a message to a receiver; a failure is part of the result."""
    begun = time.monotonic()
    status: int | None = None
    wait = 0.0
    try:
        parse_address(url)
        async with asyncio.timeout(seconds):
            status, wait = await _post_message(
                url, ident, body, kept, allow_private, contact, watch_key
            )
        error = None if 200 <= status < 300 else f"answered {status}"
    except (DownloadError, WrongWatchKeyError) as refused:
        error = str(refused)
    except TimeoutError:
        error = f"did not answer within {seconds:.0f} seconds"
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as failure:
        error = f"cannot be reached: {failure or type(failure).__name__}"
    except (OSError, ValueError) as failure:
        error = f"cannot be reached: {failure}"
    return SendResult(status, error and error[:500], time.monotonic() - begun, wait)


async def _post_message(
    url: str,
    ident: str,
    body: bytes,
    kept: Sequence[WatchSecret],
    allow_private: bool,
    contact: str,
    watch_key: str,
) -> tuple[int, float]:
    """Post a message; return the status and the seconds that the receiver asks to wait."""
    now = int(time.time())
    about = f" (+{contact})" if contact else ""
    headers = [
        ("User-Agent", f"entente/{read_program_version()}{about}"),
        ("Content-Type", "application/json"),
        ("Accept", "*/*"),
        ("webhook-id", ident),
        ("webhook-timestamp", str(now)),
        ("webhook-signature", sign_message(kept, ident, now, body, watch_key)),
    ]
    if (maker := get_span_maker()) is not None:
        carried: dict[str, str] = {}
        maker.add_trace_header(carried)
        headers += carried.items()
    backend = AsyncGuardedBackend(allow_private)
    async with (
        httpcore2.AsyncConnectionPool(max_connections=1, network_backend=backend) as pool,
        pool.stream("POST", url, headers=headers, content=body) as answer,
    ):
        arrived = 0
        async for part in answer.aiter_stream():
            arrived += len(part)
            if arrived > MAX_ANSWER_BYTES:
                break
        return answer.status, _read_retry_after(answer)


def _read_retry_after(answer: httpcore2.Response) -> float:
    found = next((v for k, v in answer.headers if k.lower() == b"retry-after"), b"")
    text = found.decode("latin-1").strip()
    if text.isdecimal():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
        return min(max(0.0, (at - datetime.now(UTC)).total_seconds()), MAX_RETRY_AFTER)
    except (TypeError, ValueError):
        return 0.0
