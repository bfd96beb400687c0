"""Guard pages kill who reads beside an array, and nobody who reads it."""

from __future__ import annotations

import random
import sys

import pytest
import torch
from harden.__main__ import failure_of
from harden.guard import PAGE, GuardPages
from harden.part import part

linux = pytest.mark.skipif(sys.platform == "win32", reason="pages are protected by the system's C library")


@linux
def test_arrays_begin_or_end_at_a_page_and_hold_what_torch_put_there():
    with GuardPages(random.Random(0)) as pages:
        tensors = [torch.arange(5.0) for _ in range(20)]
        nothing = torch.empty(3)
        part_of_it = tensors[0][1:]
    assert pages.count == 21
    assert all(torch.equal(tensor, torch.arange(5.0)) for tensor in tensors)
    assert bool(nothing.isnan().all())
    assert part_of_it.data_ptr() == tensors[0].data_ptr() + 4
    edges = {(t.data_ptr() % PAGE == 0, (t.data_ptr() + t.nbytes) % PAGE == 0) for t in tensors}
    assert edges == {(True, False), (False, True)}


BESIDE = """
import ctypes, random, torch
from harden.guard import PAGE, GuardPages
with GuardPages(random.Random(0)):
    x = torch.ones(5)
begins = x.data_ptr() % PAGE == 0
ctypes.c_float.from_address(x.data_ptr() + (-4 if begins else x.nbytes)).value
"""


@linux
def test_who_reads_beside_one_is_killed():
    assert failure_of([sys.executable, "-c", BESIDE], 60) == "killed by signal 11"


@linux
def test_kernels_run_between_them():
    report = part("kernels").run(0, 30)
    assert report.calls in (30, 31)
    assert not report.findings


def test_modules_run_or_refuse():
    report = part("modules").run(0, 40)
    assert report.calls == 40
    assert not report.findings
