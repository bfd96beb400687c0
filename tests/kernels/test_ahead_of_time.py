"""Kernels for GPUs through Triton's compiler, for cards that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.gpu.ahead_of_time import DTYPES, MOST_SHARED, TARGETS

from gatewise.cells import CELLS

from ..matrix import cases, covering
from ..needs import need_module

need_module("triton")

ROOT = Path(__file__).parents[2]
# Every cell for every card, the dtypes in turn: what is compiled hangs on each of them alone.
ROWS = covering([(cell, target, dtype) for cell in CELLS for target in TARGETS for dtype in DTYPES], 2)


def compiled(cell: str, *options: str) -> list[dict[str, Any]]:
    """What each kernel takes. In a process of its own, since here Triton interprets."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "benchmarks.gpu.ahead_of_time", cell, *options]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


# Bytes a thread that the registers do not hold, of the steps that compute most; all others hold everything.
SPILLED = {
    ("janet_backward_0", "sm_90", "bf16"): 8,
    ("mogrifier_lstm_backward_6", "sm_80", "fp32"): 272,
    ("mogrifier_lstm_backward_6", "sm_90", "bf16"): 128,
    ("mut1_backward_1", "sm_80", "fp32"): 8,
    ("nested_lstm_forward_1", "sm_80", "fp32"): 8,
    ("nested_lstm_backward_1", "sm_80", "fp32"): 48,
}


def assert_it_fits(kernel: dict[str, Any]) -> None:
    most = SPILLED.get((kernel["kernel"], kernel["target"], kernel["dtype"]), 0)
    assert kernel["spilled"] <= most, kernel
    assert kernel["shared"] <= MOST_SHARED[kernel["target"]], kernel


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_kernels_compile_and_spill_what_is_recorded(cell):
    pairs = [f"{target}:{dtype}" for name, target, dtype in ROWS if name == cell]
    kernels = compiled(cell, "--for", *pairs)
    assert len(kernels) >= 2 * len(pairs)
    for kernel in kernels:
        assert_it_fits(kernel)


def test_one_kernel_compiles_for_one_card():
    for kernel in compiled("rnn", "--for", "sm_90:bf16"):
        assert_it_fits(kernel)
        assert 0 < kernel["registers"] <= 255


RESIDENT = {
    ("lstm", "sm_90", "bf16", "128"): (),
    ("lstm", "gfx942", "bf16", "64"): (),
    ("gru_reset_before", "sm_90", "fp16", "128"): (),
}


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "target", "dtype", "units"), cases({row: row for row in RESIDENT}))
def test_resident_weights_fit_at_the_largest_sizes_that_are_given_to_them(cell, target, dtype, units):
    for kernel in compiled(cell, "--for", f"{target}:{dtype}", "--units", units, "--resident"):
        assert_it_fits(kernel)
