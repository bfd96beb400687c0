"""From recorded values to a program: values are named, equal expressions shared, unused ones dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count

from ..equation import Cell, Operand, Value, previous
from ..errors import CellError
from ..value import RESERVED, line_of
from .ops import NAMES, OPS
from .program import Instruction, Program

MOST_OPERATIONS = 500
"""Of a step: each is a line of every kernel, and a step of thousands is a loop over time written out."""


@cache
def program_of(cell: Cell) -> Program:
    """The forward program of a cell: pre-activations, states one step ago and per-unit weights to new states."""
    inputs = [gate.preactivation for gate in cell.gates if gate.recurrent != "step"]
    inputs += [previous(state) for state in cell.state] + list(cell.per_unit)
    inputs += [noise.name for noise in cell.noise]
    outputs = dict(zip(cell.state, cell.outputs, strict=True))
    operations = len(_reachable(outputs))
    if operations > MOST_OPERATIONS:
        what = f"the step of {cell.name} has {operations:,} operations, at most {MOST_OPERATIONS} are possible"
        raise CellError(what, where=line_of(cell.step))
    return lower(cell.name, tuple(inputs), outputs, _free_names(cell))


@cache
def names_of(cell: Cell) -> dict[Value, str]:
    """What the recorded values of the step are called in the forward program: what it computes, in order."""
    program = program_of(cell)
    return _lowered(program.inputs, dict(zip(cell.state, cell.outputs, strict=True)), _free_names(cell)).placed


def _free_names(cell: Cell) -> dict[str, Value]:
    """The values that have names in the step, none of which a kernel has for something else.

    That would be a state whose name stands for another value by the end of the step, a bias or a gradient.
    """
    arrays = [*(gate.preactivation for gate in cell.gates), *cell.state, *map(previous, cell.state), *cell.per_unit]
    taken = {f"d_{array}{part}" for array in arrays for part in ("", "_out", "_later", "_products")}
    taken |= {f"b_{gate.letter}" for gate in cell.gates}
    states = dict(zip(cell.state, cell.outputs, strict=True))
    return {
        name if name not in taken and states.get(name, value) is value else f"{name}_2": value
        for name, value in cell.values.items()
    }


def lower(name: str, inputs: tuple[str, ...], outputs: Mapping[str, Operand], names: Mapping[str, Value]) -> Program:
    """The program that computes ``outputs``; ``names`` are wishes for the names of its values."""
    for output, value in outputs.items():
        if is_comparison(value):
            raise _misplaced(f"the step returns a comparison as {output}", value)
    lowering = _lowered(inputs, outputs, names)
    results = {key: lowering.place(value) for key, value in outputs.items()}
    return Program(name, inputs, tuple(lowering.body), results).verify()


def _lowered(inputs: tuple[str, ...], outputs: Mapping[str, Operand], names: Mapping[str, Value]) -> _Lowering:
    lowering = _Lowering(inputs, names)
    for value in sorted(_reachable(outputs), key=lambda value: value.order):
        lowering.place(value)
    return lowering


def _reachable(outputs: Mapping[str, Operand]) -> set[Value]:
    """Every recorded value that the outputs need."""
    reachable: set[Value] = set()
    waiting = [value for value in outputs.values() if isinstance(value, Value)]
    while waiting:
        value = waiting.pop()
        if value not in reachable:
            reachable.add(value)
            waiting += [argument for argument in value.arguments if isinstance(argument, Value)]
    return reachable


class _Lowering:
    """Places each value after its arguments; equal values are placed once."""

    def __init__(self, inputs: tuple[str, ...], names: Mapping[str, Value]) -> None:
        self.body: list[Instruction] = []
        self._wishes = {value: name for name, value in reversed(list(names.items())) if value.function != "input"}
        self.placed: dict[Value, str] = {}
        self._equal: dict[tuple[str, tuple[str, ...], float], str] = {}
        self._taken = {*inputs, *RESERVED}

    def place(self, value: Operand) -> str:
        """The name of the value in the program, whose instruction is added if it is new."""
        if not isinstance(value, Value):
            return self._instruction(value, "constant", (), _constant(value))
        if value.function == "input":
            return value.label
        if value not in self.placed:
            self.placed[value] = self._new(value)
        return self.placed[value]

    def _new(self, value: Value) -> str:
        if value.function == "product":
            return self._instruction(value, "product", (self.place(value.arguments[0]),))
        if value.function == "complement":
            return self._complement(value)
        op, arguments = _operation(value)
        return self._instruction(value, op, tuple(self.place(argument) for argument in arguments))

    def _complement(self, value: Value) -> str:
        """sigmoid(-a) if the program has it already, else 1 - sigmoid(a)."""
        result, argument = (self.place(argument) for argument in value.arguments)
        negated = {args[0]: name for (op, args, _), name in self._equal.items() if op == "neg"}
        opposite = negated.get(argument) or {name: a for a, name in negated.items()}.get(argument)
        placed = self._equal.get(("sigmoid", (opposite,), 0.0)) if opposite else None
        return placed or self._instruction(value, "sub", (self.place(1.0), result))

    def _instruction(self, value: Operand, op: str, args: tuple[str, ...], constant: float = 0.0) -> str:
        label = value.label if isinstance(value, Value) else ""
        key = (op + label, args, constant)
        if key not in self._equal:
            self._equal[key] = self._name(value)
            self.body.append(Instruction(self._equal[key], op, args, constant))
        return self._equal[key]

    def _name(self, value: Operand) -> str:
        wish = value.label or self._wishes.get(value, "") if isinstance(value, Value) else ""
        name = next(name for name in _candidates(wish) if name not in self._taken)
        self._taken.add(name)
        return name


def _candidates(wish: str) -> Iterator[str]:
    """Names to try in turn: the one wished for, with a number if need be, or a temporary's."""
    if wish:
        yield wish
        yield from (f"{wish}_{number}" for number in count(2))
    yield from (f"t{number}" for number in count())


