"""What kernels take of a card, by Triton's compiler and without a card: registers, spilled ones, shared memory.

    python -m benchmarks.gpu.ahead_of_time CELL ... [--units 256] [--for sm_90:bf16 ...] [--regime steps]
    python -m benchmarks.gpu.ahead_of_time CELL ... --recorded
    python -m benchmarks.gpu.ahead_of_time --table FILE

Prints a line of JSON for each kernel; of persistent ones also what their assembly shows. --recorded: compiles what the
table has of these cells; --table writes the table, in ten minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.kernels.gpu.build import Kernels, Tile
from gatewise.kernels.gpu.persistent import MOST_RESIDENT, PersistentKernels, resident_bytes
from gatewise.kernels.gpu.plan import Plan, backward_plan, forward_plan, held
from gatewise.lookup import cell_at

from .assembly import findings

TARGETS = {"sm_80": ("cuda", 80, 32), "sm_90": ("cuda", 90, 32), "gfx942": ("hip", "gfx942", 64)}
MOST_SHARED = {"sm_80": 163 * 1024, "sm_90": 227 * 1024, "gfx942": 64 * 1024}
"""Bytes that a program may have of it, which Triton's compiler does not look at."""

DTYPES = ("fp32", "bf16", "fp16")
REGIMES = ("steps", "resident", "persistent")
_SHARED_OUT = (("sm_90", "bf16"), ("sm_80", "fp16"), ("gfx942", "bf16"))
COLUMNS = ("regime", "units", "target", "dtype", "kernel", "registers", "spilled", "shared")
FOUND = ("acquires", "releases", "U_before", "U_inside", "sent_inside", "sent_cached")


class Row(NamedTuple):
    """Kernels of a cell to compile together."""

    regime: str
    cell: str
    units: int
    target: str
    dtype: str


def main() -> None:
    """Compile, and print."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("cells", nargs="*", metavar="CELL")
    parser.add_argument("--units", type=int, default=256)
    every = [f"{target}:{dtype}" for target in TARGETS for dtype in DTYPES]
    parser.add_argument("--for", dest="pairs", nargs="+", choices=every, default=every, metavar="TARGET:DTYPE")
    parser.add_argument("--regime", choices=REGIMES, default="steps")
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of Triton's about its own defaults
    if options.table:
        _write(options.table)
        return
    if options.recorded:
        rows = [row for row in recorded() if row.cell in options.cells]
    else:
        pairs = [pair.split(":") for pair in options.pairs]
        rows = [Row(options.regime, cell, options.units, *pair) for cell in options.cells for pair in pairs]
    for row in rows:
        for line in compiled(row):
            print(json.dumps(line), flush=True)


def recorded() -> Iterator[Row]:
    """The rows of the table: every cell for every card and in every dtype, and shared out where it can be, an LSTM on
    every card at both of the sizes between which that regime is meant."""
    for number, cell in enumerate(CELLS):
        for place, target in enumerate(TARGETS):
            yield Row("steps", cell, 256, target, DTYPES[(place + number) % len(DTYPES)])
        plan = forward_plan(CELLS[cell], keep=True)
        sizes = [units for units in (1024, 512) if resident_bytes(plan, units) <= MOST_RESIDENT]
        if not plan.matmul_of or not sizes:
            continue
        some = _SHARED_OUT if cell == "lstm" else (_SHARED_OUT[number % len(_SHARED_OUT)],)
        for target, dtype in some:
            for units in sizes if cell == "lstm" else sizes[:1]:
                yield Row("persistent", cell, units, target, dtype)
    for cell, target, dtype, units in (
        ("lstm", "sm_90", "bf16", 128),
        ("lstm", "gfx942", "bf16", 64),
        ("gru_reset_before", "sm_90", "fp16", 128),
    ):
        yield Row("resident", cell, units, target, dtype)


def _write(path: Path) -> None:
    import triton

    with path.open("w", newline="") as file:
        print(f"# triton {triton.__version__}: python -m benchmarks.gpu.ahead_of_time --table FILE", file=file)
        table: csv.DictWriter[str] = csv.DictWriter(file, (*COLUMNS, *FOUND), lineterminator="\n")
        table.writeheader()
        for row in recorded():
            for line in compiled(row):
                table.writerow(line)
                file.flush()


def compiled(row: Row) -> Iterator[dict[str, object]]:
    """What each kernel takes."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    cell = cell_at(row.cell)
    for plan in (forward_plan(cell, keep=True), backward_plan(cell, histories=False)):
        kernels = _kernels(plan, row.regime)
        tile = kernels.tile(1, row.units)
        signature, constants = arguments(cell, kernels, tile, row.units, row.dtype)
        aligned = {(at,): [["tt.divisibility", 16]] for at, kind in enumerate(signature.values()) if kind[0] == "*"}
        for function in kernels.functions:
            source = ASTSource(function, signature, constants, aligned)
            target = GPUTarget(*TARGETS[row.target])
            binary: Any = triton.compile(source, target=target, options=kernels.options(tile, target.backend))
            about = {"regime": row.regime, "kernel": function.__name__, "units": row.units, "dtype": row.dtype}
            line = {**about, "target": row.target, **usage(binary), "shared": binary.metadata.shared}
            if row.regime == "persistent":
                text = binary.asm["ptx" if "ptx" in binary.asm else "amdgcn"]
                line |= findings(text, [name for name, kind in signature.items() if kind != "constexpr"])
            yield line


def _kernels(plan: Plan, regime: str) -> Kernels:
    return PersistentKernels(plan) if regime == "persistent" else Kernels(plan, resident=regime == "resident")


def arguments(
    cell: Cell, kernels: Kernels, tile: Tile, units: int, dtype: str
) -> tuple[dict[str, str], dict[str, object]]:
    """The types of a kernel's parameters, and the values of its constants, as passes.py gives them."""
    import triton.language as tl

    kinds = {"offsets": "*i64", "clock": "*i32", "t0": "i32", "t1": "i32", "B": "i32"}
    kinds |= {f"p_{name}": f"*{'fp32' if _is_wide(cell, kernels.plan, name) else dtype}" for name in kernels.names}
    if "p_arrived" in kinds:
        kinds["p_arrived"] = "*i32"
    constants: dict[str, object] = {"H": units, "STRIDE_step": 0, "STRIDE_sequence": 0, "ROWS": tile.rows}
    constants |= {"UNITS": tile.units, "STAGES": tile.stages, "ACC": tl.float32, "PRECISION": "ieee"}
    constants |= kernels.constants(tile)
    return kinds | dict.fromkeys(constants, "constexpr"), constants


def _is_wide(cell: Cell, plan: Plan, name: str) -> bool:
    """Whether a parameter points to float32 in half precision too."""
    carried = name in {each.pointer for each in plan.carried}
    return name.startswith(("between_", "taken_")) or (carried and name != held(cell.state[0]))


def usage(binary: Any) -> dict[str, object]:
    """Registers and what is spilled of them: bytes on NVIDIA's cards, registers on AMD's."""
    if "cubin" not in binary.asm:
        text = binary.asm["amdgcn"]
        names = {"registers": "vgpr_count", "spilled": "vgpr_spill_count"}
        return {key: int(re.search(rf"\.{name}:\s+(\d+)", text)[1]) for key, name in names.items()}  # pyright: ignore
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary.asm["cubin"])
        file.flush()
        command = [str(tool), "--dump-resource-usage", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+).*?LOCAL:(\d+)", text)
    assert found, text
    registers, *spilled = map(int, found.groups())
    return {"registers": registers, "spilled": sum(spilled)}


if __name__ == "__main__":
    main()
