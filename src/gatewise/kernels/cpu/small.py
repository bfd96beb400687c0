"""Layers so small that calling kernels from Python takes longer than they do: passes as scripts, one for each size.

A pass is the same as in :mod:`.passes`, by the same kernels in the same order, so its results are the same bits. It
takes weights as a module has them, two biases of a gate apart, and states as separate tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from ...compiler.gradient import from_later, from_output, gradient_of, kept_width, multiplied, operands
from ...compiler.lower import program_of
from ...compiler.stages import INPUT, in_pairs
from ...equation import Cell, previous
from ..gates import OUTPUT_BEFORE, GateRun, stretches
from ..small import Biases, LayerSize, usable_threads
from .arguments import Arguments, HalfArguments
from .arrays import before, gate_arrays, held, in_place, input_arrays, kept_arrays, noise_arrays, now, pointers
from .blocking import this_machine
from .few_rows import ROWS as FEW_ROWS
from .matmul import layout_of, product_kernel, product_parts
from .memory import LINE, lent
from .output import rounds_output
from .pack import pack_task, packer
from .pairs import terms
from .passes import rows_of_chunk
from .plan import EARLY_BYTES, Plan, backward_plan, forward_plan
from .script import PlayableScript, ScriptWriter, Unplaced
from .table import Array, When
from .team import barrier_numbers
from .threads import can_share, together, wanted, yield_address

_SCRIPTS = 512  # sizes that are remembered for each direction; each takes some kilobytes


class ScriptedPasses(NamedTuple):
    """Scripts of a cell's passes in one dtype; see :class:`..small.Passes`."""

    cell: Cell
    dtype: torch.dtype

    def forward(
        self, size: LayerSize, biases: Biases, *, keep: bool, separate: bool, training: bool, limit: float
    ) -> PlayableScript | None:
        """None where gradients would come in chunks of time, or threads cannot be had from machine code."""
        in_chunks = size.all_rows > rows_of_chunk(self.cell, size.units, self.dtype)
        halved = self._pairs and keep and size.units % 2  # pairs of rows of W and U would belong to two gates
        if in_chunks or halved or (self._threads > 1 and not can_share()):
            return None
        kind = _Kind(self.cell, self.dtype, size, biases, separate, training, self._threads, self._pairs)
        return _forward(kind, keep=keep, limit=limit)

    @property
    def _threads(self) -> int:
        return usable_threads()

    @property
    def _pairs(self) -> str:
        return this_machine().pairs if self.dtype == torch.bfloat16 else ""

    def memory(self, size: LayerSize, like: Tensor) -> Tensor:
        """Lent, where it is large."""
        return lent(_WIDE if self._pairs else like, sum(_kept_numbers(self.cell, size)))

    def backward(
        self, size: LayerSize, biases: Biases, *, separate: bool, training: bool, input_gradient: bool
    ) -> PlayableScript:
        """Of a layer that had a forward pass."""
        kind = _Kind(self.cell, self.dtype, size, biases, separate, training, self._threads, self._pairs)
        return _backward(kind, input_gradient=input_gradient)


_WIDE = torch.empty(0, dtype=torch.float32, device="cpu")


class _Kind(NamedTuple):
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


class _Weights(NamedTuple):
    """Where the weights of a layer are. biases: ih and hh, which may have no elements. per_unit: for each, (H,)."""

    W: Unplaced
    U: Unplaced
    biases: tuple[Unplaced, Unplaced]
    per_unit: list[Unplaced]


def _input(kind: _Kind, argument: Argument) -> Unplaced:
    """The input, or its gradient: what W multiplies, then the numbers of each row that the step reads itself."""
    return argument(kind.size.all_rows, kind.size.inputs + len(kind.cell.row_inputs))