def _operation(value: Value) -> tuple[str, tuple[Operand, ...]]:
    """The operation that a recorded call means, and its arguments. Raises CellError where there is none."""
    arguments = value.arguments
    if value.function == "gt":
        return "lt", (arguments[1], arguments[0])
    if value.function in ("clamp", "clip"):
        return _operation(_clamped(value))
    if value.function == "mean" and (value.keywords or len(arguments) > 1):
        return "mean", (_over_units(value),)
    name = NAMES.get(value.function)
    if name is None or len(arguments) != OPS[name].arity or _options(value):
        written = f"{value.function}({', '.join('...' for _ in arguments)})"
        raise CellError(
            f"the step calls {written}, for which there is no rule",
            where=value.where,
            hint=f"a step may use {', '.join(sorted(OPS))} and clamp, on its own values and on numbers",
        )
    for place, argument in enumerate(arguments):
        if is_comparison(argument) and (name, place) != ("where", 0):
            raise _misplaced(f"the step calls {value.function} on a comparison", value)
    if name == "where" and not any(is_comparison(a) or _is_input(a) for a in arguments[:1]):
        raise CellError(
            "the step chooses by a number, not by a comparison", where=value.where, hint="torch.where(a > 0, ...)"
        )
    return name, arguments


def is_comparison(value: Operand) -> bool:
    """Whether it is a choice between two numbers rather than a number."""
    return isinstance(value, Value) and (value.function == "gt" or NAMES.get(value.function) == "lt")


def _is_input(value: Operand) -> bool:
    return isinstance(value, Value) and value.function == "input"


def _misplaced(what: str, value: Operand) -> CellError:
    """A comparison where a number belongs, for which kernels have none."""
    where = value.where if isinstance(value, Value) else ""
    return CellError(what, where=where, hint="torch.where(condition, 1.0, 0.0) is a number")


def _constant(number: object) -> float:
    """A number of the step. Raises CellError for what is none that a kernel could hold."""
    try:
        return float(number)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError) as error:
        raise CellError(f"the step computes with a {type(number).__name__} that is no number: {error}") from None


def _options(value: Value) -> bool:
    """Whether the call has options that change what the function computes."""
    return any(option not in (None, False) for option in value.keywords.values())


def _over_units(value: Value) -> Operand:
    """What a mean is taken of. The last dimension of tensors is that of the units: any other mean would mix rows."""
    options = dict(zip(("dim", "keepdim"), value.arguments[1:], strict=False)) | dict(value.keywords)
    if options != {"dim": -1, "keepdim": True}:
        raise CellError(
            "the step takes a mean that is not over all units", where=value.where, hint="write mean(-1, keepdim=True)"
        )
    taken = value.arguments[0]
    # A weight for each unit has no row of its own, of which kernels could take the mean: let it be computed.
    return Value("mul", taken, 1.0) if _is_input(taken) else taken


def _clamped(value: Value) -> Value:
    bounds = dict(zip(("min", "max"), value.arguments[1:], strict=False)) | dict(value.keywords)
    clamped = value.arguments[0]
    for bound, function in (("min", "maximum"), ("max", "minimum")):
        if bounds.get(bound) is not None:
            clamped = Value(function, clamped, bounds[bound])
    if not isinstance(clamped, Value) or clamped is value.arguments[0]:
        raise CellError("clamp without bounds", where=value.where)
    return clamped
