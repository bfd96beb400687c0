"""Values of a step that can be set, and the module that runs with them set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch
from torch import Tensor

from ..compiler.lower import names_of, program_of
from ..compiler.program import is_temporary
from ..equation import Cell, Noise, Value
from ..errors import InputError
from ..kernels.choice import working_dtype
from ..kernels.layer import Layer
from ..nn.batch import Batch
from ..nn.layer_run import PLAIN, Runner
from ..nn.recurrent import Recurrent
from ..nn.weights import Place, repeated
from ..transforms.rewrite import derived, rewritten
from .intercept import Changed
from .names import gate_values
from .records import Record


@lru_cache(maxsize=256)
def settable(cell: Cell) -> Mapping[str, str]:
    """What can be set, by name: gates, states, pre-activations and named values; and the value of the program it is.

    Not what a state was one step ago, which is the state of that step, nor weights.
    """
    program = program_of(cell)
    preactivations = {gate.preactivation for gate in cell.gates}
    names = {name: name for name in program.inputs if name in preactivations}
    names |= {i.name: i.name for i in program.body if i.op != "lt" and not is_temporary(i.name)}
    names |= {**program.outputs, **gate_values(cell)}
    return {name: value for name, value in names.items() if value in program.by_name or value in preactivations}


def value_called(cell: Cell, name: str) -> str:
    """The value of the program of that name. Raises InputError with those that can be set."""
    known = settable(cell)
    if name not in known:
        raise InputError(f"{cell.name} has nothing to set by the name {name!r}", hint=f"it has {', '.join(known)}")
    return known[name]


def holds(value: str) -> str:
    """The name of the number that says whether the value is set."""
    return f"hold_{value}"


def sets(value: str) -> str:
    """The name of what it is set to."""
    return f"set_{value}"


@lru_cache(maxsize=256)
def held(cell: Cell, values: tuple[str, ...]) -> Cell:
    """The cell with these values of its program set, wherever they are read, where ``hold_{value}`` is 1.

    It reads, for each value in order, ``hold_{value}`` and ``set_{value}`` as noise of every step. Where nothing is
    held it is the cell, bit by bit.
    """
    names = names_of(cell)

    def change(old: Value, new: Value) -> Value:
        name = names.get(old, old.label if old.function == "input" else "")
        if name not in values:
            return new
        hold, number = Value("input", label=holds(name)), Value("input", label=sets(name))
        return torch.where(hold > 0.5, number, new)  # pyright: ignore[reportArgumentType, reportCallIssue, reportReturnType]

    noise = [Noise(name(value), "step", 0.0, 0.0, 0.0, 0.0) for value in values for name in (holds, sets)]
    return derived(cell, "held", rewritten(cell, change), (held, (cell, values)), noise=(*cell.noise, *noise))


def complements(cell: Cell, value: str) -> list[str]:
    """Values that are 1 less this one, where the step writes both as a sigmoid."""
    program = program_of(cell)
    instruction = program.by_name.get(value)
    if instruction is None or instruction.op != "sigmoid":
        return []
    opposite = {i.name: i.args[0] for i in program.body if i.op == "neg"}
    (a,) = instruction.args
    others = [i for i in program.body if i.op == "sigmoid" and i.name != value]
    return [i.name for i in others if opposite.get(i.args[0]) == a or opposite.get(a) == i.args[0]]


@dataclass(frozen=True)
class Clamp:
    """Sets a gate, a state, or any other value of the step, wherever the step reads it.

    Attributes:
        name: The gate, state or value, by the names of a record.
        value: A number, or a tensor that broadcasts to (steps, sequences, units) as chosen below.
        units: Which units. By default all.
        span: (first, end) in the input's time, ``end`` not in it. By default every step.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Which sequences. By default all.
    """

    name: str
    value: float | Tensor
    units: Sequence[int] | None = None
    span: tuple[int, int] | None = None
    layer: int = 0
    direction: int = 0
    batch: Sequence[int] | None = None


@dataclass(frozen=True)
class Patch:
    """Replaces a state after one step by the state that another run had.

    Attributes:
        state: Name of the state.
        record: The record of the other run, of as many sequences, or of one sequence for all.
        at: The step of this run, in the input's time.
        source: The step of the other run. By default the same.
        units: Which units, of both runs. By default all.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Which sequences, of both runs. By default all.
    """

    state: str
    record: Record
    at: int
    source: int | None = None
    units: Sequence[int] | None = None
    layer: int = 0
    direction: int = 0
    batch: Sequence[int] | None = None

    def clamp(self) -> Clamp:
        """The clamp that does the same.

        Raises:
            InputError: The other run has no such state or step.
        """
        source = self.at if self.source is None else self.source
        states = self.record.layer(self.layer, self.direction).states
        if self.state not in states:
            raise InputError(f"the other run has no state {self.state!r}", hint=f"it has {', '.join(states)}")
        values = states[self.state]
        if not 0 <= source < len(values):
            raise InputError(f"the other run has no step {source}", hint=f"it has steps 0 to {len(values) - 1}")
        value = values[source : source + 1]
        if self.batch is not None and value.shape[1] > 1:
            value = value[:, list(self.batch)]
        value = value if self.units is None else value[..., list(self.units)]
        span = (self.at, self.at + 1)
        return Clamp(self.state, value, self.units, span, self.layer, self.direction, self.batch)


def check_clamps(module: Recurrent, clamps: Sequence[Clamp]) -> None:
    """Raises InputError for a layer that does not exist, or a name that the cell does not have."""
    directions = 2 if module.bidirectional else 1
    for clamp in clamps:
        if not (0 <= clamp.layer < module.num_layers and 0 <= clamp.direction < directions):
            raise InputError(f"there is no layer {clamp.layer}, direction {clamp.direction} to set {clamp.name!r} in")
        value = value_called(module.cell, clamp.name)
        if module.proj_size and value == settable(module.cell)[module.cell.state[0]]:
            raise InputError(
                f"{clamp.name!r} is projected after the step, so it cannot be set in it",
                hint="set a gate or the memory",
            )


class Clamped:
    """Runs the layers with their clamps."""

    def __init__(self, clamps: Sequence[Clamp]) -> None:
        self._clamps = clamps

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """The runner of one layer: the kernels themselves where nothing is set."""
        direction = int(place.reverse)
        clamps = [clamp for clamp in self._clamps if (clamp.layer, clamp.direction) == (place.layer, direction)]
        if not clamps:
            return PLAIN
        clamps = [clamp for clamp in clamps for clamp in _resolved(module.cell, clamp)]
        names = tuple(dict.fromkeys(clamp.name for clamp in clamps))
        settings = torch.cat(
            [_setting(module, place, batch, [clamp for clamp in clamps if clamp.name == name]) for name in names]
        )
        return Changed(partial(held, values=names), _Filling(settings, place.units))


class _Filling:
    """Hands a layer the values that it is set to. settings: (K, N, H), of all rows and heads."""

    def __init__(self, settings: Tensor, units: int) -> None:
        self._settings, self._units, self._first = settings, units, 0

    def __call__(self, cell: Cell, layer: Layer) -> Layer:
        """Heads come one after the other; where the first step runs apart, the rest has its last rows."""
        rows, units = layer.x.shape[0], slice(self._first, self._first + layer.units)
        self._first = units.stop % self._units
        settings = self._settings[:, self._settings.shape[1] - rows :, units].to(layer.x.dtype)
        drawn = layer.step_noise.expand(-1, rows, -1)
        return layer._replace(step_noise=torch.cat((drawn, settings)) if len(drawn) else settings)


def _resolved(cell: Cell, clamp: Clamp) -> list[Clamp]:
    """The clamp of the program's value, and those of its complements."""
    name = value_called(cell, clamp.name)
    return [
        replace(clamp, name=name),
        *(replace(clamp, name=n, value=1.0 - clamp.value) for n in complements(cell, name)),
    ]


