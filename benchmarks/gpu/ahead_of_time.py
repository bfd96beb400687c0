"""What kernels take of a card, by Triton's compiler and without a card: registers, spilled ones, shared memory.

    python -m benchmarks.gpu.ahead_of_time CELL [--units 256] [--for sm_90:bf16 ...] [--resident]

Prints a line of JSON for each kernel.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewise.equation import Cell
from gatewise.kernels.gpu.build import Kernels, Tile, tile_of
from gatewise.kernels.gpu.plan import Plan, backward_plan, forward_plan, held
from gatewise.lookup import cell_at

TARGETS = {"sm_80": ("cuda", 80, 32), "sm_90": ("cuda", 90, 32), "gfx942": ("hip", "gfx942", 64)}
MOST_SHARED = {"sm_80": 163 * 1024, "sm_90": 227 * 1024, "gfx942": 64 * 1024}
"""Bytes that a program may have of it, which Triton's compiler does not look at."""

DTYPES = ("fp32", "bf16", "fp16")


def main() -> None:
    """Compile, and print."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("cell")
    parser.add_argument("--units", type=int, default=256)
    every = [f"{target}:{dtype}" for target in TARGETS for dtype in DTYPES]
    parser.add_argument("--for", dest="pairs", nargs="+", choices=every, default=every, metavar="TARGET:DTYPE")
    parser.add_argument("--resident", action="store_true")
    options = parser.parse_args()
    cell = cell_at(options.cell)
    warnings.simplefilter("ignore")  # of Triton's about its own defaults
    for plan in (forward_plan(cell, keep=True), backward_plan(cell, histories=False)):
        kernels = Kernels(plan, resident=options.resident)
        tile = tile_of(plan, options.units, resident=options.resident)
        for target, dtype in (pair.split(":") for pair in options.pairs):
            for line in compiled(cell, kernels, tile, options.units, dtype, target):
                print(json.dumps(line), flush=True)


def compiled(
    cell: Cell, kernels: Kernels, tile: Tile, units: int, dtype: str, target: str
) -> Iterator[dict[str, object]]:
    """What each kernel takes."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    for function in kernels.functions:
        signature, constants = arguments(cell, kernels, tile, units, dtype)
        aligned = {(at,): [["tt.divisibility", 16]] for at, kind in enumerate(signature.values()) if kind[0] == "*"}
        source = ASTSource(function, signature, constants, aligned)
        binary: Any = triton.compile(source, target=GPUTarget(*TARGETS[target]), options={"num_warps": tile.warps})
        about = {"kernel": function.__name__, "units": units, "dtype": dtype, "target": target}
        yield {**about, **usage(binary), "shared": binary.metadata.shared}


def arguments(
    cell: Cell, kernels: Kernels, tile: Tile, units: int, dtype: str
) -> tuple[dict[str, str], dict[str, object]]:
    """The types of a kernel's parameters, and the values of its constants, as passes.py gives them."""
    import triton.language as tl

    kinds = {"offsets": "*i64", "t0": "i32", "t1": "i32", "B": "i32"}
    kinds |= {f"p_{name}": f"*{'fp32' if _is_wide(cell, kernels.plan, name) else dtype}" for name in kernels.names}
    constants: dict[str, object] = {"H": units, "STRIDE_step": 0, "STRIDE_sequence": 0, "ROWS": tile.rows}
    constants |= {"UNITS": tile.units, "STAGES": tile.stages, "ACC": tl.float32, "PRECISION": "ieee"}
    return kinds | dict.fromkeys(constants, "constexpr"), constants


def _is_wide(cell: Cell, plan: Plan, name: str) -> bool:
    """Whether a parameter points to float32 in half precision too."""
    carried = name in {each.pointer for each in plan.carried}
    return name.startswith("between_") or (carried and name != held(cell.state[0]))


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
