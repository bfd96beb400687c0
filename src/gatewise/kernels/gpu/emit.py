"""A plan as the text of Triton kernels: the loop over time around the rendered step.

A program owns some rows, and some or all of their units, for as many steps as it is told: one where products lie
between the steps, all where there are none. With ``resident`` weights it owns whole rows and multiplies them itself,
with blocks of U that it has read before the first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...compiler.render.triton import emit, value_name
from ...compiler.stages import Stage
from .plan import BEFORE, LATER, NOW, RANK, Carried, Place, Plan

HEADER = """import triton
import triton.language as tl

from gatewise.kernels.gpu import functions as fn
"""
_FUNCTIONS = "fn"
FIXED = ("offsets", "clock", "t0", "t1", "B")
CONSTANTS = ("H", "STRIDE_step", "STRIDE_sequence", "ROWS", "UNITS", "STAGES", "ACC", "PRECISION")


def parameters(plan: Plan, *, resident: bool) -> tuple[str, ...]:
    """The names of tensors that the kernels of a plan are given, in order."""
    if not resident:
        return plan.pointers
    products = {name for matmul in plan.matmul_of.values() for name in (matmul.buffer, matmul.sums)}
    products |= {plan.places[name].pointer for name in plan.stored}
    own = {carried.pointer for carried in plan.carried}
    kept = set(plan.pointers) - (products - own)
    later = {LATER} & set(plan.pointers)
    return tuple(sorted(kept | later | ({"U"} if plan.matmul_of else set())))


def kernel_name(plan: Plan, number: int) -> str:
    """What the kernel of a part is called."""
    return f"{plan.sweep.name}_{number}"


def module_text(plan: Plan, *, resident: bool = False) -> str:
    """A module with a kernel for every part of a plan, or with a single one whose weights are resident."""
    parts = [tuple(stage for part in plan.parts for stage in part)] if resident else plan.parts
    kernels = (Kernel(plan, number, part, resident).text() for number, part in enumerate(parts))
    return "\n\n".join([HEADER, *kernels])


class Kernel:
    """One kernel: some stages of a step, in a loop over time."""

    constants = CONSTANTS

    def __init__(self, plan: Plan, number: int, stages: tuple[Stage, ...], resident: bool) -> None:
        self.plan, self.number, self.stages, self.resident = plan, number, stages, resident
        self.is_last = resident or number == len(plan.parts) - 1
        self.values: dict[str, str] = {}
        self.lines: list[str] = []
        self._written = set(self._parameters()) - ({LATER} if resident else set())

    def text(self) -> str:
        """All of it."""
        body = self._step()
        names = [*FIXED, *(f"p_{name}" for name in self._parameters())]
        names += [f"{name}: tl.constexpr" for name in self.constants]
        head = [
            f"@triton.jit(do_not_specialize={list(FIXED[2:])})",
            f"def {kernel_name(self.plan, self.number)}({', '.join(names)}):",
        ]
        before = [*_OWNED, *(self._tiles() if self.resident else ()), *self._starts()]
        loop = "for s in tl.range(t0, t1, num_stages=STAGES):"
        time = "t = begin + t1 - 1 - (s - t0)" if self.plan.sweep.backward else "t = begin + s"
        inner = [f"    {line}" for line in (time, *_RUNNING, *body)]
        return "\n".join([*head, *(f"    {line}" for line in (*before, loop, *inner, *self._ends()))]) + "\n"

    def _parameters(self) -> tuple[str, ...]:
        return parameters(self.plan, resident=self.resident)

    @property
    def _carried(self) -> tuple[Carried, ...]:
        """With resident weights the gradients of later pre-activations go on in registers too."""
        if not self.resident:
            return self.plan.carried
        later = [matmul for matmul in self.plan.matmul_of.values() if matmul.buffer == LATER]
        names = [name for matmul in later for name in matmul.operands]
        return (*self.plan.carried, *(Carried(name, name.removesuffix("_later"), "", rounded=True) for name in names))

    def _starts(self) -> Iterator[str]:
        for carried in self._carried:
            target = _register(carried)
            if carried.pointer:
                yield f"{target} = {_load(Place(carried.pointer, RANK), mask='there')}"
            else:
                yield f"{target} = tl.zeros((ROWS, UNITS), dtype=ACC)"
            self.values[carried.before] = target

    def _ends(self) -> Iterator[str]:
        if not self.is_last:
            return
        later = [place for places in self.plan.outputs.values() for place in places if place.pointer == LATER]
        for carried in self._carried:
            if carried.pointer:
                yield _store(Place(carried.pointer, RANK), _register(carried), mask="there")
        for place, carried in zip(later, (c for c in self._carried if not c.pointer), strict=False):
            yield _store(place, _register(carried), mask="there")

    def _tiles(self) -> Iterator[str]:
        """The blocks of U, from what they are multiplied with down to what comes out."""
        if any(self.plan.matmuls.values()):
            yield "other = tl.arange(0, UNITS).to(tl.int64)"
            yield "square = (other < H)[:, None] & (unit < H)[None, :]"
        for matmul in {id(m): m for m in self.plan.matmul_of.values()}.values():
            for slot in matmul.gates:
                row, column = ("other[:, None]", "unit[None, :]")
                row, column = (row, column) if matmul.transposed else (column, row)
                yield f"w_{slot} = tl.load(p_U + ({slot} * H + {row}) * H + {column}, mask=square, other=0.0)"

    def _step(self) -> list[str]:
        self.lines, self.values = [], {carried.before: _register(carried) for carried in self._carried}
        for stage in self.stages:
            self._reduce(stage)
            for name in stage.starts:
                self._accumulate(stage, name)
            self._load(stage.loads)
            self._compute(stage)
        self._write_between()
        if self.is_last:
            self._finish()
        return self.lines

    def _compute(self, stage: Stage) -> None:
        statements, values = emit(stage.body, {n: self.values[n] for n in stage.body.inputs}, _FUNCTIONS)
        self.lines += statements
        self.values |= values
        for array, value in stage.keeps.items():
            if array in self.plan.places and not (self.resident and array in self.plan.stored):
                self._write(self.plan.places[array], value)

    def _reduce(self, stage: Stage) -> None:
        self._load(reduction.operand for reduction in stage.reductions.values())
        for name, (op, operand) in stage.reductions.items():
            self._define(name, f"{_FUNCTIONS}.row_{op}({self.values[operand]}, inside, H)")
            if name in self.plan.places and not (self.resident and name in self.plan.stored):
                self._write(self.plan.places[name], name)

    def _load(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.values:
                self._define(name, _load(self.plan.places[name]))

    def _define(self, name: str, expression: str) -> None:
        self.values[name] = value_name(name)
        self.lines.append(f"{self.values[name]} = {expression}")

    def _begins(self, stage: Stage, name: str) -> list[str]:
        """What an accumulator has beside products with U: its bias, and W x."""
        bias = stage.starts[name]
        places = [self.plan.places[bias]] if bias else []
        return [_load(place) for place in (*places, *([self.plan.inputs[name]] if name in self.plan.inputs else []))]

    def _accumulate(self, stage: Stage, name: str) -> None:
        terms = self._begins(stage, name)
        matmul = self.plan.matmul_of.get(name)
        if matmul is not None and self.resident:
            at = matmul.targets.index(name)
            gates = matmul.gates if len(matmul.targets) == 1 else (matmul.gates[at],)
            self._load(matmul.operands)
            terms += [self._dot(operand, slot) for operand, slot in zip(matmul.operands, gates, strict=True)]
        elif matmul is not None:
            count, at = len(matmul.targets), matmul.targets.index(name)
            terms.append(_load(Place(matmul.sums, RANK, f"({count} * H)", f"{at} * H")))
        self._define(name, " + ".join(terms) or "tl.zeros((ROWS, UNITS), dtype=ACC)")

    def _dot(self, operand: str, slot: int) -> str:
        rows = f"tl.where(inside, {self.values[operand]}, 0.0).to(p_U.dtype.element_ty)"
        return f"tl.dot({rows}, w_{slot}, input_precision=PRECISION)"

    def _write(self, place: Place, name: str) -> None:
        self.lines.append(_store(place, self.values[name]))

    def _write_between(self) -> None:
        """What later parts read and multiply."""
        if self.resident:
            return
        computed = {name for stage in self.stages for name in (*stage.starts, *stage.reductions, *stage.body.by_name)}
        for name in self.plan.stored:
            is_written = any(name in stage.keeps or name in stage.reductions for stage in self.stages)
            if name in computed and not is_written:
                self._write(self.plan.places[name], name)
        for matmul in {id(m): m for m in self.plan.matmul_of.values()}.values():
            if matmul.operands[0] in computed:
                self._write(Place(matmul.buffer, RANK), matmul.operands[0])

    def _finish(self) -> None:
        """What the step gives, and what goes on to the next."""
        results = self.stages[-1].body.outputs
        ended = {carried.after: carried for carried in self._carried}
        new: dict[str, str] = {}
        for name, value in results.items():
            expression = self.values[value]
            places = self.plan.outputs.get(name, ())
            if name in ended and ended[name].rounded:
                pointer = ended[name].pointer or places[0].pointer
                expression = f"({expression}).to(p_{pointer}.dtype.element_ty).to(ACC)"
            self.lines.append(f"o_{name} = {expression} + tl.zeros((ROWS, UNITS), dtype=ACC)")
            new[name] = f"o_{name}"
            self.lines += [_store(place, new[name]) for place in places if place.pointer in self._written]
        for name, carried in ended.items():
            self.lines.append(f"{_register(carried)} = tl.where(inside, {new[name]}, {_register(carried)})")


_OWNED = (
    "rank = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)",
    "unit = (tl.program_id(1) * UNITS + tl.arange(0, UNITS)).to(tl.int64)",
    "there = (rank < B)[:, None] & (unit < H)[None, :]",
    "begin = tl.load(clock)",
)
# Only the first so many sequences run at a step, since the longest come first.
_RUNNING = (
    "at = tl.load(offsets + t) + rank",
    "running = (at < tl.load(offsets + t + 1))[:, None] & (rank < B)[:, None]",
    "inside = running & (unit < H)[None, :]",
    "first, later = (rank * 0 + t == 0)[:, None], (rank * 0 + t > 0)[:, None]",
)


def _register(carried: Carried) -> str:
    return f"s_{carried.before}"


def _address(place: Place, row: str) -> str:
    unit = " + unit[None, :]" if place.units else ""
    return f"p_{place.pointer} + {row}[:, None] * {place.stride} + {place.offset}{unit}"


_ROW_NAMES = {NOW: "at", RANK: "rank"}


def _load(place: Place, mask: str = "inside") -> str:
    if not place.row:
        return f"tl.load(p_{place.pointer} + {place.offset} + unit, mask=unit < H, other=0.0).to(ACC)[None, :]"
    if place.row == BEFORE:
        old = "(tl.load(offsets + tl.maximum(t - 1, 0)) + rank)"
        before = f"tl.load({_address(place, old)}, mask=inside & later, other=0.0).to(ACC)"
        first = _address(Place(place.first, RANK), "rank")
        return f"{before} + tl.load({first}, mask=inside & first, other=0.0).to(ACC)"
    mask = mask if place.units else "running"
    return f"tl.load({_address(place, _ROW_NAMES[place.row])}, mask={mask}, other=0.0).to(ACC)"


def _store(place: Place, value: str, mask: str = "inside") -> str:
    mask = mask if place.units else "running"
    return f"tl.store({_address(place, _ROW_NAMES[place.row])}, {value}, mask={mask})"
