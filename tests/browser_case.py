"""Debian's Chromium for tests, and what it must not do: ask elsewhere, or complain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's headless Chromium."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page with everything it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def watched(
    browser: Browser, *, width: int = 1366, height: int = 768, **context: object
) -> Iterator[Watched]:
    """Open a page that records each request, console message and script error."""
    page = browser.new_page(viewport={"width": width, "height": height}, **context)  # pyright: ignore[reportArgumentType] -- passed on
    seen = Watched(page)
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith("data:") else seen.requests.append(request.url)
        ),
    )
    page.on(
        "console",
        lambda message: (
            seen.complaints.append(message.text) if message.type in {"error", "warning"} else None
        ),
    )
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield seen
    finally:
        page.close()
