"""A program cut where values cross units, into the stages that every driver carries through time.

Inside a stage units are independent: sums of products arrive in *accumulators*, and a pointwise *body* computes what is
stored from them and from what it loads. Between two stages all units of a row must be done, since the next stage
multiplies a whole row with U, or needs a mean, a sum or the largest of it. Plain cells have one stage; a cell whose
step calls a gate, or normalises, has more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ..equation import Cell, Gate, previous
from .gradient import backward_program, from_later, gradient_of, kept_gates, kept_row_numbers, through_products
from .lower import program_of
from .ops import OVER_UNITS
from .program import ACROSS_UNITS, Program

INPUT = "x"
# Operations that take longer than loading their result.
_COSTLY = ("exp", "log", "sqrt", "div", "sigmoid", "tanh", "log_sigmoid", "sin", "cos")


@dataclass(frozen=True)
class Product:
    """A row array times one matrix for each accumulator that it feeds.

    operand: ``"x"``, multiplied with W, or an array of H units, multiplied with U (transposed in backward).
    feeds: accumulator -> the gate whose block of the matrix it is.
    """

    operand: str
    feeds: Mapping[str, Gate]


class Reduction(NamedTuple):
    """An operation over the units of a row, and the array that it is taken of."""

    op: str
    operand: str


@dataclass(frozen=True)
class Stage:
    """One stage.

    reductions: name -> what is taken over units before the stage begins, and of which array. starts: accumulator -> the
    bias it starts from, ``""`` for zero. keeps: array -> the accumulator or value of the body that is stored there, for
    later stages or for backward.
    """

    reductions: Mapping[str, Reduction]
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

    vectors: names of the arrays with one number for each unit; every other array has rows. row_numbers: names of those
    that have one number for a whole row. backward: from the last step of time to the first. pairs: products read their
    operands, and the weights, as :func:`in_pairs`.
    """

    name: str
    stages: tuple[Stage, ...]
    vectors: tuple[str, ...]
    row_numbers: frozenset[str]
    backward: bool
    pairs: bool = False

    def multiplied(self, operand: str) -> str:
        """The array that products with this operand read."""
        return in_pairs(operand) if self.pairs else operand

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """Every row array that the sweep reads or writes, each once."""
        names: list[str] = []
        for stage in self.stages:
            names += [*stage.reductions, *(reduction.operand for reduction in stage.reductions.values())]
            names += [product.operand for product in stage.products]
            names += [self.multiplied(product.operand) for product in stage.products]
            names += [*stage.loads, *stage.keeps, *stage.body.outputs]
        return tuple(name for name in dict.fromkeys(names) if name not in self.vectors)


def in_pairs(operand: str) -> str:
    """The name of an operand's rows rounded to bfloat16: in each 32 bits two neighbouring numbers, the first below,
    zero where there is no second."""
    return f"{operand}.pairs"


def with_pairs(sweep: Sweep) -> Sweep:
    """The same sweep with operands of products in bfloat16."""
    return replace(sweep, name=f"{sweep.name}_bf16", pairs=True)


def with_products_apart(sweep: Sweep) -> Sweep:
    """The same sweep, where products are a stage of their own if stages without any follow: all that is pointwise is
    then done for one row after another, which is there once, and in the order in which its arrays lie in memory."""
    stages: list[Stage] = []
    for stage, after in zip(sweep.stages, (*sweep.stages[1:], None), strict=True):
        if stage.products and after is not None and not after.products and _is_costly(stage.body):
            sums = {name: name for name in stage.starts if name in stage.body.inputs}
            kept = {array: value for array, value in stage.keeps.items() if value in stage.starts}
            nothing = Program(f"{stage.body.name}_products", (), (), {})
            stages.append(Stage({}, stage.starts, stage.products, nothing, {**kept, **sums}))
            rest = {array: value for array, value in stage.keeps.items() if array not in kept}
            stage = replace(stage, starts={}, products=(), keeps=rest)
        stages.append(stage)
    return replace(sweep, stages=tuple(stages))


def _is_costly(body: Program) -> bool:
    return any(instruction.op in _COSTLY for instruction in body.body)


def bias_of(gate: Gate) -> str:
    """The name of a gate's bias."""
    return f"b_{gate.letter}" if gate.has_bias else ""


def forward_sweep(cell: Cell, *, keep: bool) -> Sweep:
    """The sweep from inputs and initial states to states. keep: store what backward needs of every gate.

    What backward needs is a fixpoint (:func:`~gatewise.compiler.gradient.kept_gates`): the backward program decides
    which value of a gate to keep, and what is kept changes the backward program. So with ``keep`` the backward program
    is derived here too.
    """
    program = program_of(cell)
    kept = kept_gates(cell) if keep else {}
    gates = {gate.preactivation: gate for gate in cell.gates}
    fed = _products_of(program)
    stages: list[Stage] = []
    for body, reductions, accumulators in _cut(program, frozenset(gates), cell.row_inputs):
        summed = {name: gates[name] for name in accumulators}
        reads = {INPUT: [name for name, gate in summed.items() if gate.has_input]}
        reads[previous(cell.state[0])] = [name for name, gate in summed.items() if gate.recurrent == "h"]
        for name in accumulators:
            if name in fed:
                reads.setdefault(fed[name], []).append(name)
        products = [
            Product(operand, {name: gates[name] for name in names}) for operand, names in reads.items() if names
        ]
        starts = {name: bias_of(gate) for name, gate in summed.items()}
        keeps = {array: value for array, value in kept.items() if value in accumulators or value in body.by_name}
        stages.append(Stage(reductions, starts, tuple(products), body, keeps))
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    vectors = (*biases, *cell.per_unit)
    return _sweep(f"{cell.name}_forward", stages, vectors, row_numbers=cell.row_inputs, backward=False)


