"""A program cut where values cross units, into the stages that every driver carries through time.

Inside a stage each unit minds its own business: sums of products arrive in *accumulators*, a pointwise *body* turns
them and what it loads into what is stored. Between two stages all units of a row must be done, since the next
stage multiplies a whole row with U. Plain cells have one stage; a cell whose step calls a gate has one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..equation import Cell, Gate, previous
from .gradient import backward_program, from_later, gradient_of, operands, through_products
from .lower import program_of
from .program import Program

INPUT = "x"


@dataclass(frozen=True)
class Product:
    """A row array times one matrix for each accumulator that it feeds.

    operand: ``"x"``, multiplied with W, or an array of H units, multiplied with U (transposed in backward).
    feeds: accumulator -> the gate whose block of the matrix it is.
    """

    operand: str
    feeds: Mapping[str, Gate]


@dataclass(frozen=True)
class Stage:
    """starts: accumulator -> the bias it starts from, ``""`` for zero. keeps: accumulators that later stages read."""

    starts: Mapping[str, str]
    products: tuple[Product, ...]
    body: Program
    keeps: tuple[str, ...]

    @cached_property
    def loads(self) -> tuple[str, ...]:
        """Arrays and vectors that the body reads."""
        return tuple(name for name in self.body.inputs if name not in self.starts)


@dataclass(frozen=True)
class Sweep:
    """One pass over all steps of time, forward or backward.

    vectors: names of the arrays with one number for each unit; every other array has rows.
    """

    name: str
    stages: tuple[Stage, ...]
    vectors: tuple[str, ...]

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """Every row array that the sweep reads or writes, each once."""
        names: list[str] = []
        for stage in self.stages:
            names += [product.operand for product in stage.products]
            names += [*stage.loads, *stage.keeps, *stage.body.outputs]
        return tuple(name for name in dict.fromkeys(names) if name not in self.vectors)


def bias_of(gate: Gate) -> str:
    """The name of a gate's bias."""
    return f"b_{gate.letter}" if gate.has_bias else ""


def forward_sweep(cell: Cell, *, keep: bool) -> Sweep:
    """What turns inputs and initial states into states; ``keep`` stores every pre-activation for backward."""
    program = program_of(cell)
    gates = {gate.preactivation: gate for gate in cell.gates}
    fed = _products_of(program)
    stages: list[Stage] = []
    for body, own in _cut(program, frozenset(gates)):
        mine = {name: gates[name] for name in own}
        reads = {INPUT: [name for name, gate in mine.items() if gate.has_input]}
        reads[previous(cell.state[0])] = [name for name, gate in mine.items() if gate.recurrent == "h"]
        for name in own:
            if name in fed:
                reads.setdefault(fed[name], []).append(name)
        products = [
            Product(operand, {name: gates[name] for name in names}) for operand, names in reads.items() if names
        ]
        starts = {name: bias_of(gate) for name, gate in mine.items()}
        stages.append(Stage(starts, tuple(products), body, tuple(own) if keep else ()))
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    return _sweep(f"{cell.name}_forward", stages, (*biases, *cell.per_unit))


def backward_sweep(cell: Cell) -> Sweep:
    """What turns gradients of outputs and last states into those of pre-activations and initial states."""
    program = backward_program(cell)
    gates = {gradient_of(gate.preactivation): gate for gate in cell.gates}
    fed = _products_of(program)
    through = through_products(cell.state[0])
    recurrent = {name: gate for name, gate in gates.items() if gate.recurrent == "h"}
    stages: list[Stage] = []
    for body, own in _cut(program, frozenset({through, *fed})):
        products = [Product(fed[name], {name: gates[fed[name]]}) for name in own if name in fed]
        if through in own:
            products += [Product(from_later(gate.preactivation), {through: gate}) for gate in recurrent.values()]
        stages.append(Stage(dict.fromkeys(own, ""), tuple(products), body, ()))
    return _sweep(program.name, stages, cell.per_unit)


def _products_of(program: Program) -> dict[str, str]:
    """For each product of the program, what it multiplies."""
    return {i.name: i.args[0] for i in program.body if i.op == "product"}


def _sweep(name: str, stages: list[Stage], vectors: Iterable[str]) -> Sweep:
    """The stages with every accumulator kept that a later stage loads."""
    loaded: set[str] = set()
    kept: list[Stage] = []
    for stage in reversed(stages):
        needed = (name for name in stage.starts if name in loaded)
        keeps = tuple(dict.fromkeys((*stage.keeps, *needed)))
        kept.append(Stage(stage.starts, stage.products, stage.body, keeps))
        loaded.update(stage.loads)
    return Sweep(name, tuple(reversed(kept)), tuple(vectors))


def _cut(program: Program, accumulators: frozenset[str]) -> list[tuple[Program, list[str]]]:
    """For each stage its body, and the accumulators that it must sum up: each as late as possible."""
    levels = _levels(program)
    crossing = {operand: levels[operand] for operand in operands(program)}
    count = 1 + max(crossing.values(), default=-1) + 1 if crossing else 1
    bodies: list[Program] = []
    for level in range(count):
        sums = {name for name, i in program.by_name.items() if i.op == "product"}
        known = frozenset(sums | {name for name, at in crossing.items() if at < level})
        last = level == count - 1
        outputs = program.outputs if last else {name: name for name, at in crossing.items() if at == level}
        bodies.append(program.restricted(f"{program.name}_{level}" if count > 1 else program.name, outputs, known))
    waiting = [name for name in (*program.inputs, *program.by_name) if name in accumulators]
    cut: list[tuple[Program, list[str]]] = []
    for body in bodies:
        own = [name for name in waiting if name in body.inputs or body is bodies[-1]]
        waiting = [name for name in waiting if name not in own]
        cut.append((body, own))
    return cut


def _levels(program: Program) -> dict[str, int]:
    """How many products lie behind each value."""
    levels = dict.fromkeys(program.inputs, 0)
    for instruction in program.body:
        behind = max((levels[argument] for argument in instruction.args), default=0)
        levels[instruction.name] = behind + (instruction.op == "product")
    return levels
