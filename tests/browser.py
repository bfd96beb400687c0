"""A real browser, without a network, that keeps every complaint of a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.needs import need

PHONE, DESK = 390, 1280
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def launched() -> Iterator[Any]:
    """Chromium as the machine has it."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        need(NAMES[0])
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def visit(browser: Any, html: str, folder: Path, width: int = DESK, scheme: str = "light") -> Iterator[Any]:
    """The page opened from a file with the network blocked; nothing may be fetched, refused or complained about."""
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8", errors="surrogatepass")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: request.url == file.as_uri() or complaints.append(f"asks for {request.url}"))
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    context.route(lambda url: url != file.as_uri(), lambda route: route.abort())
    page.goto(file.as_uri())
    yield page
    context.close()
    assert complaints == []


# The least contrast (WCAG 2.2) of any text on the page with what lies behind it, with that text.
LEAST_CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, alpha = 1] = rgb(getComputedStyle(node).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
  };
  const contrast = (node) => {
    const style = getComputedStyle(node);
    const colour = rgb(node.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const [low, high] = [luminance(colour), luminance(behind(node))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const words = [...document.body.querySelectorAll("*")].filter((node) => node.getClientRects().length
    && !node.matches("script") && [...node.childNodes].some((part) => part.nodeType === 3 && part.data.trim()));
  return words.map((node) => [contrast(node), node.textContent.trim()]).sort((a, b) => a[0] - b[0])[0];
}"""
