"""Download a file by its address: resumed after a cut, bounded in size, checked when whole."""

import hashlib
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpcore2
import stamina
import stamina.instrumentation

from app.ingest.remote.address import FileAddress
from app.ingest.remote.connections import ConnectionKeeper
from app.ingest.remote.errors import (
    DownloadError,
    InterruptedDownloadError,
    UntrustedHostError,
    WrongDigestError,
)
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
MAX_REFUSAL_BYTES = 2000
"""Bytes of the body that are read of an answer which brings no file."""
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
    attempts: int = ATTEMPTS
    first_wait: float = 0.5
    """Seconds before the second attempt; each further wait is twice as long, with jitter."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A request for a file."""

    address: FileAddress
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers, such as a token; they go to the first host alone."""
    content: bytes | None = field(default=None, repr=False)
    """A form to be posted."""
    etag: str = ""
    last_modified: str = ""
    """What names the version that is known: the file is fetched only if there is another one."""
    tail: int = 0
    """Bytes of the file that are wanted, from its end; 0 for all."""


@dataclass(slots=True)
class Download:
    """A file that was fetched, and what the server said of it."""

    path: Path
    is_unchanged: bool = False
    """Whether the server has the version that is known; there is no file then."""
    etag: str = ""
    last_modified: str = ""
    date: str = ""
    """The server's own time, as it writes it."""


@dataclass(slots=True)
class _Progress:
    """What is known of a file that is being fetched."""

    request: FileRequest
    address: FileAddress
    path: Path
    done: Download
    validator: str = ""
    """An entity tag or date by which the server recognizes that the file is still the same."""
    validator_of: str = ""
    """The origin that it is of."""
    total: int | None = None
    """Bytes of the whole file, where the server says."""

    @property
    def arrived(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size if self.path.exists() else 0


def fetch_file(
    request: FileRequest,
    folder: Path,
    limits: DownloadLimits,
    report: Callable[[int, int | None], None] = lambda *_: None,
    keeper: ConnectionKeeper | None = None,
) -> Download:
    """Fetch a file into a folder, unless it is unchanged; raises `DownloadError`.

    A cut connection is resumed where it ended if the server can do that. `report` gets the bytes
    that arrived and those of the whole file, where they are known. `keeper` has connections that
    stay open for further files.
    """
    path = folder / request.address.file_name
    found = _Progress(request, request.address, path, Download(path))
    path.unlink(missing_ok=True)
    tried = stamina.retry_context(
        on=_choose_wait,
        attempts=limits.attempts,
        timeout=None,
        wait_initial=limits.first_wait,
        wait_jitter=limits.first_wait * 2,
        wait_max=30.0,
    )
    connections = keeper or ConnectionKeeper(limits.allow_private)
    try:
        for attempt in tried:
            with attempt:
                _fetch_rest(found, limits, report, connections)
    finally:
        if connections is not keeper:
            connections.close()
    if not found.done.is_unchanged:
        _check_digest(found)
    return found.done


def _choose_wait(failure: Exception) -> bool | float:
    """Say whether to try again; seconds where the server named them."""
    if not isinstance(failure, InterruptedDownloadError):
        return False
    return failure.wait or True


def _fetch_rest(
    found: _Progress,
    limits: DownloadLimits,
    report: Callable[[int, int | None], None],
    keeper: ConnectionKeeper,
) -> None:
    """Fetch what is missing of a file; raises `InterruptedDownloadError` where that fails."""
    found.address = found.request.address
    with _name_failures():
        for _ in range(MAX_REDIRECTS + 1):
            known = found.validator and found.validator_of == found.address.origin
            begun = found.arrived if known else 0
            timeout = dict.fromkeys(("connect", "read", "write", "pool"), IDLE_SECONDS)
            content = found.request.content
            with keeper.find_pool(found.address).stream(
                "GET" if content is None else "POST",
                found.address.url,
                headers=_make_headers(found, begun, limits),
                content=content,
                extensions={"timeout": timeout},
            ) as answer:
                location = _read_header(answer, "location")
                if answer.status not in _REDIRECTS or not location:
                    _receive_answer(found, answer, begun, limits, report)
                    return
            if content is not None:
                raise DownloadError("answered a form with a redirect", status=answer.status)
            found.address = found.address.follow_redirect(location)
    raise DownloadError(f"is redirected more than {MAX_REDIRECTS} times")


@contextmanager
def _name_failures() -> Iterator[None]:
    """Turn failures of the connection into errors that say what happened."""
    try:
        yield
    except httpcore2.ConnectError as failure:
        if _is_certificate_failure(failure):
            raise UntrustedHostError(f"has no valid certificate: {failure}") from failure
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
    asked = found.request
    if found.address.origin == asked.address.origin:
        headers += list(asked.headers.items())
        if asked.content is not None:
            headers += [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Content-Length", str(len(asked.content))),
            ]
    if asked.tail:
        headers += [("Range", f"bytes=-{asked.tail}")]
    elif begun:
        headers += [("Range", f"bytes={begun}-"), ("If-Range", found.validator)]
    elif asked.etag:
        headers += [("If-None-Match", asked.etag)]
    elif asked.last_modified:
        headers += [("If-Modified-Since", asked.last_modified)]
    return headers


def _receive_answer(
    found: _Progress, answer: httpcore2.Response, begun: int, limits: DownloadLimits,
    report: Callable[[int, int | None], None],
) -> None:  # fmt: skip
    found.done.date = _read_header(answer, "date")
    try:
        begun = _check_status(found, answer, begun)
    except DownloadError as refused:
        refused.date = found.done.date
        if answer.status >= 400:
            refused.body = _read_beginning(answer)
        raise
    if found.done.is_unchanged:
        return
    found.done.etag = _read_header(answer, "etag")
    found.done.last_modified = _read_header(answer, "last-modified")
    length = _read_header(answer, "content-length")
    if length.isdecimal():
        found.total = begun + int(length)
    found.validator, found.validator_of = _choose_validator(answer), found.address.origin
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
    status, asked = answer.status, found.request
    if status == 304 and (asked.etag or asked.last_modified) and not begun:
        found.done.is_unchanged = True
        return 0
    if status == 206 and asked.tail:
        return 0
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
        raise InterruptedDownloadError("has become shorter meanwhile", status=status)
    if status in PASSING_STATUSES:
        wait = _read_wait(_read_header(answer, "retry-after"))
        if wait > MAX_WAIT_SECONDS:
            raise DownloadError(
                f"answered {status}, and asks to wait {wait:.0f} seconds", status=status
            )
        raise InterruptedDownloadError(f"answered {status}", wait, status)
    raise DownloadError(f"answered {status}", status=status)


def _read_beginning(answer: httpcore2.Response) -> bytes:
    """Read the beginning of the body of an answer that brings no file."""
    found = b""
    for part in answer.iter_stream():
        found += part
        if len(found) >= MAX_REFUSAL_BYTES:
            break
    return found[:MAX_REFUSAL_BYTES]


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
        raise WrongDigestError(
            f"has the {address.algorithm} {got}, not {address.digest}; nothing was loaded"
        )
