"""What scripts of both passes of a small layer have in common: their arguments, what is kept, and a sweep."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import torch

from ...compiler.gradient import kept_width
from ...compiler.stages import INPUT, in_pairs
from ...equation import Cell
from ..small import Biases, LayerSize
from .arguments import Arguments, HalfArguments
from .arrays import held, input_arrays, noise_arrays, now, pointers
from .pack import pack_task, packer
from .plan import EARLY_BYTES, Plan
from .script import ScriptWriter, Unplaced
from .table import Array
from .team import barrier_numbers
from .threads import wanted, yield_address


class Kind(NamedTuple):
    """What scripts of both passes are written for. separate, training: see :class:`..small.Passes`. pairs: what
    multiplies pairs of bfloat16 (:class:`.blocking.Machine`), where arguments are in it. threads: that may share
    work."""

    cell: Cell
    dtype: torch.dtype
    size: LayerSize
    biases: Biases
    separate: bool
    training: bool
    threads: int
    pairs: str

    @property
    def terms(self) -> int:
        """How many numbers make one term of a product."""
        return 2 if self.pairs else 1

    def begun(self) -> tuple[ScriptWriter, Arguments]:
        """A script, and how it takes its arguments."""
        if not self.pairs:
            script = ScriptWriter(self.dtype)
            return script, Arguments(script)
        script = ScriptWriter(torch.float32)
        return script, HalfArguments(script)


Argument: TypeAlias = Callable[..., Unplaced]
"""A way to take an argument of this shape; see :class:`.arguments.Arguments`."""


class Weights(NamedTuple):
    """Where the weights of a layer are. biases: ih and hh, which may have no elements. per_unit: for each, (H,)."""

    W: Unplaced
    U: Unplaced
    biases: tuple[Unplaced, Unplaced]
    per_unit: list[Unplaced]


def input_of(kind: Kind, take: Argument) -> Unplaced:
    """The input, or its gradient: what W multiplies, then the numbers of each row that the step reads itself."""
    return take(kind.size.all_rows, kind.size.inputs + len(kind.cell.row_inputs))


def weights_of(kind: Kind, matrix: Argument, bias: Argument, per_unit: Argument) -> Weights:
    """The weights of a layer, or their gradients, each by what takes such arguments."""
    cell, units = kind.cell, kind.size.units
    counts = [sum(which in [part[0] for part in parts] for parts in kind.biases) for which in (0, 1)]
    return Weights(
        matrix(units * sum(gate.has_input for gate in cell.gates), kind.size.inputs),
        matrix(units * sum(bool(gate.recurrent) for gate in cell.gates), units),
        (bias(counts[0] * units), bias(counts[1] * units)),
        [per_unit(units) for _ in cell.per_unit],
    )


def noise_of(script: ScriptWriter, kind: Kind) -> dict[str, Array]:
    """The random numbers of a cell that draws any: two arguments, of which one may have no elements."""
    cell, size = kind.cell, kind.size
    if not cell.noise:
        return {}

    def drawn(each: str, rows: int) -> Unplaced:
        count = sum(draw.each == each for draw in cell.noise)
        return script.argument(count, rows if kind.training else 1, size.units)

    return noise_arrays(cell, drawn("step", size.all_rows), drawn("sequence", size.rows), size.units)


def x_arrays(kind: Kind, x: Unplaced) -> dict[str, Array]:
    """Those of the input."""
    return {in_pairs(INPUT): now(x.data_ptr(), x.row)} if kind.pairs else input_arrays(kind.cell, x)


def kept_numbers(cell: Cell, size: LayerSize) -> tuple[int, int]:
    """How many numbers backward reads of the gates, and of states but the output: none where there is one step."""
    memories = len(cell.state) - 1 if size.steps > 1 else 0
    return size.all_rows * kept_width(cell, size.units), memories * size.all_rows * size.units


def kept_places(script: ScriptWriter, cell: Cell, size: LayerSize) -> tuple[Unplaced, Unplaced | None]:
    """Where they are: (N, K), and (S - 1, N, H)."""
    gates, histories = kept_numbers(cell, size)
    kept = script.argument(gates + histories)
    shape = (len(cell.state) - 1, size.all_rows, size.units)
    return kept.part(0, size.all_rows, kept_width(cell, size.units)), kept.part(gates, *shape) if histories else None


def add_sweep(
    script: ScriptWriter, plan: Plan, size: LayerSize, arrays: dict[str, Array], weights: Weights, biases: list[int]
) -> None:
    """Weights packed, then the sweep over all steps. biases: one address for each gate that has any."""
    panels = script.scratch(max(1, plan.packing.size))
    matrices = (weights.W.data_ptr(), weights.U.data_ptr(), panels.data_ptr())
    task = script.table(pack_task(plan.packing.jobs, size.units, *matrices))
    script.keep(plan.packing.jobs)
    work = size.rows * plan.packing.size  # of a step
    threads = wanted(work * size.steps)
    script.run_in_parts(packer(script.dtype), task, plan.packing.strips, threads)
    table = plan.kernel.table
    between = [name for name in table.sweep.arrays if name not in arrays]
    members = plan.members(work, size.units)
    scratch = script.scratch(max(1, len(between)), size.rows * members, size.units)
    arrays |= {name: held(pointer, size.units) for name, pointer in zip(between, pointers(scratch), strict=False)}
    chunk, sums = _early(script, plan, size)
    team = (chunk, *_barrier(script, members)) if plan.few else (0, 0, 0)
    sizes = (size.steps, 0, size.steps, size.rows, size.inputs, size.units, 0, *team)
    sources = (biases, [place.data_ptr() for place in weights.per_unit])
    vectors = [sources[where][row] for where, row in plan.vectors]
    starts = [panels.at(start) for start in plan.packing.starts]
    numbers = script.table(table.numbers(sizes, arrays, [*vectors, *starts, *sums]))
    if plan.few:
        script.run(plan.kernel.code, numbers, members, 1, members)
    else:
        script.run_in_parts(plan.kernel.code, numbers, size.rows, threads)


def _barrier(script: ScriptWriter, members: int) -> tuple[int, int]:
    """Where so many threads wait for each other, and the function by which they let others run."""
    if members == 1:
        return 0, 0
    return script.zeros(barrier_numbers(members) * 8 // script.dtype.itemsize).data_ptr(), yield_address()


def _early(script: ScriptWriter, plan: Plan, size: LayerSize) -> tuple[int, list[int]]:
    """For few rows: for how many steps at once the input's part is summed up, and where each stage's sums begin."""
    sizes = [size.rows * numbers for numbers in plan.early]
    if not any(sizes):
        return size.steps, [0] * len(plan.kernel.tiles)
    chunk = max(1, min(size.steps, EARLY_BYTES // (sum(sizes) * script.dtype.itemsize)))
    sums = script.scratch(chunk * sum(sizes))
    return chunk, [sums.at(start) for start in list(accumulate((chunk * numbers for numbers in sizes), initial=0))[:-1]]
