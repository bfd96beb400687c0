"""Which steps wrote the memory: a state as the sum of what each step wrote into it and of what it began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...compiler.lower import program_of
from ...compiler.ops import OVER_UNITS
from ...compiler.program import Program
from ...compiler.render.reference import evaluate
from ...compiler.signals import kept_and_written, read_out
from ...equation import previous
from ...errors import CellError, InputError, ShapeError
from ...nn.recurrent import Recurrent
from ...transforms.rewrite import memories
from ..certificate import TOLERANCES, Certificate
from ..records import LayerRecord, Record


@dataclass(frozen=True)
class Written:
    """A memory at one time, split by the step that wrote it. All in float64.

    Attributes:
        time: The step looked at, in the input's own order.
        steps: (T, H), what is left of what each step wrote; zero for steps that ran later.
        initial: (H,), what is left of the state before the first step.
        rounding: (H,), what the run rounded away from ``keep * previous + write``, carried to here. It is a line of its
            own, never hidden in the others.
        certificate: That they add up to the state.
    """

    time: int
    steps: Tensor
    initial: Tensor
    rounding: Tensor
    certificate: Certificate


@dataclass(frozen=True)
class ByWriteTime:
    """Numbers read from the output at one time, split by when the memory behind them was written. All in float64.

    Attributes:
        time: The step looked at, in the input's own order.
        steps: (K, T), the share of what each step wrote.
        initial: (K,), the share of the state before the first step.
        rounding: (K,), what the run rounded away.
        rest: (K,), what the output holds beside the memory.
        certificate: That they add up to the numbers.
    """

    time: int
    steps: Tensor
    initial: Tensor
    rounding: Tensor
    rest: Tensor
    certificate: Certificate


class Provenance:
    """One state of one layer, direction and sequence: at each step ``state = keep * previous + write``.

    Arrays are float64, in the input's own order, for the sequence's own steps.

    Attributes:
        state: Name of the state.
        reverse: Whether the recurrence ran from the last step of time to the first.
        keep: (T, H), the share of the state before that each step kept.
        write: (T, H), what each step wrote.
        initial: (H,), the state before the first step.
        states: (T, H), the state after each step, as it was recorded.
        law: The certificate that this is how the run got from each state to the next, on which every sum here rests.
    """

    def __init__(self, module: Recurrent, record: LayerRecord, suffix: str, state: str, batch: int) -> None:
        self._module, self._suffix, self._cell = module, suffix, record.cell
        self.state, self.reverse = state, record.reverse
        self._length = int(record.lengths[batch])
        self._tolerance = TOLERANCES.get(record.states[state].dtype, TOLERANCES[torch.float32])
        self._run = _inputs(module, record, suffix, self._length, batch)  # everything in the order of the run
        values = _values(kept_and_written(self._cell, state), self._run)
        self._keep, self._write = values["keep"], values["write"]
        self._states = self._ran(record.states[state][: self._length, batch].double())
        self._initial = record.initial[state][batch].double()
        self._output = self._ran(record.states[self._cell.state[0]][: self._length, batch].double())
        self._rounded = self._states - self._carried(self._before) - self._write

    @property
    def keep(self) -> Tensor:
        """The share of the state before that each step kept."""
        return self._ran(self._keep)

    @property
    def write(self) -> Tensor:
        """What each step wrote."""
        return self._ran(self._write)

    @property
    def initial(self) -> Tensor:
        """The state before the first step."""
        return self._initial

    @property
    def states(self) -> Tensor:
        """The state after each step."""
        return self._ran(self._states)

    @cached_property
    def law(self) -> Certificate:
        """Each step by itself: what it kept and wrote against the state that was recorded, relative to the largest."""
        return _law(f"{self.state}, step by step", self._rounded, self._states, self._states, self._tolerance)

    def at(self, time: int) -> Written:
        """The state after step ``time`` of the input; negative times count from the sequence's end.

        A[k, u] = (product over the steps j after k of keep[j, u]) * write[k, u], by products from the end, so that a
        memory that fades to nothing gives zeros, not a quotient of zeros.

        Args:
            time: The step, in the input's time.

        Returns:
            The state, split by the step that wrote it.

        Raises:
            InputError: The sequence has no such time.
        """
        last = self._place(time)
        left = _suffix_products(self._keep[: last + 1])
        steps, rounding = left[1:] * self._write[: last + 1], (left[1:] * self._rounded[: last + 1]).sum(0)
        initial = _product(left[0], self._initial)
        lines = torch.cat((steps, initial[None], rounding[None]))
        what = f"{self.state} at time {self._time(last)}"
        certificate = self._checked(Certificate.of(what, lines, self._states[last], self._tolerance))
        whole = torch.zeros_like(self._write)
        whole[: last + 1] = steps
        return Written(self._time(last), self._ran(whole), initial, rounding, certificate)

    def by_write_time(self, time: int, weights: Tensor) -> ByWriteTime:
        """Sums over units of the output at a time, ``weights @ h``, by when the memory behind them was written.

        The output is read * memory + rest, curves along their secant from zero, and gates are context.

        Args:
            time: The step, in the input's time; negative times count from the sequence's end.
            weights: (K, H) or (H,), for K numbers; (K, P) where the layer projects its output to P numbers.

        Returns:
            The K numbers, split by when the memory behind them was written.

        Raises:
            CellError: The output does not read this state.
            InputError: The sequence has no such time.
            ShapeError: The weights do not fit the output.
        """
        written, last = self.at(time), self._place(time)
        weights = self._weights(weights)
        now = {name: value[last : last + 1] for name, value in self._run.items()}
        values = _values(read_out(self._cell, self.state), now)
        read, rest = values["read"][0], values["rest"][0]
        output = self._output[last]
        rounded = output - self._projected(read * self._states[last] + rest)
        steps, initial, rest = (
            weights @ self._projected(line).movedim(-1, 0)
            for line in (read * written.steps, read * written.initial, rest)
        )
        rounding = weights @ (self._projected(read * written.rounding) + rounded)
        lines = torch.cat((steps, initial[:, None], rounding[:, None], rest[:, None]), dim=1)
        what = f"the output at time {written.time} by write time"
        law = _law(f"the output at time {written.time}", rounded, output, self._output, self._tolerance)
        total = Certificate.of(what, lines, weights @ output, self._tolerance, dim=1)
        return ByWriteTime(written.time, steps, initial, rounding, rest, self._checked(total) if law.holds else law)

    def _checked(self, certificate: Certificate) -> Certificate:
        """The sum's certificate, or that of the law that it unrolls where that does not hold."""
        return certificate if self.law.holds else self.law

    @property
    def _before(self) -> Tensor:
        return torch.cat((self._initial[None], self._states[:-1]))

    def _carried(self, before: Tensor) -> Tensor:
        return _product(self._keep, before)

    def _ran(self, values: Tensor) -> Tensor:
        """From the input's order of time to that of the run, or back."""
        return values.flip(0) if self.reverse else values

    def _place(self, time: int) -> int:
        """Which step of the run it is."""
        if not -self._length <= time < self._length:
            raise InputError(f"the sequence has no time {time}", hint=f"its own steps are 0 to {self._length - 1}")
        return self._time(time % self._length)

    def _time(self, place: int) -> int:
        return self._length - 1 - place if self.reverse else place

    def _weights(self, weights: Tensor) -> Tensor:
        """As (K, H), or (K, P)."""
        rows = weights.detach().double()
        rows = rows[None] if rows.dim() == 1 else rows
        if rows.dim() != 2 or rows.shape[1] != self._output.shape[-1]:
            raise ShapeError(
                f"weights of {tuple(weights.shape)} do not fit an output of {self._output.shape[-1]} numbers"
            )
        return rows

    def _projected(self, units: Tensor) -> Tensor:
        """Numbers for each unit (..., H) as they reach the output."""
        projection = getattr(self._module, f"weight_hr{self._suffix}", None)
        if projection is None or self._output.shape[-1] == len(self._initial):
            return units
        return units @ projection.detach().double().t()


