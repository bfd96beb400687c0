"""A program cut where values cross units, into the stages that every driver carries through time.

Inside a stage each unit minds its own business: sums of products arrive in *accumulators*, a pointwise *body* turns
them and what it loads into what is stored. Between two stages all units of a row must be done, since the next
stage multiplies a whole row with U, or needs a mean over it. Plain cells have one stage; a cell whose step calls a
gate, or normalises, has more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..equation import Cell, Gate, previous
from .gradient import backward_program, from_later, gradient_of, kept_gates, kept_means, through_products
from .lower import program_of
from .program import ACROSS_UNITS, Program

INPUT = "x"
# Operations that take longer than it takes to load what they gave.
_DEAR = ("exp", "log", "sqrt", "div", "sigmoid", "tanh", "log_sigmoid")


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
    """starts: accumulator -> the bias it starts from, ``""`` for zero. keeps: array -> which accumulator or value of
    the body is stored there, for later stages or for backward. means: what is a mean over the units of a row, and of
    which array, taken before the stage begins."""

    means: Mapping[str, str]
    starts: Mapping[str, str]
    products: tuple[Product, ...]
    body: Program
    keeps: Mapping[str, str]

    @cached_property
    def loads(self) -> tuple[str, ...]:
        """Arrays and vectors that the body reads."""
        return tuple(name for name in self.body.inputs if name not in self.starts)


@dataclass(frozen=True)
class Sweep:
    """One pass over all steps of time, forward or backward.

    vectors: names of the arrays with one number for each unit; every other array has rows. means: names of those that
    have one number for a whole row. backward: from the last step of time to the first.
    """

    name: str
    stages: tuple[Stage, ...]
    vectors: tuple[str, ...]
    means: frozenset[str]
    backward: bool

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """Every row array that the sweep reads or writes, each once."""
        names: list[str] = []
        for stage in self.stages:
            names += [*stage.means, *stage.means.values()]
            names += [product.operand for product in stage.products]
            names += [*stage.loads, *stage.keeps, *stage.body.outputs]
        return tuple(name for name in dict.fromkeys(names) if name not in self.vectors)


def bias_of(gate: Gate) -> str:
    """The name of a gate's bias."""
    return f"b_{gate.letter}" if gate.has_bias else ""


def forward_sweep(cell: Cell, *, keep: bool) -> Sweep:
    """What turns inputs and initial states into states; ``keep`` stores what backward needs of every gate."""
    program = program_of(cell)
    wanted = kept_gates(cell) if keep else {}
    gates = {gate.preactivation: gate for gate in cell.gates}
    fed = _products_of(program)
    stages: list[Stage] = []
    for body, means, own in _cut(program, frozenset(gates)):
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
        mine = {array: value for array, value in wanted.items() if value in own or value in body.by_name}
        stages.append(Stage(means, starts, tuple(products), body, mine))
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    return _sweep(f"{cell.name}_forward", stages, (*biases, *cell.per_unit), backward=False)


def backward_sweep(cell: Cell, *, histories: bool = False) -> Sweep:
    """What turns gradients of outputs and last states into those of pre-activations and initial states.

    histories: the states of all steps have gradients of their own too.
    """
    program = backward_program(cell, histories=histories)
    gates = {gradient_of(gate.preactivation): gate for gate in cell.gates}
    fed = _products_of(program)
    through = through_products(cell.state[0])
    recurrent = {name: gate for name, gate in gates.items() if gate.recurrent == "h"}
    called = {
        f"{through_products(operand)}_{product}": gates[gradient_of(product)]
        for product, operand in _products_of(program_of(cell)).items()
    }
    stages: list[Stage] = []
    for body, means, own in _cut(program, frozenset({through, *fed})):
        products = [Product(fed[name], {name: called[name]}) for name in own if name in fed]
        if through in own:
            products += [Product(from_later(gate.preactivation), {through: gate}) for gate in recurrent.values()]
        stages.append(Stage(means, dict.fromkeys(own, ""), tuple(products), body, {}))
    return _sweep(program.name, stages, cell.per_unit, means=kept_means(cell), backward=True)


