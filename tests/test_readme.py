"""The README says what is so: its code runs, its cell is ours, its size is kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import gatewise
from gatewise.cells import CELLS
from gatewise.compiler.lower import program_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.S | re.M)


def test_it_is_short():
    assert README.count("\n") <= 120


def test_its_first_lines_of_code_are_our_lstm():
    # Recording needs no source file, so the block can be run as it stands.
    names = {"cell": gatewise.cell, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    exec(BLOCKS[0], names)
    assert str(program_of(names["lstm"])) == str(program_of(CELLS["lstm"]))


@pytest.mark.parametrize("block", BLOCKS[1:], ids=lambda block: block.split("\n")[0])
def test_its_code_runs(block, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(block, {})
    printed = capsys.readouterr().out
    expected = re.search(r"print\(.*\)\s+# (.*)$", block, flags=re.M)
    assert expected is None or printed.strip() == expected[1]


def test_every_cell_is_in_its_table():
    table = [line for line in README.splitlines() if line.startswith("| `")]
    assert all(any(f"`{name}`" in line.split("|")[1] for line in table) for name in CELLS)
