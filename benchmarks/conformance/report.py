"""The table for people, as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .. import machine
from ..cpu.result import Verdict
from .goals import spread
from .runner import Line
from .task import Outcome


def verdicts(line: Line) -> list[Verdict]:
    """What became of each pass line."""
    return [goal.judge(line.outcomes) for goal in line.task.goals]


def show(line: Line, console: Console) -> None:
    """One line's contenders, the published figure, and what became of its goals."""
    heading, *rows = _rows(line)
    table = Table(title=_title(line), title_justify="left", title_style="bold")
    table.add_column(heading[0], no_wrap=True)
    for name in heading[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)
    console.print(f"  published: {line.task.published}", highlight=False, markup=False)
    for verdict in verdicts(line):
        mark = "[green]reached[/]" if verdict.holds else "[red]missed[/] "
        console.print(f"  {mark}  {verdict.goal}: [bold]{verdict.reached}[/]", highlight=False)


def _title(line: Line) -> str:
    return f"{line.task.line} {line.task.name}: {line.task.shows}"


def _rows(line: Line) -> list[list[str]]:
    """A heading and a row for each contender: mean, and lowest to highest, of every figure over the seeds."""
    figures = list(dict.fromkeys(name for found in line.outcomes.values() for name in found[0].figures))
    rows = [["contender", "weights", *figures, "CPU seconds"]]
    for contender, found in line.outcomes.items():
        cells = [_cell(found, name) for name in figures]
        seconds = sum(outcome.seconds for outcome in found) / len(found)
        rows.append([contender, f"{found[0].parameters:,}", *cells, f"{seconds:.1f}"])
    return rows


def _cell(found: Sequence[Outcome], figure: str) -> str:
    return spread([outcome.figures[figure] for outcome in found]) if figure in found[0].figures else ""


def markdown(lines: Sequence[Line], command: str, seconds: float) -> str:
    """All lines for a page, with the machine, the commit and the time they took."""
    about = machine.description()
    changed = " with changes" if about["changed"] else ""
    packages: Any = about["packages"]
    text = [
        f"`{command}`, {about['time']}, commit `{str(about['commit'])[:12]}`{changed}, on {about['processor']}, "
        f"{about['cores']} cores, torch {packages['torch']}; {seconds / 60:.0f} minutes in all."
    ]
    for line in lines:
        heading, *rows = _rows(line)
        text += ["", f"### {_title(line)}", "", _piped(heading), _piped(["---", *["---:"] * (len(heading) - 1)])]
        text += [_piped(row) for row in rows]
        text += ["", f"* Published: {line.task.published}"]
        marks = [("Reached" if verdict.holds else "**Missed**", verdict) for verdict in verdicts(line)]
        text += [f"* {mark}: {verdict.goal}: {verdict.reached}" for mark, verdict in marks]
    return "\n".join(text) + "\n"


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write(lines: Sequence[Line], path: Path) -> None:
    """Every outcome of every seed with the machine and the commit, as JSON."""
    path.write_text(
        json.dumps({"machine": machine.description(), "lines": [_plain(line) for line in lines]}, indent=2) + "\n"
    )


def _plain(line: Line) -> dict[str, Any]:
    words = {name: getattr(line.task, name) for name in ("line", "name", "shows", "published")}
    outcomes = {name: [asdict(outcome) for outcome in found] for name, found in line.outcomes.items()}
    return {**words, "outcomes": outcomes, "goals": [asdict(verdict) for verdict in verdicts(line)]}