def row_sweep(program: Program, vectors: Iterable[str]) -> Sweep:
    """A program over single rows, without products, in stages."""
    stages = [Stage(means, {}, (), body, {}) for body, means, _ in _cut(program, frozenset())]
    return _sweep(program.name, stages, vectors, backward=False)


def _products_of(program: Program) -> dict[str, str]:
    """For each product of the program, what it multiplies."""
    return {i.name: i.args[0] for i in program.body if i.op == "product"}


def _sweep(
    name: str, stages: list[Stage], vectors: Iterable[str], *, means: Iterable[str] = (), backward: bool
) -> Sweep:
    """The stages with every accumulator kept that a later stage loads. means: those that are there from the start."""
    loaded: set[str] = {operand for stage in stages for operand in stage.means.values()}
    complete: list[Stage] = []
    for stage in reversed(stages):
        needed = {name: name for name in stage.starts if name in loaded}
        complete.append(replace(stage, keeps={**stage.keeps, **needed}))
        loaded.update(stage.loads)
    found = frozenset(name for stage in stages for name in stage.means)
    return Sweep(name, tuple(reversed(complete)), tuple(vectors), found | frozenset(means), backward)


def _cut(program: Program, accumulators: frozenset[str]) -> list[tuple[Program, dict[str, str], list[str]]]:
    """For each stage its body, its means, and the accumulators that it must sum up: each as late as possible."""
    levels = _levels(program)
    across = {name: i.args[0] for name, i in program.by_name.items() if i.op in ACROSS_UNITS}
    count = 1 + max((levels[name] for name in across), default=0)
    crossing = {operand: levels[operand] for operand in across.values() if operand in program.by_name}
    bodies = _bodies(program, across, crossing, count)
    bodies = _bodies(program, across, crossing | _shared(bodies), count)
    waiting = [name for name in (*program.inputs, *program.by_name) if name in accumulators]
    cut: list[tuple[Program, dict[str, str], list[str]]] = []
    for level, body in enumerate(bodies):
        read = {*body.inputs, *(operand for operand in across.values() if levels[operand] == level)}
        own = [name for name in waiting if name in read or body is bodies[-1]]
        waiting = [name for name in waiting if name not in own]
        means = {name: across[name] for name in across if _is_mean(program, name) and levels[name] == level}
        cut.append((body, means, own))
    return cut


def _bodies(program: Program, across: Mapping[str, str], stored: Mapping[str, int], count: int) -> list[Program]:
    """The body of each stage. stored: values that later stages load, and the stage that computes them."""
    bodies: list[Program] = []
    for level in range(count):
        known = frozenset({*across, *(name for name, at in stored.items() if at < level)})
        last = level == count - 1
        outputs = {name: name for name, at in stored.items() if at == level}
        outputs |= dict(program.outputs) if last else {}
        bodies.append(program.restricted(f"{program.name}_{level}" if count > 1 else program.name, outputs, known))
    return bodies


def _shared(bodies: list[Program]) -> dict[str, int]:
    """Values that are dear to compute and that several stages compute: the first stage of each."""
    first: dict[str, int] = {}
    again: set[str] = set()
    for level, body in enumerate(bodies):
        for name, instruction in body.by_name.items():
            if instruction.op in _DEAR:
                again.update({name} & first.keys())
                first.setdefault(name, level)
    return {name: level for name, level in first.items() if name in again}


def _is_mean(program: Program, name: str) -> bool:
    return program.by_name[name].op == "mean"


def _levels(program: Program) -> dict[str, int]:
    """How many products and means lie behind each value."""
    levels = dict.fromkeys(program.inputs, 0)
    for instruction in program.body:
        behind = max((levels[argument] for argument in instruction.args), default=0)
        levels[instruction.name] = behind + (instruction.op in ACROSS_UNITS)
    return levels
