"""Kernels for GPUs through Triton's compiler, for cards that are not there, beside the table of what they take."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.gpu.ahead_of_time import DTYPES, FOUND, MOST_SHARED, TARGETS, recorded
from benchmarks.gpu.assembly import findings

from gatewise.cells import CELLS

from ..needs import need_module

need_module("triton")
import triton  # noqa: E402

ROOT = Path(__file__).parents[2]
LINES = Path(__file__).with_name("ahead_of_time.csv").read_text().splitlines()
TABLE = list(csv.DictReader(LINES[1:]))
IS_OF_THIS_TRITON = LINES[0].startswith(f"# triton {triton.__version__}:")
# Registers, and a share of them, by which what a compiler gives may differ from the table.
SLACK, SHARE = 8, 0.1
ABOUT = ("regime", "kernel", "units", "target", "dtype")


def compiled(*options: str) -> list[dict[str, Any]]:
    """What each kernel takes. In a process of its own, since here Triton interprets."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "benchmarks.gpu.ahead_of_time", *options]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def key(line: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(line[name]) for name in ABOUT)


ROWS = {key(line): line for line in TABLE}


def assert_as_recorded(kernel: dict[str, Any]) -> None:
    """What another Triton gives need only fit."""
    row = ROWS[key(kernel)]
    assert kernel["shared"] <= MOST_SHARED[kernel["target"]], kernel
    for name in ("U_inside", "sent_cached"):
        assert kernel.get(name, 0) == 0, kernel
    if IS_OF_THIS_TRITON:
        assert kernel["spilled"] <= int(row["spilled"]), (kernel, row)
        for name in ("registers", "shared"):
            assert abs(kernel[name] - int(row[name])) <= SLACK + SHARE * int(row[name]), (kernel, row)
        assert {name: kernel.get(name, "") for name in FOUND} == {
            name: int(row[name]) if row[name] else "" for name in FOUND
        }


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_kernels_take_what_is_recorded(cell):
    kernels = compiled(cell, "--recorded")
    assert len(kernels) >= 2 * sum(row.cell == cell for row in recorded())
    for kernel in kernels:
        assert_as_recorded(kernel)


def test_one_persistent_kernel_takes_what_is_recorded():
    kernels = compiled("rnn", "--for", "sm_80:fp16", "--units", "1024", "--regime", "persistent")
    assert [kernel["kernel"] for kernel in kernels] == ["rnn_forward_0", "rnn_backward_0"]
    for kernel in kernels:
        assert_as_recorded(kernel)


def test_the_table_has_every_cell_on_every_card_in_every_dtype():
    steps = {(line["target"], line["kernel"].rsplit("_", 2)[0]) for line in TABLE if line["regime"] == "steps"}
    assert steps == {(target, cell) for target in TARGETS for cell in CELLS}
    assert {line["dtype"] for line in TABLE} == set(DTYPES)
    assert {line["regime"] for line in TABLE} == {row.regime for row in recorded()}


def test_U_is_loaded_once_and_nothing_sent_is_read_through_a_cache():  # noqa: N802 - U is its name in equations
    shared_out = [line for line in TABLE if line["regime"] == "persistent"]
    for line in shared_out:
        assert int(line["acquires"]) >= 2, line
        assert int(line["releases"]) >= 1, line
        if line["target"] != "gfx942":
            assert int(line["U_before"]) > 0, line
            assert int(line["sent_inside"]) > 0, line
            assert line["U_inside"] == line["sent_cached"] == "0", line


def test_no_register_spills_where_programs_share_out_U():  # noqa: N802
    shared_out = [line for line in TABLE if line["regime"] == "persistent"]
    lstms = [line for line in shared_out if line["kernel"].startswith(("lstm_forward", "lstm_backward"))]
    assert {(line["units"], line["target"]) for line in lstms} == {(u, t) for u in ("512", "1024") for t in TARGETS}
    assert not [line for line in shared_out if line["spilled"] != "0"]


# A loop as compilers lay it out, its head behind its body: U before it, what was sent in it.
ASSEMBLY = """
.target sm_90a
	ld.param.b64 	%rd1, [it_param_0];
	ld.param.b64 	%rd2, [it_param_1];
	add.s64 	%rd3, %rd1, %rd9;
	ld.global.v4.b32 { %r1, %r2, %r3, %r4 }, [ %rd3 + 0 ];
	bra.uni 	$L__BB0_2;
$L__BB0_1:
	mov.b64 	%rd4, %rd2;
	@%p1 ld.global.cg.b32 { %r5 }, [ %rd4 + 16 ];
	@%p2 red.global.gpu.release.add.u32 [ %rd5 + 0 ], %r6;
	@!%p3 bra 	$L__BB0_3;
$L__BB0_2:
	@%p5 ld.global.gpu.acquire.b32 %r7, [ %rd5 + 0 ];
	bra.uni 	$L__BB0_1;
$L__BB0_3:
	ret;
"""
NAMES = ("p_U", "p_sent_h_prev")


def test_assembly_is_read_right():
    right = {"acquires": 1, "releases": 1, "U_before": 1, "U_inside": 0, "sent_inside": 1, "sent_cached": 0}
    assert findings(ASSEMBLY, NAMES) == right
    assert findings(ASSEMBLY.replace(".cg", ""), NAMES) == {**right, "sent_cached": 1}
    assert findings(ASSEMBLY.replace(".acquire", ".relaxed"), NAMES) == {**right, "acquires": 0}
    again = ASSEMBLY.replace("$L__BB0_1:\n", "$L__BB0_1:\n	ld.global.b32 { %r8 }, [ %rd3 + 64 ];\n")
    assert findings(again, NAMES) == {**right, "U_inside": 1}