def backward_sweep(cell: Cell, *, histories: bool = False) -> Sweep:
    """The sweep from gradients of outputs and last states to those of pre-activations and initial states.

    histories: the states of all steps have gradients from outside too.
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
    row_numbers = (*kept_row_numbers(cell), *cell.row_inputs)
    stages: list[Stage] = []
    for body, reductions, accumulators in _cut(program, frozenset({through, *fed}), row_numbers):
        products = [Product(fed[name], {name: called[name]}) for name in accumulators if name in fed]
        if through in accumulators:
            products += [Product(from_later(gate.preactivation), {through: gate}) for gate in recurrent.values()]
        stages.append(Stage(reductions, dict.fromkeys(accumulators, ""), tuple(products), body, {}))
    return _sweep(program.name, stages, cell.per_unit, row_numbers=row_numbers, backward=True)


def row_sweep(program: Program, vectors: Iterable[str]) -> Sweep:
    """A program over single rows, without products, in stages."""
    stages = [Stage(reductions, {}, (), body, {}) for body, reductions, _ in _cut(program, frozenset(), ())]
    return _sweep(program.name, stages, vectors, backward=False)


def _products_of(program: Program) -> dict[str, str]:
    """For each product of the program, what it multiplies."""
    return {i.name: i.args[0] for i in program.body if i.op == "product"}


def _sweep(
    name: str, stages: list[Stage], vectors: Iterable[str], *, row_numbers: Iterable[str] = (), backward: bool
) -> Sweep:
    """The stages, where every accumulator that a later stage loads is kept. row_numbers: those there from the start."""
    loaded: set[str] = {reduction.operand for stage in stages for reduction in stage.reductions.values()}
    complete: list[Stage] = []
    for stage in reversed(stages):
        needed = {name: name for name in stage.starts if name in loaded}
        complete.append(replace(stage, keeps={**stage.keeps, **needed}))
        loaded.update(stage.loads)
    numbers = frozenset(row_numbers).union(*(stage.reductions for stage in stages))
    return Sweep(name, tuple(reversed(complete)), tuple(vectors), numbers, backward)


def _cut(
    program: Program, accumulators: frozenset[str], row_numbers: Iterable[str]
) -> list[tuple[Program, dict[str, Reduction], list[str]]]:
    """For each stage its body, its reductions, and its accumulators: each summed as late as possible.

    row_numbers: inputs with one number for a whole row.
    """
    levels = _levels(program)
    across = {name: i.args[0] for name, i in program.by_name.items() if i.op in ACROSS_UNITS}
    count = 1 + max((levels[name] for name in across), default=0)
    crossing = {operand: levels[operand] for operand in across.values() if operand in program.by_name}
    bodies = _bodies(program, across, crossing, count)
    of_rows = program.of_rows(row_numbers)  # computed once for a row, which costs less than an array of them
    shared = {name: level for name, level in _shared(bodies).items() if name not in of_rows}
    bodies = _bodies(program, across, crossing | shared, count)
    waiting = [name for name in (*program.inputs, *program.by_name) if name in accumulators]
    cut: list[tuple[Program, dict[str, Reduction], list[str]]] = []
    for level, body in enumerate(bodies):
        read = {*body.inputs, *(operand for operand in across.values() if levels[operand] == level)}
        accumulated = [name for name in waiting if name in read or body is bodies[-1]]
        waiting = [name for name in waiting if name not in accumulated]
        reductions = {
            name: Reduction(program.by_name[name].op, operand)
            for name, operand in across.items()
            if program.by_name[name].op in OVER_UNITS and levels[name] == level
        }
        cut.append((body, reductions, accumulated))
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
    """Costly values that several stages compute -> the first stage of each."""
    first: dict[str, int] = {}
    repeated: set[str] = set()
    for level, body in enumerate(bodies):
        for name, instruction in body.by_name.items():
            if instruction.op in _COSTLY:
                repeated.update({name} & first.keys())
                first.setdefault(name, level)
    return {name: level for name, level in first.items() if name in repeated}


def _levels(program: Program) -> dict[str, int]:
    """How many products and reductions each value depends on, one after another."""
    levels = dict.fromkeys(program.inputs, 0)
    for instruction in program.body:
        level = max((levels[argument] for argument in instruction.args), default=0)
        levels[instruction.name] = level + (instruction.op in ACROSS_UNITS)
    return levels
