"""Exported files on emulated boards: the bits are this machine's, and a step takes no more instructions than it did."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from examples.boards import BOARDS, ModelRun, build, run, run_model
from torch import nn

from gatewise.export import to_c
from gatewise.nn import GRU
from gatewise.nn.chain import Chain
from gatewise.nn.maps import Standardize

from ..needs import need

EXACT = "-ffp-contract=off"
STEPS = 100
EMULATED = ("cortex-m3", "cortex-m4", "cortex-m55", "rv32imac", "rv32imafc")
HERE = ("host", "host-clang")

# Instructions a step may take, by target and the level that its header recommends; LSTM with one input. The Cortex-M4's
# are the promise of the deploy guide (measured with GCC 12.2: 5097, 15033, 49497). The Cortex-M55's are 3 % above what
# was measured (3470, 9065, 26760): another release of GCC may arrange the same vectors otherwise.
RATCHET = {
    ("cortex-m4", "-Os"): {16: 5300, 32: 16600, 64: 53000},
    ("cortex-m55", "-O3"): {16: 3580, 32: 9340, 64: 27570},
}


def lstm(units: int) -> nn.Module:
    return nn.LSTM(1, units)


def several_parts() -> nn.Module:
    return Chain(Standardize(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])), GRU(2, 12, 2), nn.Linear(12, 3))


MODELS = {"LSTM 16": (lstm, 16), "LSTM 32": (lstm, 32), "LSTM 64": (lstm, 64), "several parts": (several_parts,)}


@pytest.fixture(scope="session")
def folder():
    with TemporaryDirectory() as name:
        yield Path(name)


@cache
def on_board(folder: Path, board: str, model: str, target: str, level: str) -> ModelRun:
    """What a board makes of a model, built and run once."""
    need(*BOARDS[board].missing())
    make, *sizes = MODELS[model]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        place = folder / target / model.replace(" ", "-")
        place.mkdir(parents=True, exist_ok=True)
        written = to_c(make(*sizes), place, target=target)
    x = np.random.default_rng(0).standard_normal((STEPS, written.sizes.inputs), np.float32)
    return run_model(BOARDS[board], written.source, x, (level, EXACT))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("board", [*EMULATED, "host-clang"])
@pytest.mark.parametrize(("target", "level"), RATCHET)
def test_the_bits_are_those_of_this_machine(folder, board, model, target, level):
    here, there = on_board(folder, "host", model, target, "-O0"), on_board(folder, board, model, target, level)
    assert len(there.outputs) == STEPS
    assert np.isfinite(there.outputs).all()
    assert len(np.unique(there.outputs, axis=0)) == STEPS
    assert there.words == here.words


@pytest.mark.slow
@pytest.mark.parametrize("units", [16, 32, 64])
@pytest.mark.parametrize(("target", "level"), RATCHET)
def test_a_step_takes_no_more_instructions_than_the_ratchet(folder, target, level, units):
    found = on_board(folder, target, f"LSTM {units}", target, level)
    most = RATCHET[target, level][units]
    assert found.shortest == found.longest, "a step takes the same time whatever the numbers"
    assert 0.8 * most < found.longest <= most, "tighten the ratchet" if found.longest < most else "a step got slower"


@pytest.mark.slow
def test_targets_agree(folder):
    p, q = (on_board(folder, target, "several parts", target, level) for target, level in RATCHET)
    assert p.words == q.words


@pytest.mark.slow
def test_the_stack_is_the_headers_and_what_registers_need(folder):
    found = on_board(folder, "cortex-m4", "LSTM 64", "cortex-m4", "-Os").stack
    declared = (folder / "cortex-m4" / "LSTM-64" / "model.h").read_text().split("MODEL_STACK_BYTES ")[1].split()[0]
    assert int(declared) <= found <= int(declared) + 256


@pytest.mark.slow
@pytest.mark.parametrize("board", ["cortex-m4", "rv32imafc"])
def test_a_fault_is_told_and_counts_are_exact(board, tmp_path):
    need(*BOARDS[board].missing())
    source = tmp_path / "main.c"
    empty = "const uint32_t start = board_ticks(); {} ticks = board_ticks_since(start);"
    counted = "\n".join(
        f'{{ uint32_t ticks; {empty.format(body)} write("{name} ", ticks); }}'
        for name, body in (("empty", ""), ("ten", f'__asm__ volatile("{"nop;" * 10}");'))
    )
    source.write_text(f"""
#include "board.h"
static void write(const char *name, uint32_t number)
{{
    char text[10] = {{0}};
    for (int k = 0; k < 8; k++) text[k] = "0123456789abcdef"[(number >> (28 - 4 * k)) & 15u];
    text[8] = '\\n';
    board_write(name);
    board_write(text);
}}
int main(void)
{{
    {counted}
    __builtin_trap();
}}
""")
    done = run(BOARDS[board], build(BOARDS[board], [source], tmp_path / "program"))
    ticks = done.named("ten") - done.named("empty")
    assert BOARDS[board].instructions(ticks) == 10
    assert done.code == 99, done.output


def test_what_the_compiler_refuses_is_told(tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return nothing; }\n")
    with pytest.raises(RuntimeError, match="nothing"):
        build(BOARDS["host"], [tmp_path / "main.c"], tmp_path / "program")
