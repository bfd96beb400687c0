"""Whether provenance and decomposition add up, over random models of every cell that admits them.

For every cell and dtype the largest gap of each explanation, relative to the largest of its lines and its value, over
so many random models. A model has one or two layers, one or two directions, initial states, and two sequences, of which
one is shorter; weights are drawn as in torch.nn, states and inputs from N(0, 1). ``own`` is how far the sum of the
provenance is from the recorded state without the line of the run's rounding. ``no`` stands for cells that do not admit
it, ``refused`` for models whose lines cancel so far that the view refuses to be drawn.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.errors import CellError, ExplanationError
from gatewise.inspect.certificate import TOLERANCES, Certificate
from gatewise.inspect.credit.decomposition import decompose
from gatewise.inspect.memory.provenance import Provenance, provenance
from gatewise.inspect.recorded_run import record
from gatewise.nn import Recurrent
from gatewise.transforms import clip_gates, clip_memory, layer_norm, recurrent_dropout, zoneout
from gatewise.transforms.rewrite import is_scaled

INPUTS, UNITS = 3, 8
DERIVED = {
    "peephole_lstm, clipped, zoneout": zoneout(clip_memory(CELLS["peephole_lstm"], 0.7), {"h": 0.2, "c": 0.6}),
    "gru_reset_before, clipped, dropout": recurrent_dropout(clip_gates(CELLS["gru_reset_before"], 0.8), 0.4),
    "lstm, output normalised": layer_norm(CELLS["lstm"]),
    "lstm, memory normalised": layer_norm(CELLS["lstm"], "memory"),
    "slstm, normalised": layer_norm(CELLS["slstm"]),
}

Gap: TypeAlias = "float | str"  # or why there is none


class Model(NamedTuple):
    """A random model, and what it is called with. seed: its number."""

    module: Recurrent
    x: Tensor
    hx: tuple[Tensor, ...]
    lengths: list[int]
    seed: int

    @property
    def states(self) -> Any:
        """The initial states, as the module takes them."""
        return self.hx if len(self.hx) > 1 else self.hx[0]

    @property
    def directions(self) -> int:
        """D."""
        return 1 + self.module.bidirectional


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=int, default=100, help="random models of each cell (100)")
    parser.add_argument("--steps", type=int, default=2000, help="steps of the longest sequence (2000)")
    parser.add_argument("cells", nargs="*", metavar="CELL", help="which (all)")


def measure(given: argparse.Namespace) -> bool:
    """Print a table. Whether everything that is shown adds up."""
    missed: list[str] = []
    cells = {**CELLS, **DERIVED}
    print(f"{'cell':44}{'dtype':9}{'provenance':>11}{'own':>9}{'by time':>9}{'decomposition':>23}")
    for name in given.cells or cells:
        for dtype in TOLERANCES:
            models = [random_model(cells[name], given.steps, seed, dtype) for seed in range(given.models)]
            rows = [_gaps(model) for model in models]
            print(_row(name, dtype, rows), flush=True)
            gaps = [gap for provenance, _, *others in rows for gap in (provenance, *others)]
            if any(gap > TOLERANCES[dtype] for gap in gaps if not isinstance(gap, str)):
                missed.append(f"{name}, {dtype}")
    if missed:
        print(f"does not hold: {'; '.join(missed)}")
    return not missed


def random_model(cell: Cell, steps: int, seed: int, dtype: torch.dtype) -> Model:
    """One of the models that the seed numbers."""
    torch.manual_seed(seed)
    layers, bidirectional = 1 + seed % 2, seed % 4 > 1
    module = Recurrent(cell, INPUTS, UNITS, num_layers=layers, bidirectional=bidirectional, dtype=dtype).eval()
    places = len(module.places)
    states = [torch.randn(places, 2, UNITS, dtype=dtype) for _ in cell.state]
    if is_scaled(cell):  # a normaliser of zero or less would mean nothing
        states = [state.abs() + 1 for state in states]
    return Model(module, torch.randn(steps, 2, INPUTS, dtype=dtype), tuple(states), [steps, steps - 3], seed)


def _row(name: str, dtype: torch.dtype, rows: Sequence[tuple[Gap, Gap, Gap, Gap]]) -> str:
    cells = [_largest([row[column] for row in rows]) for column in range(4)]
    return f"{name:44}{str(dtype).removeprefix('torch.'):9}{cells[0]:>11}{cells[1]:>9}{cells[2]:>9}{cells[3]:>23}"


def _gaps(model: Model) -> tuple[Gap, Gap, Gap, Gap]:
    """The columns of one model."""
    try:
        memory, last = _followed(model)
    except CellError:
        return "no", "no", "no", _gap(lambda: _decomposition(model))
    written = memory.at(last)
    lines = torch.cat((written.steps, written.initial[None]))
    own = Certificate.of("", lines, memory.states[last], 1.0).gap
    by_time = _gap(lambda: memory.by_write_time(last, torch.ones(UNITS)).certificate)
    return _gap(lambda: written.certificate), own, by_time, _gap(lambda: _decomposition(model))


def _gap(explained: Callable[[], Certificate | None]) -> Gap:
    try:
        certificate = explained()
        return "refused" if certificate is None else certificate.gap
    except CellError:
        return "no"
    except ExplanationError:
        return math.inf


def _largest(gaps: Sequence[Gap]) -> str:
    """The largest gap, and how many models were refused."""
    if "no" in gaps:
        return "no"
    refused, numbers = gaps.count("refused"), [gap for gap in gaps if not isinstance(gap, str)]
    return ", ".join(([f"{max(numbers):.1e}"] if numbers else []) + ([f"{refused} refused"] if refused else []))


def _followed(model: Model) -> tuple[Provenance, int]:
    """A memory of one place of the second sequence, and the last step that its direction ran."""
    direction = model.seed % model.directions
    layer = model.module.num_layers - 1
    kept = record(model.module, model.x, model.states, model.lengths, preactivations=True)
    return provenance(kept, layer, direction, batch=1), 0 if direction else -1


def _decomposition(model: Model) -> Certificate | None:
    """None where lines that large cancel that the view refuses to be drawn."""
    middle = len(model.x) // 2
    found = decompose(model.module, model.x, lambda output: output[0][middle, 1, 0], model.states, model.lengths)
    return None if found.cancels else found.certificate
