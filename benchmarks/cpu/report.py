"""Findings as tables for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from .. import machine
from .result import Finding, Row


def show(finding: Finding, console: Console) -> None:
    """One section's table and what became of its goals."""
    console.print()
    console.print(_table(finding))
    for verdict in finding.verdicts:
        mark = "[green]reached[/]" if verdict.holds else "[red]missed[/] "
        console.print(f"  {mark}  {verdict.goal}: [bold]{verdict.reached}[/]", highlight=False)


def _table(finding: Finding) -> Table:
    table = Table(title=finding.title, title_justify="left", title_style="bold")
    names = list(dict.fromkeys(name for row in finding.rows for name in row.milliseconds))
    figures = list(dict.fromkeys(name for row in finding.rows for name in row.figures))
    table.add_column("case", no_wrap=True)
    for heading in ("threads", *([f"{names[0]} ms"] if names else []), *figures, *names[1:]):
        table.add_column(heading, justify="right")
    for row in finding.rows:
        table.add_row(*_cells(row, names, figures))
    return table


def _cells(row: Row, names: Sequence[str], figures: Sequence[str]) -> list[str]:
    own = [f"{row.milliseconds[names[0]]:.3f}"] if names else []
    extra = [f"{row.figures[name]:.3g}" if name in row.figures else "" for name in figures]
    others = [f"{row.ratios[name]} x" if name in row.ratios else "" for name in names[1:]]
    return [row.case, str(row.threads), *own, *extra, *others]


def markdown(findings: Sequence[Finding]) -> str:
    """All tables and verdicts for a page."""
    about = machine.description()
    where = f"{about['processor']}, {about['cores']} cores ({about['llvm_cpu']}), torch {torch.__version__}"
    lines = [f"Measured {about['time']} on {where}."]
    for finding in findings:
        names = list(dict.fromkeys(name for row in finding.rows for name in row.milliseconds))
        figures = list(dict.fromkeys(name for row in finding.rows for name in row.figures))
        heading = ["case", "threads", *([f"{names[0]} ms"] if names else []), *figures, *names[1:]]
        lines += ["", f"### {finding.title}", "", _cells_of(heading), _cells_of(["---"] * len(heading))]
        lines += [_cells_of(_cells(row, names, figures)) for row in finding.rows]
        lines += [""]
        lines += [f"* {'Reached' if v.holds else '**Missed**'}: {v.goal}: {v.reached}" for v in finding.verdicts]
    return "\n".join(lines) + "\n"


def _cells_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(findings: Sequence[Finding], path: Path) -> None:
    """All findings with the machine and the commit, as JSON."""
    content = {"machine": machine.description(), "findings": [finding.plain() for finding in findings]}
    path.write_text(json.dumps(content, indent=2) + "\n")
