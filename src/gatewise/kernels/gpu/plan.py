"""What the sweeps of a cell read and write on a GPU, and the products between their launches.

The sweep is cut where something is multiplied with U, not where a mean, a sum or a maximum is taken: a program that
holds whole rows takes them on its own. Each part is one launch a step; a sweep without such a product is one launch in
all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...compiler.gradient import (
    from_later,
    from_output,
    gradient_of,
    kept_gates,
    kept_row_numbers,
    multiplied,
    operands,
)
from ...compiler.lower import program_of
from ...compiler.stages import INPUT, Stage, Sweep, backward_sweep, bias_of, forward_sweep
from ...equation import Cell, Gate, previous

NOW, BEFORE, RANK = "now", "before", "rank"


@dataclass(frozen=True)
class Place:
    """Where an array lies.

    pointer: the kernel's parameter. row: which row is meant, ``NOW`` for that of this step, ``BEFORE`` for that of the
    step before, ``RANK`` for one row for each sequence, ``""`` for a vector. stride, offset: expressions, numbers from
    row to row and before the first unit. units: whether it has a number for each unit, or one for a row. first: the
    parameter that points to what is before the first step.
    """

    pointer: str
    row: str
    stride: str = "H"
    offset: str = "0"
    units: bool = True
    first: str = ""


@dataclass(frozen=True)
class Carried:
    """What goes on from step to step: ``after`` of one is ``before`` of the next.

    pointer: where it lies before the first and after the last, (B, H); empty where it starts from zero and is not kept.
    rounded: to the numbers of its memory at every step, as those who read it there see it.
    """

    before: str
    after: str
    pointer: str
    rounded: bool = False


@dataclass(frozen=True)
class Matmul:
    """A product with U before a part: target_j = sum over i of operand_i times U's block of gate (i, j).

    operands: what is multiplied, by name, side by side in ``buffer`` (B, n * H). targets: accumulators, side by side in
    ``sums``. One of both has a single entry. gates: which blocks of U, in order. transposed: operand times block rather
    than times its transpose.
    """

    buffer: str
    operands: tuple[str, ...]
    sums: str
    targets: tuple[str, ...]
    gates: tuple[int, ...]
    transposed: bool


@dataclass(frozen=True)
class Plan:
    """A sweep on a GPU.

    parts: stages of one launch each. matmuls: by the part that they come before. carried: from step to step. places:
    where arrays are read, and written in the same way. outputs: what the last part gives, and where it goes.
    vectors: those among the places that have no rows. inputs: accumulator -> where W x lies. whole_rows: whether a
    program has to hold all units of a row. stored: what later parts read, by name, whether a number for each unit or
    one for each row.
    """

    sweep: Sweep
    parts: tuple[tuple[Stage, ...], ...]
    matmuls: Mapping[int, tuple[Matmul, ...]]
    carried: tuple[Carried, ...]
    places: Mapping[str, Place]
    outputs: Mapping[str, tuple[Place, ...]]
    inputs: Mapping[str, Place]
    whole_rows: bool
    stored: Mapping[str, bool]

    @property
    def matmul_of(self) -> dict[str, Matmul]:
        """The product that gives each accumulator."""
        return {target: matmul for group in self.matmuls.values() for matmul in group for target in matmul.targets}

    @property
    def pointers(self) -> tuple[str, ...]:
        """All parameters that point to memory, in order."""
        places = [*self.places.values(), *self.inputs.values(), *(p for many in self.outputs.values() for p in many)]
        names = [place.pointer for place in places] + [place.first for place in places if place.first]
        names += [carried.pointer for carried in self.carried if carried.pointer]
        for matmul in self.matmul_of.values():
            names += [matmul.buffer, matmul.sums]
        return tuple(sorted(set(names)))


def held(name: str) -> str:
    """The parameter that points to what goes on from step to step."""
    return f"held_{name}"


def history(state: str) -> str:
    """The parameter that points to a state at every step."""
    return f"all_{state}"


ROW_INPUTS = "row_inputs"
"""The parameter that points to the numbers of a row that the step reads itself."""


def read_gradient(name: str) -> str:
    """The parameter that points to the gradient of what the step reads of its input, H numbers for each row, which for
    one number are still to be added up."""
    return f"input_{gradient_of(name)}"


@lru_cache(maxsize=256)
def forward_plan(cell: Cell, *, keep: bool) -> Plan:
    """The forward sweep. keep: what backward reads is stored."""
    sweep = forward_sweep(cell, keep=keep)
    parts = _parts(sweep, INPUT)
    slots = _slots(cell)
    gates = {gate.preactivation: gate for gate in cell.gates}
    driven = [gate for gate in cell.gates if gate.has_input]
    width = f"({len(driven)} * H)"
    inputs = {gate.preactivation: Place("Wx", NOW, width, f"{k} * H") for k, gate in enumerate(driven)}
    matmuls: dict[int, tuple[Matmul, ...]] = {}
    for number, part in enumerate(parts):
        products = [product for product in part[0].products if product.operand != INPUT]
        matmuls[number] = tuple(
            Matmul(
                _buffer(cell, product.operand),
                (product.operand,),
                f"sums_{next(iter(product.feeds))}",  # several parts may multiply one operand
                tuple(product.feeds),
                tuple(slots[gates[name].name] for name in product.feeds),
                transposed=False,
            )
            for product in products
        )
    carried = tuple(Carried(previous(s), s, held(s), rounded=s == cell.state[0]) for s in cell.state)
    outputs: dict[str, tuple[Place, ...]] = {}
    for state in cell.state[: None if keep else 1]:
        outputs[state] = (Place(history(state), NOW),)
    for state in cell.state[1:]:  # multiplied as it was a step ago
        if any(previous(state) in matmul.operands for group in matmuls.values() for matmul in group):
            outputs[state] = (*outputs.get(state, ()), Place(_buffer(cell, previous(state)), RANK))
    places = _weights(cell) | _noise(cell) | _read(cell) | (_kept(cell) if keep else {})
    return _plan(sweep, parts, matmuls, carried, places, outputs, inputs)


@lru_cache(maxsize=256)
def backward_plan(cell: Cell, *, histories: bool) -> Plan:
    """The backward sweep. histories: the states of all steps have gradients from outside."""
    sweep = backward_sweep(cell, histories=histories)
    parts = _parts(sweep, None)
    slots = _slots(cell)
    recurrent = [gate for gate in cell.gates if gate.recurrent == "h"]
    matmuls = {number: tuple(_joined(part[0], slots)) for number, part in enumerate(parts)}
    seen = cell.state if histories else cell.state[:1]
    places = _kept(cell) | _weights(cell) | _noise(cell) | _read(cell)
    places |= {from_output(state): Place(f"d_{history(state)}", NOW) for state in seen}
    places |= {previous(state): Place(history(state), BEFORE, first=f"start_{state}") for state in cell.state}
    carried = [Carried(from_later(s), gradient_of(previous(s)), held(f"d_{s}")) for s in cell.state]
    carried += [Carried(from_later(w), gradient_of(w), held(f"d_{w}")) for w in cell.per_unit]
    outputs: dict[str, tuple[Place, ...]] = {}
    for number, gate in enumerate(cell.gates):
        outputs[gradient_of(gate.preactivation)] = (Place("d_gates", NOW, f"({len(cell.gates)} * H)", f"{number} * H"),)
    for number, gate in enumerate(recurrent):
        outputs[gradient_of(gate.preactivation)] += (Place(LATER, RANK, f"({len(recurrent)} * H)", f"{number} * H"),)
    outputs |= {multiplied(name): (Place(multiplied(name), NOW),) for name in operands(program_of(cell))}
    outputs |= {gradient_of(name): (Place(read_gradient(name), NOW),) for name in cell.inputs}
    return _plan(sweep, parts, matmuls, tuple(carried), places, outputs, {})


LATER = "later"
"""The buffer of the gradients of pre-activations one step later, of gates that multiply the output."""


def _plan(
    sweep: Sweep,
    parts: tuple[tuple[Stage, ...], ...],
    matmuls: Mapping[int, tuple[Matmul, ...]],
    carried: tuple[Carried, ...],
    places: dict[str, Place],
    outputs: Mapping[str, tuple[Place, ...]],
    inputs: Mapping[str, Place],
) -> Plan:
    stored = _stored(sweep, parts, {*places, *(c.before for c in carried)})
    places |= {
        name: Place(f"between_{name}", RANK) if units else Place(f"between_{name}", RANK, "1", units=False)
        for name, units in stored.items()
    }
    whole_rows = any(stage.reductions for stage in sweep.stages)
    return Plan(sweep, parts, matmuls, carried, places, outputs, inputs, whole_rows, stored)


def _parts(sweep: Sweep, without: str | None) -> tuple[tuple[Stage, ...], ...]:
    """The stages, cut before each that multiplies something else than the input."""
    parts: list[list[Stage]] = [[]]
    for stage in sweep.stages:
        if parts[-1] and any(product.operand != without for product in stage.products):
            parts.append([])
        parts[-1].append(stage)
    return tuple(map(tuple, parts))


def _stored(sweep: Sweep, parts: tuple[tuple[Stage, ...], ...], known: set[str]) -> dict[str, bool]:
    """What a part reads that an earlier one computes, and whether it has a number for each unit."""
    stored: dict[str, bool] = {}
    for part in parts:
        there = set(known)
        for stage in part:
            there |= stage.starts.keys() | stage.reductions.keys()
            for name in (*(reduction.operand for reduction in stage.reductions.values()), *stage.loads):
                if name not in there:
                    stored[name] = name not in sweep.row_numbers
            there |= stage.body.by_name.keys()
    return stored


def _slots(cell: Cell) -> dict[str, int]:
    """Gate -> which block of U is its own."""
    return {gate.name: slot for slot, gate in enumerate(g for g in cell.gates if g.recurrent)}


def _joined(stage: Stage, slots: Mapping[str, int]) -> Iterable[Matmul]:
    """The products of a stage of the backward sweep, those that feed the same accumulator as one."""
    by_target: dict[str, list[tuple[str, Gate]]] = {}
    for product in stage.products:
        for target, gate in product.feeds.items():
            by_target.setdefault(target, []).append((product.operand, gate))
    for target, pairs in by_target.items():
        names = tuple(name for name, _ in pairs)
        later = names[0].endswith("_later")
        buffer = LATER if later else f"operand_{names[0]}"
        yield Matmul(
            buffer, names, f"sums_{target}", (target,), tuple(slots[g.name] for _, g in pairs), transposed=True
        )


def _buffer(cell: Cell, operand: str) -> str:
    """The parameter that points to what U multiplies."""
    output = cell.state[0]
    return held(output) if operand == previous(output) else f"operand_{operand}"


def _weights(cell: Cell) -> dict[str, Place]:
    biased = [gate for gate in cell.gates if gate.has_bias]
    biases = {bias_of(gate): Place("b", "", offset=f"{number} * H") for number, gate in enumerate(biased)}
    return biases | {w: Place("per_unit", "", offset=f"{number} * H") for number, w in enumerate(cell.per_unit)}


def _noise(cell: Cell) -> dict[str, Place]:
    """Random numbers; a stride of 0 stands for those that all rows share."""
    return {
        draw.name: Place(f"noise_{draw.name}", NOW if draw.each == "step" else RANK, f"STRIDE_{draw.each}")
        for draw in cell.noise
    }


def _read(cell: Cell) -> dict[str, Place]:
    """What the step reads of its input itself: all of it, and the numbers of a row side by side."""
    names = cell.row_inputs
    numbers = {name: Place(ROW_INPUTS, NOW, str(len(names)), str(k), units=False) for k, name in enumerate(names)}
    return numbers | ({INPUT: Place(INPUT, NOW)} if cell.reads_x else {})


def _kept(cell: Cell) -> dict[str, Place]:
    """What forward keeps for backward, side by side in rows."""
    count = len(kept_gates(cell))
    width = f"({count} * H + {len(kept_row_numbers(cell))})"
    gates = {name: Place("kept", NOW, width, f"{number} * H") for number, name in enumerate(kept_gates(cell))}
    numbers = enumerate(kept_row_numbers(cell))
    return gates | {n: Place("kept", NOW, width, f"{count} * H + {k}", units=False) for k, n in numbers}