def _weights(kind: _Kind, matrix: Argument, bias: Argument, per_unit: Argument) -> _Weights:
    """The weights of a layer, or their gradients, each by what takes such arguments."""
    cell, units = kind.cell, kind.size.units
    counts = [sum(which in [part[0] for part in parts] for parts in kind.biases) for which in (0, 1)]
    return _Weights(
        matrix(units * sum(gate.has_input for gate in cell.gates), kind.size.inputs),
        matrix(units * sum(bool(gate.recurrent) for gate in cell.gates), units),
        (bias(counts[0] * units), bias(counts[1] * units)),
        [per_unit(units) for _ in cell.per_unit],
    )


def _noise(script: ScriptWriter, kind: _Kind) -> dict[str, Array]:
    """The random numbers of a cell that draws any: two arguments, of which one may have no elements."""
    cell, size = kind.cell, kind.size
    if not cell.noise:
        return {}

    def drawn(each: str, rows: int) -> Unplaced:
        count = sum(draw.each == each for draw in cell.noise)
        return script.argument(count, rows if kind.training else 1, size.units)

    return noise_arrays(cell, drawn("step", size.all_rows), drawn("sequence", size.rows), size.units)


@lru_cache(maxsize=_SCRIPTS)
def _forward(kind: _Kind, *, keep: bool, limit: float) -> PlayableScript:
    """See :meth:`..small.Passes.forward`."""
    cell, _, size, biases, separate, *_ = kind
    (script, given), (steps, rows, inputs, units) = kind.begun(), size
    plan = forward_plan(cell, script.dtype, keep, rows <= FEW_ROWS, inputs, units, kind.pairs)
    x = given.measured(size.all_rows, inputs + len(cell.row_inputs), limit)
    weights = _weights(kind, given.multiplied, given.read, given.read)
    starts = [given.read(rows, units) for _ in cell.state]
    noise = _noise(script, kind)
    outputs, output = _output(given, kind, plan, starts[0])
    last = [given.written(rows, units) for _ in cell.state[0 if separate else 1 :]]
    gates, histories = _kept(script, cell, size) if keep else (None, None)
    ends: list[tuple[Unplaced, Unplaced]] = [(last[0], output)] if separate else []
    arrays = _x_arrays(kind, x) | noise | outputs
    for index, state in enumerate(cell.state[1:]):
        end = last[index + separate]
        if steps == 1:
            arrays |= _over_time(state, end.data_ptr(), starts[index + 1])
        elif keep or previous(state) in operands(program_of(cell)):
            history = script.scratch(size.all_rows, units) if histories is None else histories[index]
            arrays |= _over_time(state, history.data_ptr(), starts[index + 1])
            ends.append((end, history.part((size.all_rows - rows) * units, rows, units)))
        else:
            script.copy(end.data_ptr(), starts[index + 1].data_ptr(), rows * units)
            arrays |= in_place(state, end.data_ptr(), units)
    if gates is not None:
        arrays |= kept_arrays(cell, gates, units)
    _sweep(script, plan, size, arrays, weights, _joined(script, weights.biases, biases, units))
    for target, end in ends:
        script.copy(target.data_ptr(), end.data_ptr(), rows * units)
    given.finish()
    return script.written()


def _x_arrays(kind: _Kind, x: Unplaced) -> dict[str, Array]:
    return {in_pairs(INPUT): now(x.data_ptr(), x.row)} if kind.pairs else input_arrays(kind.cell, x)


def _output(given: Arguments, kind: _Kind, plan: Plan, start: Unplaced) -> tuple[dict[str, Array], Unplaced]:
    """The arrays of the output, and where the last is in the end, (B, H). start: the initial one."""
    name, size = kind.cell.state[0], kind.size
    ends = (size.all_rows - size.rows) * size.units
    if isinstance(given, HalfArguments) and rounds_output(kind.cell, plan, size.units):
        y, words = given.given(size.all_rows, size.units), terms(size.units)
        initial = given.script.scratch(size.rows, words)  # rounded at the first step, and not read again
        given.round_at_end(start, y.part(ends, size.rows, size.units))
        rounded = before(y.data_ptr(), words, initial.data_ptr())
        return in_place(name, start.data_ptr(), size.units) | {in_pairs(previous(name)): rounded}, start
    y = given.written(size.all_rows, size.units)
    return _over_time(name, y.data_ptr(), start), y.part(ends, size.rows, size.units)


