"""Download a file by its address: resumed after a cut, bounded in size, checked when whole."""

import hashlib
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpcore2
import stamina
import stamina.instrumentation

from app.ingest.remote.address import FileAddress
from app.ingest.remote.connections import open_pool
from app.ingest.remote.errors import DownloadError, InterruptedDownloadError
from app.version import read_program_version

ATTEMPTS = 8
"""Requests for one file before giving up, redirects not counted."""
MAX_REDIRECTS = 5
IDLE_SECONDS = 30.0
"""Seconds without a byte after which a connection counts as cut."""
SLOW_SECONDS, SLOW_BYTES = 60.0, 64 << 10
"""A connection that brings fewer bytes than these in as many seconds counts as cut."""
MAX_WAIT_SECONDS = 120.0
"""The longest wait that a server may ask for; a longer one ends the download."""
PASSING_STATUSES = {408, 425, 429, 500, 502, 503, 504}
"""Statuses after which a later request may succeed."""
_REDIRECTS = {301, 302, 303, 307, 308}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
log = logging.getLogger("entente.download")


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    log.warning("the address %s; next attempt in %.1f seconds", details.caused_by, details.wait_for)


stamina.instrumentation.set_on_retry_hooks([_log_retry])  # instead of lines with its own names


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What a download may do: the largest file in bytes, and whether private hosts are allowed."""

    max_bytes: int
    allow_private: bool = False
    contact: str = ""
    """Where the operator can be reached, for the servers' own logs; may be empty."""


