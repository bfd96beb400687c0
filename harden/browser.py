"""A page in a real browser without a network: what is in it, and every complaint."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# The names of all elements and attributes, what points elsewhere, and all text there is, of one document.
CONTENTS = """() => {
  const all = [...document.querySelectorAll("*")];
  const attributes = all.flatMap((node) => [...node.attributes]);
  const pointing = ["href", "src", "action", "formaction", "data", "poster", "ping", "xlink:href"];
  return {
    elements: all.map((node) => node.localName),
    attributes: [...new Set(attributes.map((one) => one.name))],
    links: attributes.filter((one) => pointing.includes(one.name) && !one.value.startsWith("#"))
      .map((one) => one.value),
    text: all.map((node) => [...node.childNodes].filter((part) => part.nodeType === 3).map((part) => part.data)
      .join("")).join("") + attributes.filter((one) => one.name !== "srcdoc").map((one) => one.value).join(""),
    loud: window.harmed || "",
  };
}"""


@contextmanager
def launched() -> Generator[Any]:
    """Chromium as the machine has it; None where it has none."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(browser: Any, file: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The `CONTENTS` of the page and of every frame in it, and whatever it complains of or asks for."""
    context = browser.new_context(offline=True)
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: request.url == file.as_uri() or complaints.append(f"asks for {request.url}"))
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(file.as_uri())
    page.wait_for_load_state()
    contents = [frame.evaluate(CONTENTS) for frame in page.frames]
    context.close()
    return contents, complaints
