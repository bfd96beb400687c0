"""Our LSTM beside torch.nn's as one chart, drawn from docs/performance.md: ``python -m benchmarks chart``."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "pictures" / "speed.svg"
TITLES = {
    "lstm, forward + backward": "Training step, times as fast as torch.nn.LSTM",
    "lstm, inference": "Inference, times as fast as torch.nn.LSTM",
}
THREADS, PEER = "1", "torch.nn"

# Pixels, and how far the ticks of the axis are from each other.
_WIDTH, _LEFT, _RIGHT, _HEAD, _ROW, _FOOT, _CAPTION, _APART = 680, 182, 60, 40, 24, 26, 52, 0.5
_RATIO = re.compile(r"([\d.]+) \(([\d.]+) to ([\d.]+)\) x")


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as the peer a case is: the median over rounds, and quartiles."""

    case: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Bar:
    """A ratio as it is drawn, in pixels. ahead: whether it is at least 1."""

    case: str
    text: str
    ahead: bool
    y: float
    width: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """A table as it is drawn."""

    title: str
    y: float
    height: float
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Tick:
    """A mark of the axis."""

    x: float
    text: str


def ratios(page: str, table: str) -> list[Ratio]:
    """The rows of a table on one thread, by the heading above it."""
    lines = page.partition(f"### {table}\n")[2].strip().partition("\n\n")[0].splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    chosen = (dict(zip(head, row, strict=True)) for row in rows)
    return [_ratio(row["case"], row[PEER]) for row in chosen if row["threads"] == THREADS]


def _ratio(case: str, text: str) -> Ratio:
    found = _RATIO.fullmatch(text)
    assert found, text
    return Ratio(case, *map(float, found.groups()))


def measured(page: str) -> str:
    """On which machine the tables were made, and when: the last line above the first of them that says so."""
    before = page.partition(f"### {list(TITLES)[-1]}\n")[0]
    when, where = re.findall(r"^Measured (\d{4}-\d\d-\d\d)\S* on (.*)\.$", before, flags=re.M)[-1]
    return f"{where}; {when}, by python -m benchmarks cpu."


def drawn(page: str) -> str:
    """The SVG file's text."""
    tables = {title: ratios(page, table) for table, title in TITLES.items()}
    most = _APART * math.ceil(max(row.high for rows in tables.values() for row in rows) / _APART)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    panels, y = [], 0.0
    for title, rows in tables.items():
        bars = [_bar(row, y + _HEAD + at * _ROW + 4, scale) for at, row in enumerate(rows)]
        panels.append(Panel(title, y + _HEAD, len(rows) * _ROW, bars))
        y += _HEAD + len(rows) * _ROW + _FOOT
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, undefined=StrictUndefined, autoescape=True
    )
    places = [at * _APART for at in range(round(most / _APART) + 1)]
    ticks = [Tick(_x(at, scale), f"{at:g}") for at in places]
    return environment.get_template("chart.svg.j2").render(
        panels=panels, ticks=ticks, measured=measured(page), left=_LEFT, width=_WIDTH, height=round(y + _CAPTION)
    )


def _bar(row: Ratio, y: float, scale: float) -> Bar:
    width = round(row.median * scale, 1)
    return Bar(row.case, f"{row.median:.2f}", row.median >= 1, y, width, _x(row.low, scale), _x(row.high, scale))


def _x(ratio: float, scale: float) -> float:
    return round(_LEFT + ratio * scale, 1)


def main(words: Sequence[str]) -> None:
    argparse.ArgumentParser(prog="python -m benchmarks chart", description=__doc__).parse_args(words)
    PICTURE.write_text(drawn(TABLES.read_text(encoding="utf-8")), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