@dataclass(slots=True)
class _Progress:
    """What is known of a file that is being fetched."""

    address: FileAddress
    path: Path
    validator: str = ""
    """An entity tag or date by which the server recognizes that the file is still the same."""
    total: int | None = None
    """Bytes of the whole file, where the server says."""

    @property
    def arrived(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size if self.path.exists() else 0


def download_file(
    address: FileAddress,
    folder: Path,
    limits: DownloadLimits,
    report: Callable[[int, int | None], None] = lambda *_: None,
) -> Path:
    """Fetch a file into a folder and return its path; raises `DownloadError`.

    A cut connection is resumed where it ended if the server can do that. `report` gets the bytes
    that arrived and those of the whole file, where they are known.
    """
    found = _Progress(address, folder / address.file_name)
    found.path.unlink(missing_ok=True)
    tried = stamina.retry_context(
        on=_choose_wait, attempts=ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=30.0
    )
    for attempt in tried:
        with attempt:
            _fetch_rest(found, limits, report)
    _check_digest(found)
    return found.path


def _choose_wait(failure: Exception) -> bool | float:
    """Say whether to try again; seconds where the server named them."""
    if not isinstance(failure, InterruptedDownloadError):
        return False
    return failure.wait or True


def _fetch_rest(
    found: _Progress, limits: DownloadLimits, report: Callable[[int, int | None], None]
) -> None:
    """Fetch what is missing of a file; raises `InterruptedDownloadError` where that fails."""
    with _name_failures():
        for _ in range(MAX_REDIRECTS + 1):
            with closing(open_pool(found.address, limits.allow_private)) as pool:
                begun = found.arrived if found.validator else 0
                headers = _make_headers(found, begun, limits)
                timeout = dict.fromkeys(("connect", "read", "write", "pool"), IDLE_SECONDS)
                with pool.stream(
                    "GET", found.address.url, headers=headers, extensions={"timeout": timeout}
                ) as answer:
                    location = _read_header(answer, "location")
                    if answer.status not in _REDIRECTS or not location:
                        _receive_answer(found, answer, begun, limits, report)
                        return
            found.address = found.address.follow_redirect(location)
            found.validator = ""
    raise DownloadError(f"is redirected more than {MAX_REDIRECTS} times")


@contextmanager
def _name_failures() -> Iterator[None]:
    """Turn failures of the connection into errors that say what happened."""
    try:
        yield
    except httpcore2.ConnectError as failure:
        if _is_certificate_failure(failure):
            raise DownloadError(f"has no valid certificate: {failure}") from failure
        raise InterruptedDownloadError(f"cannot be reached: {failure}") from failure
    except httpcore2.TimeoutException as failure:
        raise InterruptedDownloadError(
            f"brought nothing for {IDLE_SECONDS:.0f} seconds"
        ) from failure
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as failure:
        raise InterruptedDownloadError(f"was cut: {failure}") from failure


def _is_certificate_failure(failure: BaseException | None) -> bool:
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return True
        failure = failure.__cause__ or failure.__context__
    return False


def _make_headers(
    found: _Progress, begun: int, limits: DownloadLimits
) -> list[tuple[bytes | str, bytes | str]]:
    contact = f" (+{limits.contact})" if limits.contact else ""
    headers: list[tuple[bytes | str, bytes | str]] = [
        ("User-Agent", f"entente/{read_program_version()}{contact}"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    ]
    if begun:
        headers += [("Range", f"bytes={begun}-"), ("If-Range", found.validator)]
    return headers


def _receive_answer(
    found: _Progress, answer: httpcore2.Response, begun: int, limits: DownloadLimits,
    report: Callable[[int, int | None], None],
) -> None:  # fmt: skip
    begun = _check_status(found, answer, begun)
    length = _read_header(answer, "content-length")
    if length.isdecimal():
        found.total = begun + int(length)
    found.validator = _choose_validator(answer)
    if found.total is not None and found.total > limits.max_bytes:
        raise DownloadError(
            f"has {found.total:,} bytes, more than the {limits.max_bytes:,} allowed"
        )
    arrived, since, before = begun, time.monotonic(), begun
    with found.path.open("r+b" if begun else "wb") as file:
        file.seek(begun)
        for part in answer.iter_stream():
            file.write(part)
            arrived += len(part)
            if arrived > limits.max_bytes:
                raise DownloadError(f"has more than the {limits.max_bytes:,} bytes allowed")
            report(arrived, found.total)
            if time.monotonic() - since > SLOW_SECONDS:
                if arrived - before < SLOW_BYTES:
                    raise InterruptedDownloadError("is too slow")
                since, before = time.monotonic(), arrived


def _check_status(found: _Progress, answer: httpcore2.Response, begun: int) -> int:
    """Return the byte at which the body begins; raises where the status brings no file."""
    status = answer.status
    if status == 206 and begun:
        matched = _RANGE.fullmatch(_read_header(answer, "content-range"))
        if matched is None or int(matched[1]) != begun:
            found.validator = ""
            raise InterruptedDownloadError("answered with another part than asked for")
        return begun
    if status == 200:
        return 0
    if status == 416:  # what is here is no beginning of what is there
        found.validator = ""
        raise InterruptedDownloadError("has become shorter meanwhile")
    if status in PASSING_STATUSES:
        wait = _read_wait(_read_header(answer, "retry-after"))
        if wait > MAX_WAIT_SECONDS:
            raise DownloadError(f"answered {status}, and asks to wait {wait:.0f} seconds")
        raise InterruptedDownloadError(f"answered {status}", wait)
    raise DownloadError(f"answered {status}")


def _read_wait(header: str) -> float:
    """Read `Retry-After` as seconds from now; 0 where there is none."""
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _choose_validator(answer: httpcore2.Response) -> str:
    """Choose what names this version of the file: a strong entity tag, else its date."""
    if _read_header(answer, "accept-ranges") == "none":
        return ""
    tag = _read_header(answer, "etag")
    if tag and not tag.startswith("W/"):
        return tag
    return _read_header(answer, "last-modified")


def _read_header(answer: httpcore2.Response, name: str) -> str:
    for key, value in answer.headers:
        if key.lower() == name.encode():
            return value.decode("latin-1").strip()
    return ""


def _check_digest(found: _Progress) -> None:
    address = found.address
    if not address.digest:
        return
    with found.path.open("rb") as file:
        got = hashlib.file_digest(file, address.algorithm).hexdigest()
    if got != address.digest:
        found.path.unlink()
        raise DownloadError(
            f"has the {address.algorithm} {got}, not {address.digest}; nothing was loaded"
        )