def _kept_numbers(cell: Cell, size: LayerSize) -> tuple[int, int]:
    """How many numbers backward reads of the gates, and of states but the output: none where there is one step."""
    memories = len(cell.state) - 1 if size.steps > 1 else 0
    return size.all_rows * kept_width(cell, size.units), memories * size.all_rows * size.units


def _kept(script: ScriptWriter, cell: Cell, size: LayerSize) -> tuple[Unplaced, Unplaced | None]:
    """Where they are: (N, K), and (S - 1, N, H)."""
    gates, histories = _kept_numbers(cell, size)
    kept = script.argument(gates + histories)
    shape = (len(cell.state) - 1, size.all_rows, size.units)
    return kept.part(0, size.all_rows, kept_width(cell, size.units)), kept.part(gates, *shape) if histories else None


def _over_time(state: str, pointer: int, start: Unplaced) -> dict[str, Array]:
    row = start.row
    return {state: now(pointer, row), previous(state): before(pointer, row, start.data_ptr())}


def _joined(script: ScriptWriter, places: tuple[Unplaced, Unplaced], biases: Biases, units: int) -> list[int]:
    """The address of each gate's bias, the sum of its two where it has two."""
    sums = script.scratch(max(1, len(biases)), units)
    addresses: list[int] = []
    for index, parts in enumerate(biases):
        sources = [places[which].at(start) for which, start in parts]
        if not sources:
            script.clear(sums[index])
        addresses.append(sources[0] if len(sources) == 1 else sums.at(index))
    for first, count in _runs_of_two(biases, units):
        a, b = (places[which].at(start) for which, start in biases[first])
        script.add(sums.at(first), a, b, count * units)
    return addresses


def _runs_of_two(biases: Biases, units: int) -> list[tuple[int, int]]:
    """Gates next to each other that have two biases, each of which lie one behind the other: first, and how many."""
    runs: list[tuple[int, int]] = []
    for index, parts in enumerate(biases):
        if len(parts) == 2:
            first, count = runs[-1] if runs else (0, 0)
            follows = tuple((which, start + count * units) for which, start in biases[first])
            if count and first + count == index and parts == follows:
                runs[-1] = first, count + 1
            else:
                runs.append((index, 1))
    return runs


