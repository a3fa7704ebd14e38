"""A real Chromium against a real server; a request to anywhere else fails the test."""

import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import copy_database
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
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


@contextmanager
def open_page(browser: Browser, address: str, **more: Any) -> Iterator[Page]:
    """Open a page of its own; errors in it, and requests that leave the service, are faults."""
    viewport = {"width": 1280, "height": 900}
    context = browser.new_context(base_url=address, **{"viewport": viewport, **more})
    made = context.new_page()
    foreign: list[str] = []
    broken: list[str] = []
    home = urlsplit(address).netloc

    def watch(request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.netloc != home:
            foreign.append(request.url)

    context.on("request", watch)
    made.on("pageerror", lambda error: broken.append(str(error)))
    made.on(
        "console",
        lambda message: (
            broken.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    made.set_default_timeout(30_000)
    try:
        yield made
    finally:  # a page left open by a test that failed would draw until the session ends
        context.close()
    assert foreign == [], "requests to foreign hosts"
    assert broken == [], "errors in the page"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of its own."""
    with open_page(browser, address) as made:
        yield made


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Where screenshots are kept, when they are asked for (`SCREENSHOTS=docs/screenshots`)."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None
