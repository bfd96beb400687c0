"""What MkDocs does beside rendering pages: the API, files that pages link to outside docs, and patterns in the menu.

Pages are written to be read in the repository too, so a link leads to the file that it names. On the site, such a
file is a page below ``repository``.
"""

from __future__ import annotations

import inspect
import os
import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from tools.api import MODULES, public
from tools.pages import REPOSITORY

DOCS = "docs"
OUTSIDE = "repository"
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)")
GENERATED = re.compile(r"\A<!-- .* -->\s+")  # MkDocs takes a page's title from what comes first
LANGUAGES = {".py": "python", ".c": "c", ".h": "c", ".toml": "toml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file of docs holds, then fill in the patterns of the menu."""
    for module in MODULES:
        files.append(File.generated(config, f"reference/api/{module}.md", content=api_page(module)))
    for path in outside(files):
        files.append(File.generated(config, address(path), content=text_of(path)))
    uris = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = expanded(config.nav, uris, set(named(config.nav)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Have links that lead out of docs lead to the pages of what they name, and begin with the heading."""
    place = origin(page.file.src_uri)

    def moved(link: re.Match[str]) -> str:
        path = target(place, link[1])
        if path is None or (path.startswith(f"{DOCS}/") and place.startswith(f"{DOCS}/")):
            return link[0]
        return f"]({posixpath.relpath(address(path), posixpath.dirname(page.file.src_uri) or '.')}"

    return LINK.sub(moved, GENERATED.sub("", markdown))


# The API


def api_page(module: str) -> str:
    """Every public object of a module, each described by its docstring."""
    objects = "\n\n".join(f"::: {module}.{name}" for name in public(module))
    return f"# {module}\n\n{inspect.getdoc(import_module(module)) or ''}\n\n{objects}\n"


# Files outside docs


def outside(files: Files) -> list[str]:
    """The paths in the repository of everything outside docs that a page leads to, over any number of links."""
    waiting = [origin(file.src_uri) for file in files.documentation_pages() if file.abs_src_path]
    waiting += [f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += [found for found in map(lambda link: target(path, link), links(path)) if found]
    return sorted(path for path in seen if not path.startswith(f"{DOCS}/"))


def links(path: str) -> list[str]:
    """What a page links to; nothing for code."""
    if not path.endswith(".md"):
        return [f"./{name}" for name in listing(path)] if (REPOSITORY / path).is_dir() else []
    return LINK.findall((REPOSITORY / path).read_text(encoding="utf-8"))


def listing(path: str) -> list[str]:
    """The files of a folder."""
    return sorted(each.name for each in (REPOSITORY / path).iterdir() if each.is_file())


def target(path: str, link: str) -> str | None:
    """The path that a link in this file leads to, None where it leads to nothing in the repository."""
    folder = path if (REPOSITORY / path).is_dir() else posixpath.dirname(path)
    found = posixpath.normpath(posixpath.join(folder, link))
    return found if not found.startswith("..") and (REPOSITORY / found).exists() else None


def origin(uri: str) -> str:
    """The path in the repository of what a page shows."""
    if not uri.startswith(f"{OUTSIDE}/"):
        return f"{DOCS}/{uri}"
    path = uri.removeprefix(f"{OUTSIDE}/")
    return path if (REPOSITORY / path).exists() else path.removesuffix(".md").removesuffix("/index")


def address(path: str) -> str:
    """The page that shows a file or folder, as MkDocs names pages."""
    if path.startswith(f"{DOCS}/"):
        return path.removeprefix(f"{DOCS}/")
    if (REPOSITORY / path).is_dir():
        return f"{OUTSIDE}/{path}/index.md"
    return f"{OUTSIDE}/{path}" if path.endswith(".md") else f"{OUTSIDE}/{path}.md"


def text_of(path: str) -> str:
    """A file or folder outside docs as a page."""
    file = REPOSITORY / path
    if path.endswith(".md"):
        return file.read_text(encoding="utf-8")
    if file.is_dir():
        return f"# {path}\n\n" + "\n".join(f"- [{name}]({name})" for name in listing(path))
    if file.suffix in LANGUAGES or os.path.getsize(file) < 1 << 16:
        return f"# {path}\n\n````{LANGUAGES.get(file.suffix, 'text')}\n{file.read_text(encoding='utf-8')}\n````\n"
    return f"# {path}\n\n{os.path.getsize(file):,} bytes, in the repository.\n"


# The menu


def named(entries: Any) -> Iterator[str]:
    """Every page and pattern of a menu."""
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, str):
            yield value
        else:
            yield from named(value)


def expanded(entries: Any, uris: list[str], taken: set[str]) -> list[Any]:
    """A menu with pages in place of patterns: those of the pattern's folder that are named nowhere else."""
    menu: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            menu += [{title: expanded(of, uris, taken) if isinstance(of, list) else of} for title, of in entry.items()]
        elif "*" in entry:
            menu += [uri for uri in uris if uri not in taken and fits(uri, entry)]
        else:
            menu.append(entry)
    return menu


def fits(uri: str, pattern: str) -> bool:
    """Whether a page is one of a pattern's folder."""
    return fnmatch(uri, pattern) and uri.count("/") == pattern.count("/")
