"""Write the pages that are made from the code, docs/cells above all: python -m tools.make_docs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent, fill
from typing import Any

from tools import make_reference
from tools.pages import REPOSITORY, document, table

import gatewise.nn
from gatewise import Cell
from gatewise.cells import CELLS
from gatewise.diagram import diagram
from gatewise.nn import Recurrent
from gatewise.show import equations

FOLDER = REPOSITORY / "docs" / "cells"
PICTURES = FOLDER.parent / "pictures" / "cells"
IDENTIFIER = re.compile(r"(doi|arXiv):([\w./-]*\w)")
RESOLVER = {"doi": "https://doi.org/", "arXiv": "https://arxiv.org/abs/"}
INDEX = "One file each in [src/gatewise/cells](../../src/gatewise/cells). `gatewise show NAME` prints the equations."
LEGEND = """x is the input, {} the output, and a prime marks a state one step ago. Products with W sum over the inputs,
products with U over the units; all else is done unit by unit."""
NOTATION = """A box is a learned layer: weights times what it reads, then the function written on it; W or U where
there is none. A circle works unit by unit; 1− is one less its value. Lines that run together are concatenated, and a
dot marks a copy. The notation is that of Olah, Understanding LSTM Networks, 2015; `gatewise show NAME --as diagram`
draws it."""
STACKING = """I inputs, H units. `weight_ih` stacks W and `weight_hh` U: H rows for each gate that has one, in the order
above. Biases likewise: a gate with W and U has two, which add up. `_l0` is the first layer; with `bidirectional` the
weights that read from the end have the same names and `_reverse`."""
WIDTHS = """A gate of another width than H has as many rows as units, and what U multiplies of another width K has a
matrix of its own, `weight_hh_K`. A module is told the widths that have names, `widths={}`; H by default."""
USE = """```python
import torch
from {cell.step.__module__} import {cell.name}
from gatewise.nn import Recurrent

layer = Recurrent({cell.name}, input_size=32, hidden_size=64)
y, {last} = layer(torch.randn(100, 8, 32))  # 100 steps, 8 rows
```"""


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    rows = [(f"[`{name}`]({name}.md)", *outline(cell)) for name, cell in CELLS.items()]
    index = document("# Cells", INDEX, table("cell", "what it is", "source", rows=rows))
    return {"README.md": index} | {f"{name}.md": page(cell) for name, cell in CELLS.items()}


def pictures() -> dict[str, str]:
    """The text of every picture, by file name."""
    return {f"{name}.svg": diagram(cell) for name, cell in CELLS.items()}


def outline(cell: Cell) -> tuple[str, str]:
    """What the cell is, and its first reference."""
    summary, papers = (" ".join(part.split()) for part in cell.doc.split("\n\n", 1))
    found = IDENTIFIER.search(papers)
    return summary, linked(papers[: found.end()]) if found else ""


def page(cell: Cell) -> str:
    """All that there is to know of one cell."""
    paragraphs = [" ".join(text.split()) for text in re.split(r"\n\n|\n(?=Deviation:)", cell.doc)]
    file = f"src/{cell.step.__module__.replace('.', '/')}.py"
    starts = [(f"`{name}`", f"{at:g}".replace("inf", "∞")) for name, at in zip(cell.state, cell.initial, strict=True)]
    weights = [(f"`{name}`", letters(weight.shape, cell)) for name, weight in lettered(cell).named_parameters()]
    last = ", ".join(cell.state)
    return document(
        f"# {cell.name}",
        *(fill(linked(text), 110, break_on_hyphens=False) for text in paragraphs),
        *("## Equations", f"```\n{named_equations(cell)}\n```", LEGEND.format(cell.state[0])),
        *("## Diagram", f"![One step of {cell.name}](../pictures/cells/{cell.name}.svg)", NOTATION),
        *("## Step", f"From [{file}](../../{file}):", f"```python\n{step_source(cell)}\n```"),
        table("state", "starts from", rows=starts),
        *("## Weights", table("parameter", "shape", rows=weights), STACKING),
        *([WIDTHS.replace("{}", str(dict.fromkeys(cell.named_widths, 16)))] if cell.named_widths else []),
        *("## Use", USE.format(cell=cell, last=f"({last})" if "," in last else last)),
        *(f"`gatewise.nn.{name}(32, 64)` is the same layer." for name in modules_of(cell)),
    )


def named_equations(cell: Cell) -> str:
    """Pre-activations with the names of their gates, then the step."""
    lines = dedent(equations(cell).rpartition("\n\n")[2]).splitlines()
    sums, step = lines[: len(cell.gates)], lines[len(cell.gates) :]
    width = max(map(len, sums))
    named = [f"{line:{width}}   # {gate.name}" for line, gate in zip(sums, cell.gates, strict=True)]
    return "\n".join([*named, "", *step])


def step_source(cell: Cell) -> str:
    """The step as its file has it, without the docstring."""
    lines = inspect.getsource(cell.step).splitlines()
    docstring = next(node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Expr))
    del lines[docstring.lineno - 1 : docstring.end_lineno]
    return "\n".join(lines)


LETTERS = {"H": 10**4, "I": 10**2}
"""Sizes that can be told apart in a sum, the largest first; before them come the widths that a cell names."""


def lettered(cell: Cell) -> Recurrent:
    """A layer of those sizes, without memory."""
    features = LETTERS["H" if cell.reads_x else "I"] + len(cell.row_inputs)
    return Recurrent(cell, features, LETTERS["H"], widths=_named_sizes(cell), device="meta")


def _named_sizes(cell: Cell) -> dict[str, int]:
    return {name: 10 ** (6 + 2 * at) for at, name in enumerate(cell.named_widths)}


def letters(shape: Iterable[int], cell: Cell) -> str:
    """The shape of a weight of such a layer."""
    return f"({', '.join(_sum(size, dict(reversed(_named_sizes(cell).items())) | LETTERS) for size in shape)})"


def _sum(size: int, sizes: dict[str, int]) -> str:
    """A size in letters, such as 3H + 1."""
    terms: list[str] = []
    for letter, one in sizes.items():
        count, size = divmod(size, one)
        terms += (
            [letter if count == 1 else f"{count} {letter}" if len(letter) > 1 else f"{count}{letter}"] if count else []
        )
    return " + ".join([*terms, *([str(size)] if size or not terms else [])])


def modules_of(cell: Cell) -> list[str]:
    """The modules whose cell this is unless they are told otherwise."""
    kinds = [kind for kind in vars(gatewise.nn).values() if isinstance(kind, type)]
    layers: list[Any] = [kind for kind in kinds if issubclass(kind, Recurrent) and kind is not Recurrent]
    return [layer.__name__ for layer in layers if layer(1, 1).cell is cell]


def linked(text: str) -> str:
    """The same text, its identifiers as links."""
    return IDENTIFIER.sub(lambda found: f"[{found[0]}]({RESOLVER[found[1]]}{found[2]})", text)


def write(folder: Path, pattern: str, texts: dict[str, str]) -> None:
    """The files of a folder, and no others of this kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(pattern):
        stale.unlink()
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER, "*.md", pages())
    write(PICTURES, "*.svg", pictures())
    for path, text in make_reference.pages().items():
        (FOLDER.parent / path).write_text(text, encoding="utf-8")
