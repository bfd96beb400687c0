"""The forward pass of a small layer as a script."""

from __future__ import annotations

from ...compiler.gradient import operands
from ...compiler.lower import program_of
from ...equation import previous
from ..small import Biases
from .arguments import Arguments, HalfArguments
from .arrays import in_place, kept_arrays, left_in_halves, over_time
from .few_rows import ROWS as FEW_ROWS
from .output import rounds_output
from .pairs import terms
from .plan import Plan, forward_plan
from .script import PlayableScript, ScriptWriter, Unplaced
from .small_parts import Kind, add_sweep, kept_places, noise_of, weights_of, x_arrays
from .table import Array


def forward_script(kind: Kind, *, keep: bool, limit: float) -> PlayableScript:
    """See :meth:`..small.Passes.forward`."""
    cell, _, size, biases, separate, *_ = kind
    (script, given), (steps, rows, inputs, units) = kind.begun(), size
    plan = forward_plan(cell, script.dtype, keep, rows <= FEW_ROWS, inputs, units, kind.pairs)
    x = given.measured(size.all_rows, inputs + len(cell.row_inputs), limit)
    weights = weights_of(kind, given.multiplied, given.read, given.read)
    starts = [given.read(rows, units) for _ in cell.state]
    noise = noise_of(script, kind)
    outputs, output = _output(given, kind, plan, starts[0])
    last = [given.written(rows, units) for _ in cell.state[0 if separate else 1 :]]
    gates, histories = kept_places(script, cell, size) if keep else (None, None)
    ends: list[tuple[Unplaced, Unplaced]] = [(last[0], output)] if separate else []
    arrays = x_arrays(kind, x) | noise | outputs
    for index, state in enumerate(cell.state[1:]):
        end = last[index + separate]
        if steps == 1:
            arrays |= over_time(state, end.data_ptr(), units, starts[index + 1].data_ptr())
        elif keep or previous(state) in operands(program_of(cell)):
            history = script.scratch(size.all_rows, units) if histories is None else histories[index]
            arrays |= over_time(state, history.data_ptr(), units, starts[index + 1].data_ptr())
            ends.append((end, history.part((size.all_rows - rows) * units, rows, units)))
        else:
            script.copy(end.data_ptr(), starts[index + 1].data_ptr(), rows * units)
            arrays |= in_place(state, end.data_ptr(), units)
    if gates is not None:
        arrays |= kept_arrays(cell, gates, units)
    add_sweep(script, plan, size, arrays, weights, _joined(script, weights.biases, biases, units))
    for target, end in ends:
        script.copy(target.data_ptr(), end.data_ptr(), rows * units)
    given.finish()
    return script.written()


def _output(given: Arguments, kind: Kind, plan: Plan, start: Unplaced) -> tuple[dict[str, Array], Unplaced]:
    """The arrays of the output, and where the last is in the end, (B, H). start: the initial one."""
    name, size = kind.cell.state[0], kind.size
    ends = (size.all_rows - size.rows) * size.units
    if isinstance(given, HalfArguments) and rounds_output(kind.cell, plan, size.units):
        y, initial = given.given(size.all_rows, size.units), given.script.scratch(size.rows, terms(size.units))
        given.round_at_end(start, y.part(ends, size.rows, size.units))
        return left_in_halves(name, start.data_ptr(), size.units, y.data_ptr(), initial.data_ptr()), start
    y = given.written(size.all_rows, size.units)
    return over_time(name, y.data_ptr(), size.units, start.data_ptr()), y.part(ends, size.rows, size.units)


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