def provenance(
    record: Record, layer: int = 0, direction: int = 0, state: str | None = None, batch: int = 0
) -> Provenance:
    """Which steps wrote a memory, at every step of one layer, direction and sequence.

    Gates are context: the split tells which step's write is still there, not why the gates let it in or kept it. It
    holds for any cell whose state is ``keep * previous + write``; what comes back through U is a write.

    Args:
        record: The record of a run, made with ``preactivations=True``, of every step.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        state: Name of the state. By default the cell's memory.
        batch: Number of the sequence.

    Returns:
        The state's provenance.

    Raises:
        CellError: The cell's state is not ``keep * previous + write``, or its step reads the input itself.
        InputError: The record does not hold what this takes, or has no such layer, direction, state or sequence.

    Source:
        Murdoch, Szlam, Automatic Rule Extraction from Long Short Term Memory Networks, arXiv:1702.02540, equation 11.
    """
    one = record.layer(layer, direction)
    state = memories(record.cell)[0] if state is None else state
    if state not in record.cell.state:
        raise InputError(f"{record.cell.name} has no state {state!r}", hint=f"it has {', '.join(record.cell.state)}")
    if record.cell.inputs:
        what = f"the step of {record.cell.name} reads {', '.join(record.cell.inputs)} itself"
        raise CellError(what, hint="the record holds no inputs, so its memory cannot be taken apart")
    kept_and_written(record.cell, state)  # refuses first
    _check(record, one, batch)
    return Provenance(
        record.module, one, record.module.places[layer * record.directions + direction].suffix, state, batch
    )


