"""Kernels whose products take pairs of bfloat16, as LLVM compiles them for processors that have the instruction.

Nothing here runs. What they compute is in test_pairs.py, by the same programs but for this one instruction.
"""

from __future__ import annotations

import pytest
import torch
from benchmarks import pairs
from benchmarks.pairs import AVX512_BF16, Loop, assembly, inner_loops

from gatewise.cells import CELLS
from gatewise.compiler.stages import backward_sweep, forward_sweep, with_pairs
from gatewise.kernels.cpu import blocking
from gatewise.kernels.cpu.blocking import Machine
from gatewise.kernels.cpu.compile import FOR_FEW_ROWS, llvm_text

SWEEPS = {
    "forward": lambda cell: forward_sweep(cell, keep=True),
    "backward": backward_sweep,
}
# All that a loop over k does beside products: a pair of each row in every lane, weights as they lie, and counting.
# Where it reads more rows than there are registers for, addresses come from the stack, in float32 too; sums never do.
MOVES = {"vbroadcastss", "vmovups", "vmovaps", "incq", "addq", "cmpq", "jl", "jne", "leaq", "movq", "imulq"}


def loops_of(text: str, instruction: str) -> list[Loop]:
    return [loop for loop in inner_loops(text) if loop.count(instruction)]


@pytest.mark.parametrize("processor", pairs.PROCESSORS)
@pytest.mark.parametrize("rows", [4, FOR_FEW_ROWS], ids=["many rows", "few rows"])
@pytest.mark.parametrize("name", ["lstm", pytest.param("gru", marks=pytest.mark.slow)])
@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_loop_over_k_reads_pairs_and_multiplies_them(sweep, name, rows, processor):
    text = assembly(with_pairs(SWEEPS[sweep](CELLS[name])), AVX512_BF16, processor, vectors=rows)
    loops = loops_of(text, "vdpbf16ps")
    assert max(loop.count("vdpbf16ps") for loop in loops) >= 16, "sums enough to hide how long one takes"
    for loop in loops:
        assert not [line for line in loop.body if line.startswith("\tv") and ("(%rsp" in line or "(%rbp" in line)]
        assert {line.split()[0] for line in loop.body} <= MOVES | {"vdpbf16ps"}, "nothing is widened"
    assert not [loop for loop in inner_loops(text) if loop.count("vfmadd231ps") and "body" not in loop.function]


def test_a_round_reads_as_many_bytes_of_weights_as_in_float32_for_twice_as_many_numbers():
    sweep = forward_sweep(CELLS["lstm"], keep=False)
    steps = []
    for each, instruction in ((sweep, "vfmadd231ps"), (with_pairs(sweep), "vdpbf16ps")):
        loops = loops_of(assembly(each, AVX512_BF16, "znver4"), instruction)
        tiles = [loop for loop in loops if loop.function == "stage0_tile6"]
        assert len(tiles) == 2, "x, then h"
        steps.append([[line.split()[1] for line in loop.body if line.split()[0] == "addq"] for loop in tiles])
        assert all(loop.count("vmovups") == 4 for loop in tiles)
    assert steps[0] == steps[1] == [["$256,"]] * 2


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_what_rounds_to_bfloat16_takes_a_third_fewer_instructions_for_its_gates(name):
    def lines(sweep):
        text = llvm_text(sweep, torch.float32, machine=AVX512_BF16)
        return text.split(f'@"{name}"(<16 x float> %"x")')[1].split("\n}")[0].count("\n")

    sweep = forward_sweep(CELLS["lstm"], keep=False)
    assert lines(with_pairs(sweep)) <= 2 / 3 * lines(sweep)


def test_arms_instruction_is_the_same_operation():
    """Not chosen on any processor yet: nobody has run it."""
    text = assembly(
        with_pairs(forward_sweep(CELLS["lstm"], keep=False)),
        Machine(32, 16, "neon"),
        "neoverse-v1",
        triple="aarch64-unknown-linux-gnu",
    )
    loops = loops_of(text, "bfdot")
    assert max(loop.count("bfdot") for loop in loops) >= 16
    assert not [line for loop in loops for line in loop.body if "[sp" in line]


@pytest.mark.parametrize(
    ("features", "pairs"),
    [
        ({"avx512f": True, "avx512bf16": True}, "avx512bf16"),
        ({"avx512f": True, "avx512bf16": True, "amx-bf16": True}, ""),
        ({"avx512f": True}, ""),
        ({"avx2": True}, ""),
        ({"neon": True, "bf16": True}, ""),
    ],
)
def test_they_are_for_processors_that_gain_by_them(features, pairs, monkeypatch):
    monkeypatch.setattr(blocking.binding, "get_host_cpu_features", lambda: features)
    assert blocking._found.__wrapped__().pairs == pairs


def test_what_is_predicted_is_the_loop_of_the_kernel(capsys):
    tool = pairs.analyser()
    pairs.main(["--cells", "lstm", "--processors", "znver4"])
    told = capsys.readouterr().out
    assert ("lstm, bfloat16, znver4" if tool else "is not installed") in told
