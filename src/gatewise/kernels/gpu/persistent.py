"""A plan as the text of one persistent kernel: programs that run at the same time, each with its own units and their
rows of U, for all of time. Whatever U multiplies they send each other through memory, and wait at a barrier until all
have.

The text is a sweep from ``t0`` to ``t1``, with the barrier as a compile-time flag: without it, and a launch for each
step, it computes the same, since the end of a launch is a barrier too.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor

from ...compiler.stages import Stage
from ..layer import Layer
from .build import Kernels, Tile, accumulator, power_of_two
from .emit import CONSTANTS, HEADER, Kernel, parameters
from .plan import LATER, Carried, Matmul, Plan

_EXCHANGE = "ex"
_LEAST = 16  # of rows, columns and depth, for tl.dot
_STACKED = 64  # rows of U that one product of a tensor core takes
_MOST_UNITS = 32  # of a program, since more of them leave a lane too few registers
_WARPS = 8
_DEEP, _DEEP_BACKWARD = 128, 256  # numbers of a row that a tile holds: of what was tried, where registers spill least
_REGISTERS, _MOST_OF_A_LANE = 2**16, 255  # of a multiprocessor of NVIDIA's, whatever its compute capability
_ARRIVALS = "@ARRIVALS@"
MOST_RESIDENT = 128 * 2**10
"""Bytes of U for a program, which leaves registers and shared memory to what it computes: see docs/gpu.md."""

PATIENCE = 1 << 22
"""Looks at a counter before a program gives up, of about a microsecond each."""


@dataclass(frozen=True)
class Block(Tile):
    """What a program of a persistent kernel owns. deep, tiles: a row of U lies in so many tiles of so many numbers.
    split: groups of lanes that share the sum of a product."""

    deep: int = _LEAST
    tiles: int = 1
    split: int = 1
    programs: int = 1


def blocks_in(plan: Plan) -> int:
    """How many blocks of U a step multiplies, those that it multiplies twice counted twice."""
    return sum(len(matmul.gates) for matmul in matmuls_of(plan))


def own_units(plan: Plan) -> int:
    """How many units a program owns: as many as fill one product of a tensor core with their rows of all blocks."""
    return max(_LEAST, min(_MOST_UNITS, _STACKED // power_of_two(blocks_in(plan))))


def block_of(plan: Plan, units: int, rows: int = _LEAST) -> Block:
    """The tile of a plan's kernel. rows: that a program has."""
    own = own_units(plan)
    full = all(own * power_of_two(len(matmul.targets)) >= _STACKED for matmul in matmuls_of(plan))
    split = 1 if full and not plan.sweep.backward else _WARPS
    most = (_DEEP_BACKWARD if plan.sweep.backward else _DEEP) // (4 if split > 1 else 1)
    deep = max(_LEAST, min(most, power_of_two(ceil(units / split))))
    tiles, warps = ceil(units / (split * deep)), _WARPS if split > 1 else 4
    return Block(rows, own, warps, 1, deep, tiles, split, power_of_two(ceil(units / own)))


def resident_bytes(plan: Plan, units: int) -> int:
    """Bytes of U that a program holds in half precision, rows padded to whole tiles."""
    block = block_of(plan, units)
    return 2 * blocks_in(plan) * block.units * block.split * block.deep * block.tiles


def module_text(plan: Plan) -> str:
    """A module with the one kernel of a plan."""
    header = f"{HEADER}from gatewise.kernels.gpu import exchange as {_EXCHANGE}\n"
    return f"{header}\n\n{Persistent(plan).text()}"


def matmuls_of(plan: Plan) -> list[Matmul]:
    """The products of a step, in their order. What parts multiply one after another is multiplied at once."""
    joined: dict[tuple[str, ...], Matmul] = {}
    for number in range(len(plan.parts)):
        for matmul in plan.matmuls.get(number, ()):
            key = matmul.targets if matmul.transposed else matmul.operands
            if same := joined.get(key):
                matmul = replace(same, targets=(*same.targets, *matmul.targets), gates=(*same.gates, *matmul.gates))
            joined[key] = matmul
    return list(joined.values())


def sent_name(matmul: Matmul) -> str:
    """The parameter that points to what is multiplied, twice (B, n H)."""
    return f"sent_{matmul.operands[0]}"


def taken_names(plan: Plan) -> list[str]:
    """The parameters that point to what programs took over their units, twice (B, programs)."""
    return [f"taken_{name}" for stage in plan.sweep.stages for name in stage.reductions]


def names_of(plan: Plan) -> tuple[str, ...]:
    """The names of tensors that the kernel of a plan is given, in order."""
    exchanged = {*map(sent_name, matmuls_of(plan)), *taken_names(plan), "arrived"}
    return tuple(sorted((set(parameters(plan, resident=True)) - {LATER}) | exchanged))


