"""From recorded values to a program: values are named, equal expressions shared, unused ones dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count

from ..equation import Cell, Operand, Value, previous
from ..errors import CellError
from ..value import RESERVED, constant, line_of, recorded_at
from .composed import COMPOSED, TURNED, composed, is_comparison, number, turned
from .ops import NAMES, OPS, OVER_UNITS
from .program import Instruction, Program

MOST_OPERATIONS = 500
"""Of a step: each is a line of every kernel, and a step of thousands is a loop over time written out."""


@cache
def program_of(cell: Cell) -> Program:
    """The forward program of a cell: pre-activations, states one step ago and per-unit weights to new states."""
    inputs = [gate.preactivation for gate in cell.gates if gate.recurrent != "step"]
    inputs += [previous(state) for state in cell.state] + list(cell.per_unit)
    inputs += [*(noise.name for noise in cell.noise), *cell.inputs]
    outputs = dict(zip(cell.state, cell.outputs, strict=True))
    operations = len(_reachable(outputs))
    if operations > MOST_OPERATIONS:
        what = f"the step of {cell.name} has {operations:,} operations, at most {MOST_OPERATIONS} are possible"
        raise CellError(what, where=line_of(cell.step))
    program = lower(cell.name, tuple(inputs), outputs, _free_names(cell))
    if any(i.op == "where" and i.args[0] in inputs for i in program.body):
        raise _chosen_by_number(line_of(cell.step))
    return program


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
            return self._instruction(value, "constant", (), constant(value))
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
        with recorded_at(value.where):
            made = _composed(value)
            if made is not None:
                return self._placed_as(value, made)
            op, arguments = _operation(value)
        return self._instruction(value, op, tuple(self._placed_at(value.where, a) for a in arguments))

    def _placed_as(self, value: Value, made: Operand) -> str:
        """The name of what a call is composed of, which gets the name that the call was to have."""
        wish = self._wishes.get(value)
        if wish and isinstance(made, Value) and made.function != "input":
            self._wishes.setdefault(made, wish)
        return self._placed_at(value.where, made)

    def _placed_at(self, where: str, value: Operand) -> str:
        if isinstance(value, Value):
            return self.place(value)
        return self._instruction(value, "constant", (), constant(value, where))

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


def _composed(value: Value) -> Operand | None:
    """What a call is composed of; None where it is an operation of its own, or no call that there is a rule for."""
    try:
        return composed(value)
    except CellError as error:
        raise CellError(error.what, where=error.where or value.where, hint=error.hint) from None
    except TypeError:
        raise _unknown(value) from None


def _operation(value: Value) -> tuple[str, tuple[Operand, ...]]:
    """The operation that a recorded call means, and its arguments. Raises CellError where there is none."""
    value = turned(value)
    name = NAMES.get(value.function)
    arguments: tuple[Operand, ...] = value.arguments
    if name in OVER_UNITS and (value.keywords or len(arguments) > 1):
        return name, (_over_units(value),)
    if name is None or len(arguments) != OPS[name].arity or _options(value):
        raise _unknown(value)
    condition: Operand = arguments[0] if arguments else 0.0
    if name == "where" and not (is_comparison(condition) or _is_input(condition)):
        raise _chosen_by_number(value.where)
    counted = [is_comparison(a) and (name, place) != ("where", 0) for place, a in enumerate(arguments)]
    if not any(counted):
        return name, arguments
    if name not in _COUNTING or all(counted):
        raise _misplaced(f"the step calls {value.function} on a comparison", value)
    return name, tuple(number(a) if isinstance(a, Value) and c else a for a, c in zip(arguments, counted, strict=True))


# In which a comparison is 0 or 1, as in PyTorch, if another argument is a number.
_COUNTING = ("add", "mul", "div", "maximum", "minimum")


def _unknown(value: Value) -> CellError:
    """A call that there is no rule for, with the list of all functions that have one."""
    written = ", ".join(["..." for _ in value.arguments] + [f"{name}=..." for name in value.keywords])
    names = f"a step may use {', '.join(sorted(vocabulary()))}, on its own values and on numbers"
    return CellError(
        f"the step calls {value.function}({written}), for which there is no rule",
        where=value.where,
        hint=f"{value.function} has one with other arguments" if value.function in vocabulary() else names,
    )


def vocabulary() -> set[str]:
    """All that a step may call, by the names of PyTorch."""
    return {*NAMES, *COMPOSED, *TURNED}


def _is_input(value: Operand) -> bool:
    return isinstance(value, Value) and value.function == "input"


def _misplaced(what: str, value: Operand) -> CellError:
    """A comparison where a number belongs, for which kernels have none."""
    where = value.where if isinstance(value, Value) else ""
    hint = "torch.where(condition, 1.0, 0.0) is a number; conditions are joined with & and |, and turned with ~"
    return CellError(what, where=where, hint=hint)


def _chosen_by_number(where: str) -> CellError:
    what = "the step chooses by a number, not by a comparison"
    return CellError(what, where=where, hint="torch.where(a > 0, ...)")


def _options(value: Value) -> bool:
    """Whether the call has options that change what the function computes."""
    return any(option not in (None, False) for option in value.keywords.values())


def _over_units(value: Value) -> Operand:
    """What a mean, sum or maximum is taken of. The last dimension of tensors is that of the units: any other would mix
    rows."""
    options = dict(zip(("dim", "keepdim"), value.arguments[1:], strict=False)) | dict(value.keywords)
    name = value.function
    if options != {"dim": -1, "keepdim": True}:
        raise CellError(
            f"the step takes a {name} that is not over all units",
            where=value.where,
            hint=f"write {name}(-1, keepdim=True)",
        )
    taken = value.arguments[0]
    # A weight for each unit has no row of its own, of which kernels could take the mean: let it be computed.
    return Value("mul", taken, 1.0) if _is_input(taken) else taken