def _sweep(
    script: ScriptWriter, plan: Plan, size: LayerSize, arrays: dict[str, Array], weights: _Weights, biases: list[int]
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
    scratch = script.scratch(max(1, len(between)), size.rows, size.units)
    arrays |= {name: held(pointer, size.units) for name, pointer in zip(between, pointers(scratch), strict=False)}
    chunk, sums = _early(script, plan, size)
    members = min(together(work), -(-size.units // plan.kernel.tiles[0].lanes))
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


@lru_cache(maxsize=_SCRIPTS)
def _backward(kind: _Kind, *, input_gradient: bool) -> PlayableScript:
    """See :meth:`..small.Passes.backward`."""
    return _BackwardScript(kind, input_gradient).written()


class _BackwardScript:
    def __init__(self, kind: _Kind, input_gradient: bool) -> None:
        self.cell, _, self.size, self.biases, separate, *_ = self.kind = kind
        cell, size = self.cell, self.size
        script, given = self.script, self.given = kind.begun()
        _, rows, inputs, units = size
        self.x = _input(kind, given.given)
        self.weights = _weights(kind, given.given, given.given, given.read)
        self.first = given.given(rows, units)
        self.starts = [given.computed(self.first), *(given.read(rows, units) for _ in cell.state[1:])]
        self.noise = _noise(script, kind)
        self.y = given.given(size.all_rows, units)
        self.gates, self.histories = _kept(script, cell, size)
        self.d_y = given.read(size.all_rows, units)
        d_last = [given.read(rows, units) for _ in cell.state[0 if separate else 1 :]]
        self.d_x = _input(kind, given.written) if input_gradient else None
        self.d_weights = _weights(kind, given.written, given.written, given.written)
        self.d_states = [given.written(rows, units) for _ in cell.state]
        for d_state, d_end in zip(self.d_states, d_last if separate else [None, *d_last], strict=True):
            if d_end is None:
                script.clear(d_state)
            else:
                script.copy(d_state.data_ptr(), d_end.data_ptr(), rows * units)
        width = len(cell.gates) * units
        self.d_gates = script.scratch(size.all_rows, len(cell.gates), units, row=width + LINE // script.dtype.itemsize)
        self.inner = script.scratch(max(1, len(operands(program_of(cell)))), size.all_rows, units)
        self.d_numbers = script.scratch(max(1, len(cell.row_inputs)), size.all_rows, units)
        self.d_per_unit = script.zeros(max(1, len(cell.per_unit)), rows, units)
        self.matrices = self.weights._replace(W=given.over_rows(self.weights.W), U=given.over_rows(self.weights.U))
        plan = backward_plan(cell, script.dtype, False, rows <= FEW_ROWS, inputs, units, kind.pairs)
        _sweep(script, plan, size, self._arrays(plan), self.matrices, [])
        self._sum_up()

    def written(self) -> PlayableScript:
        """The script, complete."""
        self.given.finish()
        return self.script.written()

    def _arrays(self, plan: Plan) -> dict[str, Array]:
        cell, units = self.cell, self.size.units
        arrays = {from_output(cell.state[0]): now(self.d_y.data_ptr(), units)}
        arrays |= kept_arrays(cell, self.gates, units) | _x_arrays(self.kind, self.x) | self.noise
        for name, pointer in zip(cell.row_inputs, pointers(self.d_numbers), strict=False):
            arrays[gradient_of(name)] = now(pointer, units)
        pasts = [start.data_ptr() for start in self.starts]  # never read where there is a single step
        if self.size.steps > 1 and previous(cell.state[0]) in plan.kernel.table.sweep.arrays:
            pasts[0] = self.given.computed(self.y).data_ptr()
        if self.histories is not None:
            pasts[1:] = pointers(self.histories)
        for state, past, start, d_state in zip(cell.state, pasts, self.starts, self.d_states, strict=True):
            arrays[previous(state)] = before(past, units, start.data_ptr())
            arrays[from_later(state)] = arrays[gradient_of(previous(state))] = held(d_state.data_ptr(), units)
        for weight, sums in zip(cell.per_unit, pointers(self.d_per_unit), strict=False):
            arrays[from_later(weight)] = arrays[gradient_of(weight)] = held(sums, units)
        nothing = self.script.zeros(units)
        for name, array in gate_arrays([gate.preactivation for gate in cell.gates], self.d_gates, units).items():
            arrays[gradient_of(name)] = array
            arrays[from_later(name)] = array._replace(when=When.AFTER, edge=nothing.data_ptr())
        for name, pointer in zip(operands(program_of(cell)), pointers(self.inner), strict=False):
            arrays[multiplied(name)] = now(pointer, units)
        return arrays

    def _sum_up(self) -> None:
        """What sums over time and batch, as in :mod:`.weight_gradients`."""
        script, cell, (_, rows, inputs, units) = self.script, self.cell, self.size
        driven, recurrent, inner = stretches(cell, units)
        self.over_time = self.given.over_rows(self.d_gates, apart=True)
        self.over_units = self.given.over_columns(self.d_gates)
        for place in (self.d_weights.W, self.d_weights.U, *([] if self.d_x is None else [self.d_x])):
            script.clear(place)
        x = self.given.over_rows(self.x)
        for run in driven:
            self._add_product(self.d_weights.W.at(run.rows.start), run, x, inputs, transposed=True)
            if self.d_x is not None:
                weight = self._rows_of(self.matrices.W, run, inputs)
                self._add_product(self.d_x.data_ptr(), run, weight, inputs, transposed=False, row=self.d_x.row)
        if self.d_x is not None:
            for column in range(len(cell.row_inputs)):
                script.sum_columns(self.d_x.at(0, inputs + column), self.d_x.row, self.d_numbers[column])
        sources = {name: self.inner[index] for index, name in enumerate(inner)}
        if any(run.operand == OUTPUT_BEFORE for run in recurrent):
            sources[OUTPUT_BEFORE] = self._outputs_before()
        sources = {name: self.given.over_rows(source) for name, source in sources.items()}
        for run in recurrent:
            self._add_product(self.d_weights.U.at(run.rows.start), run, sources[run.operand], units, transposed=True)
            if run.operand == OUTPUT_BEFORE:
                weight = self._rows_of(self.matrices.U, run, units)
                self._add_product(self.d_states[0].data_ptr(), run, weight, units, transposed=False, count=rows)
        self._sum_biases()
        for place, sums in zip(self.d_weights.per_unit, pointers(self.d_per_unit), strict=False):
            script.sum_rows(place.data_ptr(), sums, rows, units, units)

    def _rows_of(self, matrix: Unplaced, run: GateRun, columns: int) -> Unplaced:
        """A run's rows of W or U, as products read them."""
        first, stop = run.rows.start // self.kind.terms, run.rows.stop // self.kind.terms
        return matrix.part(first * columns, stop - first, columns)

    def _outputs_before(self) -> Unplaced:
        """The output one step before each row, as it was given."""
        if self.size.steps == 1:
            return self.first
        rows, units, count = self.size.rows, self.size.units // self.kind.terms, self.size.all_rows
        before_each = self.script.scratch(count, self.size.units, dtype=self.kind.dtype)
        self.script.copy(before_each.data_ptr(), self.first.data_ptr(), rows * units)
        self.script.copy(before_each.at(rows), self.y.data_ptr(), (count - rows) * units)
        return before_each

    def _sum_biases(self) -> None:
        biased = [index for index, gate in enumerate(self.cell.gates) if gate.has_bias]
        units, (_, width) = self.size.units, (self.size.all_rows, self.d_gates.row)
        for index, parts in zip(biased, self.biases, strict=True):
            targets = [self.d_weights.biases[which].at(start) for which, start in parts]
            for target in targets[:1]:
                self.script.sum_rows(target, self.d_gates.at(0, index * units), self.size.all_rows, width, units)
            for target in targets[1:]:
                self.script.copy(target, targets[0], units)

    def _add_product(
        self,
        target: int,
        run: GateRun,
        b: Unplaced,
        columns: int,
        *,
        transposed: bool,
        count: int | None = None,
        row: int | None = None,
    ) -> None:
        """Add the product of the gradients of some gates, as columns or ``transposed`` as rows, with rows of b.

        count: of rows of the gradients, all without it. row: from one row of the target to the next, where that is more
        than columns.
        """
        script = self.script
        layout = layout_of(len(b), columns, b.row, script.dtype)
        panels = script.scratch(layout.size)
        source = b.data_ptr()
        task = script.table(pack_task(layout.jobs, columns, source, source, panels.data_ptr()))
        script.keep(layout.jobs)
        script.run_in_parts(packer(script.dtype), task, layout.strips, wanted(len(b) * columns))
        first = run.gates.start * self.size.units
        if transposed:
            gates, steps = self.over_time.at(0, first), (1, self.over_time.row)
        else:
            gates, steps = self.over_units.at(0, first // self.kind.terms), (self.over_units.row, 1)
        outputs = run.rows.stop - run.rows.start if transposed else (self.size.all_rows if count is None else count)
        places = (gates, *steps, panels.data_ptr(), target, columns if row is None else row)
        product = script.table((*places, outputs, columns, len(b)))
        kernel = product_kernel(script.dtype, layout.vectors, self.kind.pairs)
        script.run_in_parts(kernel, product, product_parts(outputs), wanted(outputs * len(b) * columns))
