"""How the steps of a cell depend on each other, derived from its program: what decides how fast it can run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..equation import Cell, previous
from .lower import program_of
from .program import ACROSS_UNITS, Instruction, Program
from .stages import INPUT, forward_sweep

_NONE, _LINEAR, _CURVED = range(3)  # how a value depends on the states one step ago
_SUMS = ("add", "sub", "neg", "detach", "where", "mean", "sum")


@dataclass(frozen=True)
class Recurrence:
    """How steps depend on each other.

    name: ``full`` where U mixes units, ``diagonal`` where each unit sees only itself, ``linear`` where its new states
    are straight lines in its old ones besides, ``over units`` where units meet in means, sums or maxima alone, ``none``
    where no step reads another. products: with U in a step, one after another. reductions: over units, likewise.
    """

    name: str
    products: int
    reductions: int

    def __str__(self) -> str:
        """What it is, and what follows on a CPU and on a GPU."""
        met = ""
        if self.reductions:
            met = f" Units meet {_times(self.reductions)} a step in means, sums or maxima, and wait for each other."
        return f"Recurrence: {self.name}. {_TEXTS[self.name].format(products=_times(self.products))}{met}"


_ONE_LAUNCH = "On a CPU and on a GPU all of time is one kernel, without a product between steps."
_TEXTS = {
    "none": "No step reads the one before: time is one more dimension of the batch.",
    "linear": "Each unit's states are straight lines in its own states a step ago, so that steps could be joined in "
    f"any order. {_ONE_LAUNCH}",
    "diagonal": f"Each unit reads its own states alone, through curves: steps come one after another. {_ONE_LAUNCH}",
    "over units": f"Units meet in means, sums or maxima alone. {_ONE_LAUNCH}",
    "full": "U mixes all units {products} a step: steps come one after another, and products bound their speed. On a "
    "CPU all of time is one kernel; on a GPU too while U fits into one program, or in half precision into all that run "
    "at once, then each step is launches and products.",
}


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


@lru_cache(maxsize=256)
def recurrence_of(cell: Cell) -> Recurrence:
    """The recurrence of a cell."""
    program, stages = program_of(cell), forward_sweep(cell, keep=False).stages
    products = sum(any(product.operand != INPUT for product in stage.products) for stage in stages)
    reductions = sum(bool(stage.reductions) for stage in stages)
    curves = _curves(cell, program)
    if products:
        name = "full"
    elif reductions and curves > _NONE:
        name = "over units"
    else:
        name = ("none", "linear", "diagonal")[curves]
    return Recurrence(name, products, reductions)


def _curves(cell: Cell, program: Program) -> int:
    """How the new states depend on the old ones: not, along straight lines, or otherwise."""
    kinds = dict.fromkeys(program.inputs, _NONE) | {previous(state): _LINEAR for state in cell.state}
    for instruction in program.body:
        kinds[instruction.name] = _kind(instruction, [kinds[argument] for argument in instruction.args])
    return max(kinds[value] for value in program.outputs.values())


def _kind(instruction: Instruction, kinds: list[int]) -> int:
    """How a result depends on the states from how its arguments do."""
    largest = max(kinds, default=_NONE)
    if largest == _NONE and instruction.op not in ACROSS_UNITS:
        return _NONE
    decides = instruction.op == "where" and kinds[0] > _NONE
    if instruction.op in _SUMS and not decides:
        return largest
    by_one = instruction.op == "mul" and min(kinds) == _NONE
    return largest if by_one or (instruction.op == "div" and kinds[1] == _NONE) else _CURVED
