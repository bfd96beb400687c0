"""Check the built site: every link and picture leads to something that is there, and every public object is described.

python -m tools.check_site [--outside]        --outside asks for the addresses of other sites too
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag
from urllib.request import Request, urlopen

from tools.api import MODULES, public
from tools.pages import REPOSITORY

SITE = REPOSITORY / "build" / "site"
THERE_BUT_SHUT = {403, 405, 418, 429}
"""Statuses by which a site says that it answers no programs."""


class Page(HTMLParser):
    """The links of a page, and the anchors that others may lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every tag."""
        given = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        self.links |= {value for name in ("href", "src") if (value := given.get(name))}


def dead(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Every link within the site that leads nowhere, as a line of text."""
    for path, page in pages.items():
        for link in sorted(page.links):
            target, anchor = urldefrag(unquote(link))
            if path.name != "404.html" and not is_outside(link):
                there = (path.parent / target).resolve() if target else path
                if not there.exists() or (anchor and there in pages and anchor not in pages[there].anchors):
                    yield f"{path.relative_to(site)} leads to {link}, which is not there"


def is_outside(link: str) -> bool:
    """Whether a link leads to another site, or is no address of a page."""
    return link.startswith(("http:", "https:", "mailto:", "data:", "javascript:"))


def undescribed(pages: dict[Path, Page]) -> Iterator[str]:
    """Every public object without a place in the API, as a line of text."""
    anchors = {anchor for page in pages.values() for anchor in page.anchors}
    for module in MODULES:
        for name in public(module):
            if f"{module}.{name}" not in anchors:
                yield f"{module}.{name} is described nowhere"


def unreachable(pages: dict[Path, Page]) -> Iterator[str]:
    """Every address of another site that does not answer, as a line of text."""
    links = sorted({urldefrag(link)[0] for page in pages.values() for link in page.links if link.startswith("http")})
    with ThreadPoolExecutor(8) as pool:
        for link, fault in zip(links, pool.map(asked, links), strict=True):
            if fault:
                yield f"{link}: {fault}"


def asked(link: str) -> str:
    """What is wrong with an address, or nothing."""
    try:
        with urlopen(Request(link, headers={"User-Agent": "Mozilla/5.0"}), timeout=20):
            return ""
    except HTTPError as error:
        return "" if error.code in THERE_BUT_SHUT else str(error)
    except (URLError, OSError) as error:
        return str(error)


def faults(site: Path, *, outside: bool = False) -> list[str]:
    """What is wrong with a site, a line each."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    return [*dead(site.resolve(), pages), *undescribed(pages), *(unreachable(pages) if outside else ())]


if __name__ == "__main__":
    lines = faults(SITE, outside="--outside" in sys.argv)
    print("\n".join(lines) or "every link leads somewhere, every public object is described")
    sys.exit(bool(lines))
