"""Connections to the hosts of files: by their checked numbers, through proxies, with certificates.

A name is looked up once, and the connection goes to the number that was checked, so that a name
which changes its number between the two leads nowhere else.
"""

import socket
from collections.abc import Iterable
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore2

from app.ingest.remote.address import FileAddress, is_public
from app.ingest.remote.errors import DownloadError


class GuardedBackend(httpcore2.NetworkBackend):
    """Opens connections to public addresses alone, unless private ones are allowed."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first number of a host that answers; raises `DownloadError`."""
        numbers = resolve_host(host, port)
        if not self._allow_private and not all(map(is_public, numbers)):
            raise DownloadError(
                f"leads to the private address {numbers[0]}; ENTENTE_ALLOW_PRIVATE_ADDRESSES=true"
                " allows such"
            )
        failed: Exception | None = None
        for number in numbers:
            try:
                return self._plain.connect_tcp(number, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                failed = failure
        raise failed or httpcore2.ConnectError(f"{host} has no number")


def resolve_host(host: str, port: int) -> list[str]:
    """Look up the numbers of a host, in the system's order."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise httpcore2.ConnectError(f"the host {host} is not known: {unknown}") from unknown
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def open_pool(address: FileAddress, allow_private: bool) -> httpcore2.ConnectionPool:
    """Open a pool of one connection to the host of an address, or to its proxy.

    Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY`); a proxy looks names up
    itself, so only numbers of private addresses can be refused on its way.
    """
    proxy = getproxies().get("https" if address.is_encrypted else "http")
    if proxy and not proxy_bypass(address.host):
        if not allow_private and _is_private_number(address.host):
            raise DownloadError("leads to a private address", address.url)
        return httpcore2.ConnectionPool(max_connections=1, proxy=_parse_proxy(proxy))
    return httpcore2.ConnectionPool(
        max_connections=1, network_backend=GuardedBackend(allow_private)
    )


class ConnectionKeeper:
    """Keeps one connection to each host open between requests."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._pools: dict[str, httpcore2.ConnectionPool] = {}

    def find_pool(self, address: FileAddress) -> httpcore2.ConnectionPool:
        """Return the pool of one connection to the host of an address."""
        if (pool := self._pools.get(address.origin)) is None:
            pool = self._pools[address.origin] = open_pool(address, self._allow_private)
        return pool

    def close(self) -> None:
        """Close all connections."""
        while self._pools:
            self._pools.popitem()[1].close()


def _is_private_number(host: str) -> bool:
    try:
        return not is_public(host.strip("[]"))
    except ValueError:  # a name
        return host == "localhost" or host.endswith(".localhost")


def _parse_proxy(proxy: str) -> httpcore2.Proxy:
    scheme, _, rest = proxy.rpartition("://")
    credentials, _, place = rest.rpartition("@")
    name, _, password = credentials.partition(":")
    url = f"{scheme or 'http'}://{place}"
    return httpcore2.Proxy(url, auth=(name, password) if credentials else None)