def _check(record: Record, one: LayerRecord, batch: int) -> None:
    if not one.preactivations:
        raise InputError("the record holds no pre-activations", hint="record(..., preactivations=True)")
    if not record.sampling.whole:
        raise InputError("the record holds only some of the steps", hint="record without span and bin")
    if record.cell.noise and record.module.training:
        raise InputError("the record was made in training, with random numbers that it does not hold", hint="eval() it")
    if not 0 <= batch < len(one.lengths):
        raise InputError(f"sequence {batch} does not exist", hint=f"the record has 0 to {len(one.lengths) - 1}")
    if record.module.options.heads > 1 and any(i.op in OVER_UNITS for i in program_of(record.cell).body):
        raise InputError("units are normalised within heads, which this view cannot tell apart")


def _inputs(module: Recurrent, record: LayerRecord, suffix: str, length: int, batch: int) -> dict[str, Tensor]:
    """What the step reads at every step of a sequence, (T, H) float64 by name, in the order of the run."""
    cell = record.cell

    def ran(values: Tensor) -> Tensor:
        steps = values[:length, batch].double()
        return steps.flip(0) if record.reverse else steps

    inputs = {gate.preactivation: ran(record.preactivations[gate.name]) for gate in cell.gates}
    for state in cell.state:
        history, first = ran(record.states[state]), record.initial[state][batch].double()
        inputs[previous(state)] = torch.cat((first[None], history))[:length]
    ones = next(iter(inputs.values())).new_ones(length, 1)
    inputs |= {name: ones * getattr(module, name + suffix).detach().double() for name in cell.per_unit}
    return inputs | {draw.name: ones * draw.mean for draw in cell.noise}


def _values(program: Program, run: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The outputs of a program, (T, H) each. given: its inputs, and what it multiplies with U."""
    inputs = {name: run[name] for name in program.inputs}
    values = evaluate(program, inputs, lambda name, operand: run[name])
    shape = next(iter(run.values())).shape
    return {name: values[value].expand(shape) for name, value in program.outputs.items()}


def _law(what: str, rounded: Tensor, values: Tensor, scale: Tensor, tolerance: float) -> Certificate:
    """That a run rounded away no more than it may, relative to the largest number of ``scale``."""
    worst = int(rounded.abs().nan_to_num(torch.inf).argmax())
    off, value = float(rounded.flatten()[worst]), float(values.flatten()[worst])
    gap = abs(off) / max(float(scale.abs().max()), torch.finfo(torch.float64).tiny)
    return Certificate(what, value - off, value, gap, tolerance)


def _suffix_products(keep: Tensor) -> Tensor:
    """(T + 1, H): the share of the state before each step that is left at the end; 1 for the end itself."""
    after = torch.cat((keep, torch.ones_like(keep[:1])))
    return after.flip(0).cumprod(0).flip(0)


def _product(share: Tensor, value: Tensor) -> Tensor:
    """share * value, where 0 * infinity is 0: a stabilised cell starts at minus infinity."""
    return torch.where(share == 0.0, 0.0, share * value)
