"""Commands that are run with hostile names, and what came of them: what was printed, tables and pages."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cli import follow
from gatewise.escape import spreadsheet_safe

from .browser import opened
from .part import Report

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no file and no page of ours holds: control characters but for line ends, and what turns text round."""


@dataclass
class Bench:
    """Where commands run, and what came of them. pages: what each page has of plain names."""

    folder: Path
    report: Report
    browser: Any
    pages: dict[str, list[dict[str, Any]]]
    where: str = ""

    def found(self, what: str) -> None:
        self.report.findings.append(f"{self.where}: {what}"[:300].encode("unicode_escape").decode())

    def ran(self, *words: str) -> str:
        """What a command printed; an error of one or two lines is as good as an answer."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                code: object = follow(list(words))
            except BaseException as error:
                code = "failed"
                self.found(f"{words[0]}: {''.join(traceback.format_exception_only(error)).strip()}")
        printed = out.getvalue() + errors.getvalue()
        if "Traceback" in printed or len(errors.getvalue().splitlines()) > 2:
            self.found(f"{words[0]} {words[1:3]}: {errors.getvalue()[-200:]}")
        if loud := sorted({letter for letter in printed if not letter.isprintable() and letter != "\n"}):
            self.found(f"{words[0]} prints {loud}")
        self.report.outcomes[f"{words[0]} {'ran' if code == 0 else 'refused'}"] += 1
        return out.getvalue()

    def json(self, *words: str) -> None:
        """A command whose answer is JSON, or an error."""
        printed = self.ran(*words, "--json")
        try:
            json.loads(printed or "0")
        except ValueError as error:
            self.found(f"{words[0]} --json: {error}")

    def check_csv(self, name: str) -> None:
        """A table of ours, row by row, as several readers split it."""
        path = self.folder / name
        if not path.exists():
            return
        text = path.read_bytes().decode()
        if STEERING.search(text):
            self.found(f"{name} holds {STEERING.findall(text)[:5]}")
        rows = list(csv.reader(io.StringIO(text)))
        if not len(text.splitlines()) == text.count("\n") == len(rows) or len({len(cells) for cells in rows}) > 1:
            self.found(f"{name} has {len(text.splitlines())} lines, and {len(rows)} rows")
        for cells in rows:
            if spreadsheet_safe(cells[0]) != cells[0]:
                self.found(f"{name} has the formula {cells[0][:40]!r}")

    def check_page(self, name: str) -> None:
        """A page has the elements and attributes that it has of plain names, links nowhere, and steers nothing."""
        path = self.folder / name
        if not path.exists():
            return
        if STEERING.search(path.read_bytes().decode(errors="surrogateescape")):
            self.found(f"{name} holds a letter that steers")
        if self.browser is None:
            self.report.outcomes["page without a browser"] += 1
            return
        contents, complaints = opened(self.browser, path)
        self.report.outcomes["page opened"] += 1
        plain = self.pages.setdefault(name, contents)
        for complaint in complaints:
            self.found(f"{name}: {complaint}")
        if len(contents) != len(plain):
            self.found(f"{name} has {len(contents)} frames, and {len(plain)} of plain names")
        for one, other in zip(contents, plain, strict=False):
            for kind in ("elements", "attributes"):
                if strange := set(one[kind]) - set(other[kind]) - ALLOWED:
                    self.found(f"{name} has the {kind} {sorted(strange)}")
            for element in ("script", "style", "iframe", "meta", "link", "base", "form", "a", "img"):
                if one["elements"].count(element) != other["elements"].count(element):
                    self.found(f"{name} has {one['elements'].count(element)} of {element}")
            if one["links"] or one["loud"] or STEERING.search(one["text"]):
                self.found(f"{name}: {one['links'][:3]} {one['loud']} {STEERING.findall(one['text'])[:3]}")


ALLOWED = frozenset(
    [
        *("wbr", "colspan", "tspan", "details", "summary", "hidden", "open"),
        *(
            "line",
            "x1",
            "x2",
            "y1",
            "y2",
            "preserveAspectRatio",
            "tfoot",
        ),  # curves and sums, where there is one to show
    ]
)
"""What a page may have where names are longer or numbers other, as they are on another processor."""
