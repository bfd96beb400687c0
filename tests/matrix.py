"""The cases that tests run over, derived from the cells there are: a new cell is tested untouched.

How many cases there are follows one rule. A full run has, of every two choices that a test makes (a cell and a shape, a
shape and a dtype), every pair, since what goes wrong with choices goes wrong with one of them or with two together; a
product of more than two would be far longer and would show nothing else. A quick run has every choice, and of the cells
one for each mechanism. What only a full run has is marked ``slow``. A cell that brings nothing which kernels, modules
or exporters tell apart is on the shelf: it has a test of its own, and is in no pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import pytest
import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.kernels.cpu.driver import DTYPES as FUSED
from gatewise.kernels.layer import Layer
from gatewise.transforms import candidate_dropout, clip_gates, clip_memory, layer_norm, recurrent_dropout, zoneout

from .user_cells import USER_CELLS

# Every transformation of a cell, over cells of every kind, some on top of each other.
DERIVED = (
    zoneout(candidate_dropout(clip_memory(CELLS["peephole_lstm"], 0.7), 0.3), {"h": 0.2, "c": 0.6}),
    recurrent_dropout(clip_gates(CELLS["gru_reset_before"], 0.8), 0.4),
    layer_norm(CELLS["slstm"]),
    recurrent_dropout(layer_norm(CELLS["lstm"], "memory"), 0.4, tied=False),
)
# Cells of the library that bring no mechanism which no other has: `cells/test_shelf.py` is their test.
SHELF = frozenset(
    [
        "ind_rnn",
        "min_gru",
        "min_lstm",
        "sru",
        "li_gru",
        "mut1",
        "ugrnn",
        "star",
        "gru_d",
        "t_lstm",
        "cfc",
        "rhn",
        "nested_lstm",
        "multiplicative_lstm",
        "mogrifier_lstm",
        "phased_lstm",
        "fast_grnn",
        "scrn",
        "skip_gru",
    ]
)
FAMILY = {name: cell for name, cell in CELLS.items() if name not in SHELF}
DERIVED_CELLS = {cell.name: cell for cell in DERIVED}
ALL_CELLS = {**FAMILY, **USER_CELLS, **DERIVED_CELLS}

# What kernels, modules and exporters tell apart, and the cell that a quick run has for it.
MECHANISMS = {
    "sums of products": "lstm",
    "a gate that reads another": "gru_reset_before",
    "states of several kinds": "slstm",
    "every operation": "deep",
    "means over units, and noise": DERIVED[-1].name,
    "what a step reads itself": "versatile",
}
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in FUSED}


Row = tuple[str, ...]
"""One choice of each kind, by their names."""


def names(choices: Iterable[str], quick: Collection[str] | None = None) -> list[Any]:
    """Parameters for choices by name.

    quick: those of a quick run; without it all but the cells that have no mechanism of their own.
    """
    return [pytest.param(name, id=name, marks=_marks(name, quick)) for name in choices]


def values(choices: Mapping[str, object], quick: Collection[str] | None = None) -> list[Any]:
    """Likewise, and each stands for its value."""
    return [pytest.param(value, id=name, marks=_marks(name, quick)) for name, value in choices.items()]


def _marks(name: str, quick: Collection[str] | None) -> list[pytest.MarkDecorator]:
    is_quick = _is_quick(name) if quick is None else name in quick
    return [] if is_quick else [pytest.mark.slow]


def _is_quick(name: str) -> bool:
    return name not in ALL_CELLS or name in MECHANISMS.values()


every_cell = pytest.mark.parametrize("cell", values(ALL_CELLS))
every_cell_slowly = pytest.mark.parametrize("cell", values(ALL_CELLS, quick=["lstm"]))  # where compiling takes long
every_dtype = pytest.mark.parametrize("dtype", values(DTYPES))


Choices = Mapping[str, object] | Iterable[object]
"""Values with their names, or values whose names are their text."""


def every_pair(allowed: Callable[..., bool] = lambda *row: True, **choices: Choices) -> pytest.MarkDecorator:
    """A test with one of each of some choices, by argument, over few rows in which every pair of choices occurs.

    allowed: of a row's values, whether they go together.
    """
    return _every(2, allowed, choices)


def every_choice(**choices: Choices) -> pytest.MarkDecorator:
    """Likewise, over the fewest rows in which every choice occurs: where choices have nothing to do with each other."""
    return _every(1, lambda *row: True, choices)


def _every(size: int, allowed: Callable[..., bool], choices: Mapping[str, Choices]) -> pytest.MarkDecorator:
    tables = [one if isinstance(one, Mapping) else {str(value): value for value in one} for one in choices.values()]

    def valued(row: Row) -> tuple[object, ...]:
        return tuple(table[name] for table, name in zip(tables, row, strict=True))

    rows = covering([row for row in product(*tables) if allowed(*valued(row))], size)
    return pytest.mark.parametrize(",".join(choices), cases({row: valued(row) for row in rows}))


def cases(rows: Mapping[Row, Sequence[object]]) -> list[Any]:
    """Parameters for rows of choices, each with its values. A quick run has few, in which every choice occurs."""
    quick = covering([row for row in rows if all(map(_is_quick, row))], 1)
    return [
        pytest.param(*values, id="-".join(row), marks=[] if row in quick else pytest.mark.slow)
        for row, values in rows.items()
    ]


def covering(rows: Sequence[Row], size: int) -> list[Row]:
    """Some of the rows, in their order, in which every combination occurs of so many entries that is in any row."""
    missing = dict.fromkeys(combination for row in rows for combination in _combinations(row, size))
    kept: set[Row] = set()
    while missing:
        first = next(iter(missing))
        having = (row for row in rows if all(row[place] == entry for place, entry in first))
        best = max(having, key=lambda row: sum(combination in missing for combination in _combinations(row, size)))
        kept.add(best)
        for combination in _combinations(best, size):
            missing.pop(combination, None)
    return [row for row in rows if row in kept]


def _combinations(row: Row, size: int) -> Iterator[tuple[tuple[int, str], ...]]:
    return combinations(enumerate(row), size)


def random_layer(
    cell: Cell,
    steps: int,
    rows: int,
    inputs: int,
    units: int,
    *,
    dtype: torch.dtype = torch.float64,
    batch_sizes: Tensor | None = None,
) -> Layer:
    """A layer with random weights, input and initial states; products of the size of what they multiply."""
    generator = torch.Generator().manual_seed(units + 100 * rows)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    total = steps * rows if batch_sizes is None else int(batch_sizes.sum())
    kinds = [noise.each for noise in cell.noise]
    states = random(len(cell.state), rows, units)
    if any(math.isinf(start) for start in cell.initial):  # a normaliser of zero or less would mean nothing
        states = states.abs() + 1
    return Layer(
        random(total, inputs + len(cell.row_inputs)),
        random(units * sum(gate.has_input for gate in cell.gates), inputs) / max(1, inputs) ** 0.5,
        random(units * sum(bool(gate.recurrent) for gate in cell.gates), units) / units**0.5,
        random(units * sum(gate.has_bias for gate in cell.gates)),
        random(len(cell.per_unit), units),
        states,
        random(kinds.count("step"), total, units),
        random(kinds.count("sequence"), rows, units),
        batch_sizes,
    )


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number expected."""
    assert found.shape == expected.shape
    if expected.numel() == 0:
        return 0.0
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
