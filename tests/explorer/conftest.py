"""A real Chromium against a real server; a request to anywhere else fails the test."""

import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import copy_database
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)
from serving import serve_database

# The shell draws pages without the windows of a browser around them: in a quarter of the time.
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))),
    None,
)
NOWHERE_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def address(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The service on the bundled data."""
    with serve_database(
        copy_database("sqlite", "explored", tmp_path_factory.mktemp("web"), request)
    ) as found:
        # The first drawing loads the renderer: seconds in which a busy machine answers nothing.
        urllib.request.urlopen(f"{found}/v1/timeline?since=2023&until=2023&format=svg").close()
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium-headless-shell)")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", NOWHERE_ELSE]
        )
        try:
            yield made
        finally:
            made.close()


VIEWPORT: ViewportSize = {"width": 1280, "height": 900}


class Watched:
    """A page, and what went wrong in it."""

    def __init__(self, browser: Browser, address: str, **more: Any) -> None:
        self.context = browser.new_context(base_url=address, **{"viewport": VIEWPORT, **more})
        self.page = self.context.new_page()
        self._address, self._home = address, urlsplit(address).netloc
        self._foreign: list[str] = []
        self._broken: list[str] = []
        # No name of another host is resolved, so that a request to it fails.
        self.context.on("requestfailed", self._watch_request)
        self.page.on("pageerror", lambda error: self._broken.append(str(error)))
        self.page.on("console", self._watch_console)
        self.page.set_default_timeout(30_000)

    def _watch_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.netloc != self._home:
            self._foreign.append(request.url)

    def _watch_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._broken.append(message.text)

    def check_faults(self) -> None:
        """Fail where something went wrong since this was asked before."""
        (foreign, self._foreign), (broken, self._broken) = (self._foreign, []), (self._broken, [])
        assert foreign == [], "requests to foreign hosts"
        assert broken == [], "errors in the page"

    def leave_page(self) -> None:
        """Leave nothing in the page of what a test did: it is as a new one but for its process."""
        for other in self.context.pages:
            if other != self.page:
                other.close()
        self.page.unroute_all()
        self.context.set_offline(False)
        self.context.clear_permissions()
        self.context.clear_cookies()
        if not self.page.url.startswith(self._address):
            self.page.goto("/healthz")
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")
        self.page.emulate_media(media="null", color_scheme="light")
        self.page.set_viewport_size(VIEWPORT)
        self.page.mouse.move(0, 0)


@contextmanager
def open_page(browser: Browser, address: str, **more: Any) -> Iterator[Page]:
    """Open a page of its own; errors in it, and requests that leave the service, are faults."""
    made = Watched(browser, address, **more)
    try:
        yield made.page
    finally:  # a page left open by a test that failed would draw until the session ends
        made.context.close()
    made.check_faults()


class Pages:
    """Lends pages in which nothing is left of what another test did.

    A new one takes as long as most tests of the explorer do.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._new = partial(Watched, browser, address)
        self._left: list[Watched] = []

    @contextmanager
    def borrow_page(self) -> Iterator[Page]:
        """Lend a page; errors in it, and requests that leave the service, are faults."""
        lent = self._left.pop() if self._left else self._new()
        try:
            yield lent.page
            lent.leave_page()
        except BaseException:
            lent.context.close()
            raise
        lent.check_faults()
        self._left.append(lent)


@pytest.fixture(scope="session")
def pages(browser: Browser, address: str) -> Pages:
    """Pages of the service on the bundled data."""
    return Pages(browser, address)


@pytest.fixture
def page(pages: Pages) -> Iterator[Page]:
    """A page with nothing in it of what another test did."""
    with pages.borrow_page() as lent:
        yield lent


@pytest.fixture
def own_page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of its own, for what cannot be taken back."""
    with open_page(browser, address) as made:
        yield made


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Where screenshots are kept, when they are asked for (`SCREENSHOTS=docs/screenshots`)."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None
