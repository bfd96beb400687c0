"""The backward pass of a small layer as a script."""

from __future__ import annotations

from dataclasses import replace

from ...compiler.gradient import from_later, from_output, gradient_of, multiplied, operands
from ...compiler.lower import program_of
from ...equation import previous
from ..gates import OUTPUT_BEFORE, GateRun, stretches
from .arrays import before, gate_arrays, held, kept_arrays, now, pointers
from .few_rows import ROWS as FEW_ROWS
from .matmul import layout_of, product_kernel, product_parts
from .memory import LINE
from .pack import pack_task, packer
from .plan import Plan, backward_plan
from .script import PlayableScript, Unplaced
from .small_parts import Kind, add_sweep, input_of, kept_places, noise_of, weights_of, x_arrays
from .table import Array, When
from .threads import wanted


class BackwardScript:
    """Written as it is made. See :meth:`..small.Passes.backward`."""

    def __init__(self, kind: Kind, input_gradient: bool) -> None:
        self.cell, _, self.size, self.biases, separate, *_ = self.kind = kind
        cell, size = self.cell, self.size
        script, given = self.script, self.given = kind.begun()
        _, rows, inputs, units = size
        self.x = input_of(kind, given.given)
        self.weights = weights_of(kind, given.given, given.given, given.read)
        self.first = given.given(rows, units)
        self.starts = [given.computed(self.first), *(given.read(rows, units) for _ in cell.state[1:])]
        self.noise = noise_of(script, kind)
        self.y = given.given(size.all_rows, units)
        self.gates, self.histories = kept_places(script, cell, size)
        self.d_y = given.read(size.all_rows, units)
        d_last = [given.read(rows, units) for _ in cell.state[0 if separate else 1 :]]
        self.d_x = input_of(kind, given.written) if input_gradient else None
        self.d_weights = weights_of(kind, given.written, given.written, given.written)
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
        add_sweep(script, plan, size, self._arrays(plan), self.matrices, [])
        self._sum_up()

    def written(self) -> PlayableScript:
        """The script, complete."""
        self.given.finish()
        return self.script.written()

    def _arrays(self, plan: Plan) -> dict[str, Array]:
        cell, units = self.cell, self.size.units
        arrays = {from_output(cell.state[0]): now(self.d_y.data_ptr(), units)}
        arrays |= kept_arrays(cell, self.gates, units) | x_arrays(self.kind, self.x) | self.noise
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
        column = self.x if driven and inputs == 1 else None
        self._read_gradients(column)
        for place in (self.d_weights.W, self.d_weights.U, *([] if self.d_x is None else [self.d_x])):
            script.clear(place)
        x = self.given.over_rows(self.x) if column is None else None
        for run in driven:
            if x is None:
                source = self.sums.at(1, run.gates.start * units)
                script.copy(self.d_weights.W.at(run.rows.start), source, run.rows.stop - run.rows.start)
            else:
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
        self._write_biases()
        for place, sums in zip(self.d_weights.per_unit, pointers(self.d_per_unit), strict=False):
            script.sum_rows(place.data_ptr(), sums, rows, units, units)

    def _read_gradients(self, column: Unplaced | None) -> None:
        """What products, and biases, read of the gradients of gates. column: the input, where it has no other."""
        biased = any(gate.has_bias for gate in self.cell.gates)
        given = self.given.factors(self.d_gates, column, of_rows=self.d_x is not None, summed=biased)
        self.over_time, over_units, self.sums = given
        if over_units is None:  # then only the first step's go on, into the initial output
            first = replace(self.d_gates, shape=(self.size.rows, *self.d_gates.shape[1:]))
            over_units = self.given.over_columns(first)
        self.over_units = over_units

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

    def _write_biases(self) -> None:
        biased, units = [index for index, gate in enumerate(self.cell.gates) if gate.has_bias], self.size.units
        for index, parts in zip(biased, self.biases, strict=True):
            for which, start in parts:
                self.script.copy(self.d_weights.biases[which].at(start), self.sums.at(0, index * units), units)

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
