"""Addresses of files: what may be asked for, and with which checksum."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from app.ingest.remote.errors import DownloadError

DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Hexadecimal digits of a checksum by its algorithm."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SAFE_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class FileAddress:
    """The address of a file over http or https, and the checksum that it must have."""

    url: str
    """Without a fragment."""
    algorithm: str = ""
    digest: str = ""
    """The checksum in lower-case hexadecimal digits; empty where none is given."""

    @property
    def host(self) -> str:
        """The name or number of the host."""
        return _split(self.url).hostname or ""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = _split(self.url)
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @property
    def shown(self) -> str:
        """The address without its query, which can have secrets in it."""
        return self.url.partition("?")[0]

    @property
    def is_encrypted(self) -> bool:
        """Whether the address is one of https."""
        return _split(self.url).scheme == "https"

    @property
    def file_name(self) -> str:
        """A name for the file on disk, from the end of the path."""
        last = PurePosixPath(unquote(_split(self.url).path)).name
        return _SAFE_NAME.sub("_", last).lstrip(".")[-100:] or "download"

    def follow_redirect(self, location: str) -> "FileAddress":
        """Return the address that a redirect leads to; raises `DownloadError`.

        The checksum stays. A redirect from https to http is refused.
        """
        target = parse_address(urljoin(self.url, location).partition("#")[0])
        if self.is_encrypted and not target.is_encrypted:
            raise DownloadError("is redirected from https to http", target.url)
        return FileAddress(target.url, self.algorithm, self.digest)


def is_address(text: str) -> bool:
    """Return whether an argument is meant as an address rather than as a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def parse_address(text: str) -> FileAddress:
    """Parse an address, with `#sha256=…` or the like for a checksum; raises `DownloadError`."""
    url, _, fragment = text.partition("#")
    try:
        parts = _split(url)
        _ = parts.port
    except ValueError as wrong:
        raise DownloadError(f"is not an address: {wrong}", text) from wrong
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadError("must begin with https:// or http:// and name a host", text)
    if parts.username is not None or parts.password is not None:
        raise DownloadError("must not contain a name or password", f"{parts.scheme}://…")
    if not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise DownloadError("must be ASCII without blanks; encode other characters as %xx", text)
    if not fragment:
        return FileAddress(url)
    algorithm, _, digest = fragment.lower().partition("=")
    if len(digest) != DIGEST_LENGTHS.get(algorithm) or not re.fullmatch("[0-9a-f]+", digest):
        known = ", ".join(DIGEST_LENGTHS)
        raise DownloadError(f"may end with a checksum, as #sha256=… (one of {known})", text)
    return FileAddress(url, algorithm, digest)


def is_public(number: str) -> bool:
    """Return whether an IP address is one of the public internet.

    Addresses that carry another one (IPv4 in IPv6, 6to4, NAT64) count as that one.
    """
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast


def _split(url: str) -> SplitResult:
    return urlsplit(url)