class Persistent(Kernel):
    """One kernel, its programs in step with each other."""

    constants = (*CONSTANTS, "DEEP", "TILES", "SPLIT", "PROGRAMS", "PATIENCE", "BARRIER")

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, 0, tuple(stage for part in plan.parts for stage in part), resident=True)
        self._matmuls, self._arrivals, self._waiting = matmuls_of(plan), 0, set[str]()

    def text(self) -> str:
        """All of it."""
        return super().text().replace(_ARRIVALS, str(self._arrivals))

    def _parameters(self) -> tuple[str, ...]:
        return names_of(self.plan)

    @property
    def _carried(self) -> tuple[Carried, ...]:
        return self.plan.carried

    def _tiles(self) -> Iterator[str]:
        """Rows of U, those of all gates of a product one below the other."""
        yield "counter = p_arrived + tl.program_id(0)"
        yield "short = rank.to(tl.int32)"
        for matmul in self._matmuls:
            name, count = matmul.targets[0], len(matmul.targets)
            yield f"row_{name} = tl.arange(0, {power_of_two(count)} * UNITS)"
            slots = [_slot(matmul.gates, name)] if count > 1 else [str(slot) for slot in matmul.gates]
            tiles = (
                f"{_EXCHANGE}.weights(p_U, {slot} + row_{name} * 0, tl.program_id(1) * UNITS + row_{name} % UNITS, "
                f"row_{name} < {count} * UNITS, H, DEEP, TILES, SPLIT, {matmul.transposed})"
                for slot in slots
            )
            yield f"w_{name} = {' + '.join(tiles)}"

    def _step(self) -> list[str]:
        self._arrivals = 0
        self._waiting = {target for matmul in self._matmuls for target in matmul.targets}
        self.lines = ["now = (t % 2) * B", "next = B - now"]
        self.values = {carried.before: f"s_{carried.before}" for carried in self._carried}
        for part in self.plan.parts:
            for stage in part:
                self._reduce(stage)
                begins = {name: self._begun(stage, name) for name in stage.starts}
                self._load(stage.loads)
                self._multiply(stage.starts.keys())
                for name, begin in begins.items():
                    self._define(name, " + ".join([*begin, *self._sums(name)]) or _ZEROS)
                self._compute(stage)
            self._send_now(part)
        self._finish()
        return self.lines

    def _begun(self, stage: Stage, name: str) -> list[str]:
        """Read before programs wait, since it does not depend on them."""
        terms = self._begins(stage, name)
        if terms:
            self.lines.append(f"b_{name} = {' + '.join(terms)}")
        return [f"b_{name}"] if terms else []

    def _sums(self, name: str) -> list[str]:
        matmul = next((matmul for matmul in self._matmuls if name in matmul.targets), None)
        return [f"m_{matmul.targets[0]}[{matmul.targets.index(name)}]"] if matmul else []

    def _multiply(self, targets: Set[str]) -> None:
        """Whatever gives one of these accumulators, and was not multiplied before."""
        due = [m for m in self._matmuls if targets & self._waiting & set(m.targets)]
        for number, matmul in enumerate(due):
            if not number:
                self._wait()
            self._waiting -= set(matmul.targets)
            name, count = matmul.targets[0], power_of_two(len(matmul.targets))
            sent = f"short + {self._slot_read(matmul)}"
            self.lines += [
                f"m_{name} = {_EXCHANGE}.product(w_{name}, p_{sent_name(matmul)}, {sent}, rank < B, fault, "
                f"{count} * UNITS, ROWS, {len(matmul.operands)}, H, DEEP, TILES, SPLIT, ACC, PRECISION)",
                f"m_{name} = {_EXCHANGE}.parts_{count}(m_{name}, ROWS, UNITS)",
            ]

    def _slot_read(self, matmul: Matmul) -> str:
        """Of the two that take turns."""
        return "next" if self.plan.sweep.backward and self._sources(matmul) else "now"

    def _sources(self, matmul: Matmul) -> list[str]:
        """What the step gives that a later one multiplies; nothing where this one does."""
        goes_on = {carried.before: carried.after for carried in self.plan.carried}
        later = [goes_on.get(name) or name.removesuffix("_later") for name in matmul.operands]
        return later if matmul.buffer == LATER or matmul.operands[0] in goes_on else []

    def _wait(self) -> None:
        target = f"((s - t0) * {_ARRIVALS} + {self._arrivals}) * tl.num_programs(1)"
        self.lines.append(f"fault = {_EXCHANGE}.wait(counter, {target}, PATIENCE, BARRIER)")

    def _arrive(self) -> None:
        self._arrivals += 1
        self.lines.append(f"{_EXCHANGE}.arrive(counter, BARRIER)")

    def _send(self, matmul: Matmul, number: int, value: str, slot: str) -> None:
        width = len(matmul.operands)
        address = f"(rank + {slot})[:, None] * ({width} * H) + {number} * H + unit[None, :]"
        self.lines.append(f"tl.store(p_{sent_name(matmul)} + {address}, {value}, mask=inside)")

    def _send_now(self, part: tuple[Stage, ...]) -> None:
        """What later parts of this step multiply."""
        computed = {name for stage in part for name in (*stage.starts, *stage.reductions, *stage.body.by_name)}
        ready = [m for m in self._matmuls if not self._sources(m) and m.operands[0] in computed]
        for matmul in ready:
            self._send(matmul, 0, self.values[matmul.operands[0]], "now")
        if ready:
            self._arrive()

    def _finish(self) -> None:
        super()._finish()
        later = [(matmul, self._sources(matmul)) for matmul in self._matmuls]
        slot = "now" if self.plan.sweep.backward else "next"
        for matmul, sources in later:
            for number, name in enumerate(sources):
                self._send(matmul, number, f"o_{name}", slot)
        if any(sources for _, sources in later):
            self._arrive()

    def _reduce(self, stage: Stage) -> None:
        """Over this program's units, then over what all programs took."""
        self._load(reduction.operand for reduction in stage.reductions.values())
        for name, (op, operand) in stage.reductions.items():
            own = "amax" if op == "amax" else "sum"
            taken = f"fn.row_{own}({self.values[operand]}, inside, H)"
            address = "(rank + now)[:, None] * tl.num_programs(1) + tl.program_id(1)"
            self.lines.append(f"tl.store(p_taken_{name} + {address}, {taken}, mask=running)")
        if not stage.reductions:
            return
        self._arrive()
        self._wait()
        for name, (op, _) in stage.reductions.items():
            taken = f"{_EXCHANGE}.gathered(p_taken_{name}, short + now, rank < B, tl.num_programs(1), PROGRAMS, 0.0)"
            among = "tl.arange(0, PROGRAMS)[None, :] < tl.num_programs(1)"
            self._define(name, f"fn.row_{op}({taken} + fault, {among}, H)")
            if name in self.plan.places and name not in self.plan.stored:
                self._write(self.plan.places[name], name)


