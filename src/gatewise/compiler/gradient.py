"""Reverse-mode differentiation of a program, and what the forward pass keeps for it.

Of every gate the forward pass keeps one number: the pre-activation or, where that suffices, the gate's value. Gates
that meet in one sum before their function have its result in common, which is kept once.
``sigmoid``, ``tanh`` and ``exp`` have derivatives that need only their result; where nothing else in the gradient reads
the pre-activation, the result is kept instead and backward need not compute it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..equation import Cell, Gate, Operand, Value, previous
from .lower import lower, program_of
from .means import averaged, squares_of_deviations
from .ops import OPS, OVER_UNITS
from .program import ACROSS_UNITS, Instruction, Program, is_temporary

# Their derivatives are functions of their results alone.
_BY_RESULT = ("sigmoid", "tanh", "exp")
# Operations allowed between a pre-activation and the function: a peephole's term, a scale, a sign.
_PASSED_THROUGH = ("add", "sub", "mul", "neg")


def kept_name(cell: Cell, gate: Gate, values: Mapping[str, str]) -> str:
    """The name of the array in which a gate is kept, perhaps with others. values: pre-activation -> value that is kept
    in its place."""
    value = values.get(gate.preactivation, gate.preactivation)
    taken = is_temporary(value) or value in program_of(cell).outputs.values()
    first = next(other for other in cell.gates if values.get(other.preactivation, other.preactivation) == value)
    return f"kept_{first.letter}" if taken else value


@lru_cache(maxsize=256)
def candidates(cell: Cell) -> Mapping[str, str]:
    """Pre-activation -> result of such a function, where a chain of sole uses leads from one to the other."""
    program = program_of(cell)
    results = {gate.preactivation: _result(program, gate.preactivation) for gate in cell.gates}
    return {name: value for name, value in results.items() if value}


def _result(program: Program, value: str) -> str:
    """The result of the function at the end of the chain, or ``""``."""
    while True:
        uses = [instruction for instruction in program.body if value in instruction.args]
        if len(uses) != 1 or value in program.outputs.values():
            return ""
        if uses[0].op in _BY_RESULT:
            return uses[0].name
        if uses[0].op not in _PASSED_THROUGH:
            return ""
        value = uses[0].name


def gradient_of(value: str) -> str:
    """The name of the gradient of a value."""
    return f"d_{value}"


def from_output(state: str) -> str:
    """The name of the part of a state's gradient that comes from outside, through the layer's outputs."""
    return f"d_{state}_out"


def from_later(value: str) -> str:
    """The name of a gradient as the next step of time left it: a state's pointwise part, a weight's sum so far."""
    return f"d_{value}_later"


def through_products(value: str) -> str:
    """The name of the part of a gradient that comes through recurrent products."""
    return f"d_{value}_products"


def multiplied(operand: str) -> str:
    """The name under which the backward program returns what a step multiplied with U inside itself."""
    return f"{operand}_multiplied"


def backward_program(cell: Cell, *, histories: bool = False) -> Program:
    """Gradients of pre-activations, states one step ago and per-unit weights, from those of the new states.

    histories: every state of every step has a gradient from outside, not only the output.

    The pointwise part is recomputed from what is kept of every gate (:func:`kept_gates`), from what was taken over
    units, and from the states. What a step multiplied with U inside itself is an output too, since the gradient of U
    needs it.
    """
    return _Backward(cell, cell.state if histories else cell.state[:1], _kept_values(cell)).program()


@lru_cache(maxsize=256)
def kept_gates(cell: Cell) -> dict[str, str]:
    """The arrays in which gates are kept, in the order of the gates, and the value of the step that each holds."""
    values = _kept_values(cell)
    return {kept_name(cell, gate, values): values.get(gate.preactivation, gate.preactivation) for gate in cell.gates}


@lru_cache(maxsize=256)
def kept_row_numbers(cell: Cell) -> tuple[str, ...]:
    """The means, sums and maxima over units that backward reads, one number per row each."""
    read = backward_program(cell, histories=True).inputs
    return tuple(name for name, i in program_of(cell).by_name.items() if i.op in OVER_UNITS and name in read)


def kept_width(cell: Cell, units: int) -> int:
    """How many numbers the forward pass keeps of every row besides the states: H of each array of gates, then what was
    taken over units."""
    return len(kept_gates(cell)) * units + len(kept_row_numbers(cell))


@lru_cache(maxsize=256)
def _kept_values(cell: Cell) -> dict[str, str]:
    """Pre-activation -> what is kept in its place, where the gradient does not read the pre-activation itself.

    A fixpoint: keeping a result instead of a pre-activation changes the gradient program, which may then read another
    pre-activation.
    """
    values = dict(candidates(cell))
    while True:
        program = _Backward(cell, cell.state, values).program()
        read = {argument for instruction in program.body for argument in instruction.args}
        wrong = [name for name in values if name in read or name in program.outputs.values()]
        if not wrong:
            return values
        values = {name: value for name, value in values.items() if name not in wrong}


class _Backward:
    def __init__(self, cell: Cell, seen: tuple[str, ...], kept_values: Mapping[str, str]) -> None:
        self.cell = cell
        self.kept_values = kept_values
        self.seen = seen
        self.forward = program_of(cell)
        self.values: dict[str, Operand] = {}
        self.gradients: dict[str, Operand] = {}
        self.averages: dict[str, Operand] = {}
        self.from_squares: dict[str, Operand] = {}
        self.averaged = averaged(self.forward, cell.row_inputs)
        self.squares = squares_of_deviations(self.forward)
        self.names: dict[str, Value] = {}
        self.multiplied: set[Operand] = set()

    def program(self) -> Program:
        self._recompute_forward()
        self._seed()
        self._reverse()
        inputs = (*self._known(), *self._seeds())
        outputs = dict(self._outputs())
        for name, value in outputs.items():
            self._name(name, value)
        name = f"{self.cell.name}_backward"
        lowered = lower(name, inputs, outputs, self.names)
        return lowered.restricted(name, lowered.outputs, frozenset())

    def _name(self, name: str, value: Operand) -> None:
        if isinstance(value, Value) and not is_temporary(name.removeprefix("d_")):
            self.names.setdefault(name, value)

    def _known(self) -> dict[str, str]:
        """Inputs that the forward pass provides: the name of the input -> the value of the step."""
        across = [name for name, i in self.forward.by_name.items() if i.op in ACROSS_UNITS]
        known = {name: name for name in (*across, *self.forward.inputs)}
        for gate in self.cell.gates:
            if gate.preactivation in self.kept_values:
                known[kept_name(self.cell, gate, self.kept_values)] = self.kept_values[gate.preactivation]
        return known

    def _recompute_forward(self) -> None:
        known = {value: Value("input", label=name) for name, value in self._known().items()}
        self.values = self.forward.values(known)
        for name in self.forward.by_name:
            if name not in known:
                self._name(name, self.values[name])

    def _seed(self) -> None:
        for index, state in enumerate(self.cell.state):
            total: Operand = Value("input", label=from_later(state))
            if state in self.seen:
                total = total + Value("input", label=from_output(state))
            if index == 0 and any(gate.recurrent == "h" for gate in self.cell.gates):
                total = total + Value("input", label=through_products(state))
            _add(self.gradients, self.forward.outputs[state], total)

    def _reverse(self) -> None:
        for instruction in reversed(self.forward.body):
            gradient = self._gradient(instruction)
            if not isinstance(gradient, Value) or instruction.op == "constant":
                continue
            self._name(gradient_of(instruction.name), gradient)
            if instruction.op == "product":
                operand = instruction.args[0]
                self.multiplied.add(gradient)
                label = f"{through_products(operand)}_{instruction.name}"
                _add(self.gradients, operand, Value("product", gradient, label=label))
            elif instruction.op == "mean":
                _add(self.gradients, instruction.args[0], gradient)
            else:
                self._pass_on(instruction, gradient)

    def _gradient(self, instruction: Instruction) -> Operand | None:
        """The gradient of a result, once all that use it have passed on theirs; of a number of whole rows the mean."""
        name = instruction.name
        gradient = self.gradients.get(name)
        if name in self.averaged and gradient is not None:
            _add(self.averages, name, Value("mean", gradient) if isinstance(gradient, Value) else gradient)
        if name in self.averaged:
            return self.averages.get(name)
        if name in self.from_squares:
            return self.from_squares[name] if gradient is None else gradient + self.from_squares[name]
        return gradient

    def _pass_on(self, instruction: Instruction, gradient: Value) -> None:
        """Give the arguments their parts of a gradient."""
        name = instruction.name
        arguments = [self.values[argument] for argument in instruction.args]
        parts = OPS[instruction.op].derivative(gradient, self.values[name], *arguments)
        if name in self.from_squares:  # a deviation, v - mean: of the squares v has all of the gradient
            rest = self.gradients.get(name)
            parts = parts[0], None if rest is None else -rest
        gradients = self.gradients
        if name in self.squares:
            gradients = self.from_squares
        elif name in self.averaged:
            gradients = self.averages
        for argument, part in zip(instruction.args, parts, strict=True):
            if part is not None and isinstance(self.values[argument], Value):
                _add(gradients, argument, part)

    def _copied(self, gradient: Operand) -> Operand:
        """A copy of what a product reads: outputs are written in place while other units still read."""
        return gradient * 1.0 if gradient in self.multiplied else gradient

    def _seeds(self) -> Iterator[str]:
        yield from (from_later(name) for name in (*self.cell.state, *self.cell.per_unit))
        yield from (from_output(name) for name in self.seen)
        if any(gate.recurrent == "h" for gate in self.cell.gates):
            yield through_products(self.cell.state[0])

    def _outputs(self) -> Iterator[tuple[str, Operand]]:
        for gate in self.cell.gates:
            yield gradient_of(gate.preactivation), self.gradients.get(gate.preactivation, 0.0)
        for state in self.cell.state:
            yield gradient_of(previous(state)), self._copied(self.gradients.get(previous(state), 0.0))
        for weight in self.cell.per_unit:
            total = Value("input", label=from_later(weight)) + self.gradients.get(weight, 0.0)
            yield gradient_of(weight), self._copied(total)
        for name in self.cell.inputs:
            yield gradient_of(name), self.gradients.get(name, 0.0)
        for operand in operands(self.forward):
            yield multiplied(operand), self.values[operand]


def _add(gradients: dict[str, Operand], name: str, part: Operand) -> None:
    gradients[name] = gradients[name] + part if name in gradients else part


def operands(program: Program) -> tuple[str, ...]:
    """What a program multiplies with U inside the step, each once, in order."""
    return tuple(dict.fromkeys(i.args[0] for i in program.body if i.op == "product"))
