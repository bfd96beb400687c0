"""Machine code that one process has made is run by the next, as it was made and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from llvmlite import binding

from gatewise import cache, cell
from gatewise.cells import CELLS
from gatewise.compiler.stages import backward_sweep, forward_sweep
from gatewise.equation import Cell
from gatewise.kernels.cpu import compile as compiling
from gatewise.kernels.cpu import kept_code
from gatewise.kernels.cpu.kept_code import Source, spelled
from gatewise.nn import Recurrent

from ..matrix import every_cell_slowly

TRAINING = """
import hashlib, torch, gatewise.nn
from gatewise.kernels.cpu import compile as compiling

made, optimised = [], compiling.optimised
compiling.optimised = lambda text: made.append(text) or optimised(text)
written, write = [], compiling._written
compiling._written = lambda emitter: written.append(emitter) or write(emitter)
torch.manual_seed(0)
layer = gatewise.nn.GRU(3, 20)
y, _ = layer(torch.randn(7, 5, 3))
y.square().sum().backward()
bits = b"".join(part.detach().numpy().tobytes() for part in (y, *(weight.grad for weight in layer.parameters())))
print(len(made), len(written), hashlib.sha256(bits).hexdigest())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path / "machine-code"


def begun(seed: int = 0) -> subprocess.Popen[str]:
    """A training in a process of its own, whose sets have an order of their own."""
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", TRAINING], env=environment, stdout=subprocess.PIPE, text=True)


class Training(NamedTuple):
    """How many modules a process compiled, how many sweeps it wrote as text, and what it computed."""

    compiled: int
    written: int
    bits: str


def ended(process: subprocess.Popen[str]) -> Training:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    compiled, written, bits = said.split()
    return Training(int(compiled), int(written), bits)


def test_a_second_process_compiles_nothing_and_computes_the_same(folder: Path) -> None:
    first = ended(begun(seed=1))
    assert first.written == 2
    assert first.compiled > 3
    assert ended(begun(seed=2)) == (0, 0, first.bits)
    code = [file for file in folder.iterdir() if file.stat().st_size > 500]
    assert len(code) == first.compiled
    code[0].write_bytes(code[0].read_bytes()[:-1])
    assert ended(begun(seed=3))[::2] == (1, first.bits)


@pytest.mark.slow
def test_processes_that_compile_at_once(folder: Path) -> None:
    results = [ended(process) for process in [begun() for _ in range(3)]]
    assert len({result.bits for result in results}) == 1
    assert ended(begun()) == (0, 0, results[0].bits)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The text of every module that LLVM has compiled."""
    texts: list[str] = []
    optimised = compiling.optimised

    def noted(text: str) -> binding.ModuleRef:
        texts.append(text)
        return optimised(text)

    monkeypatch.setattr(compiling, "optimised", noted)
    return texts


class Made:
    """Stands in for the compiler and for what writes a text, and counts what they do."""

    def __init__(self) -> None:
        self.texts, self.codes = 0, 0

    def code_of(self, origin: object, text: str) -> bytes:
        return kept_code.code_of(Source(origin, partial(self._write, text)), self._make)

    def _write(self, text: str) -> str:
        self.texts += 1
        return text

    def _make(self, text: str) -> bytes:
        self.codes += 1
        return text.encode()


@pytest.mark.usefixtures("folder")
def test_what_is_known_is_neither_written_nor_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    for _ in range(2):
        assert made.code_of("a", "text") == b"text"
    assert (made.texts, made.codes) == (1, 1)
    assert made.code_of("b", "text") == b"text"  # which another value leads to
    assert (made.texts, made.codes) == (2, 1)
    monkeypatch.setattr(kept_code, "writers", lambda: "others")
    assert made.code_of("a", "longer text") == b"longer text"
    assert (made.texts, made.codes) == (3, 2)


@pytest.mark.usefixtures("folder")
def test_code_for_another_processor_or_version_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made, recipe = Made(), kept_code.recipe()
    made.code_of("a", "text")
    for other in (f"{recipe}.", recipe.replace("+", "-", 1)):
        monkeypatch.setattr(kept_code, "recipe", lambda other=other: other)
        made.code_of("a", "text")
    assert (made.texts, made.codes) == (3, 3)


def test_what_code_depends_on_is_named() -> None:
    recipe = kept_code.recipe()
    for part in (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), binding.get_default_triple()):
        assert part in recipe


@pytest.mark.usefixtures("folder")
def test_code_that_made_way_is_made_again(folder: Path) -> None:
    made = Made()
    made.code_of("a", "a text that is longer than a digest, " * 9)
    for file in folder.iterdir():
        if file.stat().st_size > 300:
            file.unlink()
    made.code_of("a", "a text that is longer than a digest, " * 9)
    assert (made.texts, made.codes) == (2, 2)


def test_what_differs_is_spelled_differently() -> None:
    gate = CELLS["lstm"].gates[0]
    values = [None, 0, 1, True, 1.0, -0.0, 0.0, "", "0", "None", (), ("0",), ("0", "0"), ("0,0",), (("0",), "0")]
    values += [{}, {"a": "b"}, {"a:b": ""}, {"b": "a", "a": "b"}, {"a": "b", "b": "a"}, frozenset(), frozenset("ab")]
    values += [torch.float32, torch.float64, gate, replace(gate, tied="other"), replace(gate, name="other")]
    assert len({spelled(value) for value in values}) == len(values)
    with pytest.raises(TypeError, match="cannot be spelled"):
        spelled(gate.letter.upper)


@every_cell_slowly
def test_sweeps_that_are_spelled_alike_are_written_alike(cell: Cell) -> None:
    """And equal ones alike in every process, so that what one has made is found by another."""
    sweeps = [forward_sweep(cell, keep=keep) for keep in (False, True)] + [backward_sweep(cell)]
    again = [replace(sweep) for sweep in sweeps]
    assert [spelled(sweep) for sweep in sweeps] == [spelled(sweep) for sweep in again]
    assert len({spelled(sweep) for sweep in sweeps}) == len({compiling.llvm_text(s, torch.float32) for s in sweeps})


def test_threads_whose_first_calls_come_at_once_compile_once(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, cache.OFF)

    @cell(gates="a", state="h")
    def first_calls(a, h):
        return torch.tanh(a) + h / 2

    threads = 8
    layers = [Recurrent(first_calls, 3, 4) for _ in range(threads)]
    ready = threading.Barrier(threads)

    def train(layer: Recurrent) -> None:
        ready.wait(timeout=60)
        layer(torch.zeros(5, 2, 3))[0].sum().backward()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(train, layers))
    assert len(made) == len(set(made))
    sweeps = [text for text in made if "first_calls" in text.splitlines()[0]]
    assert len(sweeps) == 2  # forward and backward