_ZEROS = "tl.zeros((ROWS, UNITS), dtype=ACC)"


def _slot(gates: tuple[int, ...], name: str) -> str:
    """Which block of U a row is of."""
    part = f"row_{name} // UNITS"
    if gates == tuple(range(gates[0], gates[-1] + 1)):
        return f"{gates[0]} + {part}"
    chosen = str(gates[-1])
    for number, gate in reversed(list(enumerate(gates[:-1]))):
        chosen = f"tl.where({part} == {number}, {gate}, {chosen})"
    return chosen


class PersistentKernels(Kernels):
    """The kernel of a plan, and the memory in which its programs meet.

    barrier: whether they wait for each other within a launch; without it each step is a launch, which a step that
    multiplies what it computed itself, or takes something over units, cannot be.
    """

    def __init__(self, plan: Plan, *, barrier: bool = True) -> None:
        self._load(plan, module_text(plan), names_of(plan), 1)
        self.resident, self.whole, self.barrier = True, barrier, barrier

    def tile(self, rows: int, units: int) -> Block:
        """That of `block_of`."""
        return block_of(self.plan, units)

    def constants(self, tile: Tile) -> dict[str, object]:
        """Of its tiles of U, and of the barrier."""
        assert isinstance(tile, Block)
        shape = {"DEEP": tile.deep, "TILES": tile.tiles, "SPLIT": tile.split, "PROGRAMS": tile.programs}
        return {**shape, "PATIENCE": PATIENCE, "BARRIER": self.barrier}

    def options(self, tile: Tile, backend: str) -> dict[str, Any]:
        """A device refuses programs that cannot run at the same time.

        A multiprocessor has one program, which may have all of its registers: left alone, NVIDIA's compiler keeps to
        fewer, so that more programs could run, and spills.
        """
        options = {**super().options(tile, backend), "launch_cooperative_grid": True}
        lanes = 32 * tile.warps
        return options | ({"maxnreg": min(_MOST_OF_A_LANE, _REGISTERS // lanes)} if backend == "cuda" else {})

    def allocate(self, layer: Layer, tensors: dict[str, Tensor]) -> None:
        """What programs send each other, and the counters of the barrier, one for those that share rows."""
        tile = self.tile(layer.rows, layer.units)
        tiles, programs = tile.grid(layer.rows, layer.units)
        tensors["U"] = layer.U
        tensors["arrived"] = torch.zeros(tiles, dtype=torch.int32, device=layer.x.device)
        for matmul in matmuls_of(self.plan):
            sent = layer.x.new_zeros(2 * layer.rows, len(matmul.operands) * layer.units)
            started = tensors.get(f"operand_{matmul.operands[0]}")
            if started is not None:
                sent[: layer.rows] = started
            if matmul.buffer == LATER:  # the first step is sent to the first of both
                tensors[LATER] = sent[: layer.rows]
            tensors[sent_name(matmul)] = sent
        for name in taken_names(self.plan):
            wide = accumulator(layer.x.dtype)
            tensors[name] = torch.zeros(2 * layer.rows, programs, dtype=wide, device=layer.x.device)