def _setting(module: Recurrent, place: Place, batch: Batch, clamps: Sequence[Clamp]) -> Tensor:
    """Whether one value is set, and to what, for every row and unit: (2, N, H)."""
    steps, count = batch.rows.steps, batch.rows.batch
    like = batch.x.new_empty(0, dtype=working_dtype(module.cell, batch.x))
    width = module.sizes(place).value(clamps[0].name)
    settings = [like.new_zeros(steps, count, width) for _ in range(2)]
    for clamp in clamps:
        chosen = _chosen(clamp, steps, count, width)
        value = torch.as_tensor(clamp.value, dtype=like.dtype, device=like.device)
        settings[0][chosen] = 1.0
        settings[1][chosen] = _broadcast(value, tuple(len(part.flatten()) for part in chosen), clamp)
    rows = [batch.rows.gathered(repeated(part, place.units))[: len(batch.x)] for part in settings]
    return torch.stack([batch.rows.mirrored(part) if place.reverse else part for part in rows])


def _chosen(clamp: Clamp, steps: int, count: int, units: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices that choose (steps, sequences, units) of a tensor."""
    first, end = (0, steps) if clamp.span is None else clamp.span
    if not 0 <= first < end <= steps:
        raise InputError(f"the span {clamp.span} does not lie in the input", hint=f"it has steps 0 to {steps - 1}")
    batch = _indices("sequence", clamp.batch, count)
    return torch.arange(first, end)[:, None, None], batch[:, None], _indices("unit", clamp.units, units)


def _indices(what: str, chosen: Sequence[int] | None, count: int) -> Tensor:
    indices = torch.arange(count) if chosen is None else torch.as_tensor(list(chosen), dtype=torch.int64)
    wrong = [index for index in indices.tolist() if not 0 <= index < count]
    if wrong:
        raise InputError(f"there is no {what} {wrong[0]}", hint=f"there are 0 to {count - 1}")
    return indices


def _broadcast(value: Tensor, shape: tuple[int, ...], clamp: Clamp) -> Tensor:
    try:
        return value.expand(shape)
    except RuntimeError:
        raise InputError(
            f"{clamp.name} is set to a tensor {tuple(value.shape)}", hint=f"(steps, sequences, units) is {shape}"
        ) from None
