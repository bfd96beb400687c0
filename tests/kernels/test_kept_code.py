"""Machine code that one process has made is run by the next, as it was made and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from llvmlite import binding

from gatewise import cache, cell
from gatewise.kernels.cpu import compile as compiling
from gatewise.nn import Recurrent

TRAINING = """
import hashlib, torch, gatewise.nn
from gatewise.kernels.cpu import compile as compiling

made, optimised = [], compiling.optimised
compiling.optimised = lambda text: made.append(text) or optimised(text)
torch.manual_seed(0)
layer = gatewise.nn.GRU(3, 20)
y, _ = layer(torch.randn(7, 5, 3))
y.square().sum().backward()
bits = b"".join(part.detach().numpy().tobytes() for part in (y, *(weight.grad for weight in layer.parameters())))
print(len(made), hashlib.sha256(bits).hexdigest())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path / "machine-code"


def begun(seed: int = 0) -> subprocess.Popen[str]:
    """A training in a process of its own, whose sets have an order of their own."""
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", TRAINING], env=environment, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How many modules it compiled, and what it computed."""
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    number, bits = said.split()
    return int(number), bits


def test_a_second_process_compiles_nothing_and_computes_the_same(folder: Path) -> None:
    number, bits = ended(begun(seed=1))
    assert number == len(list(folder.iterdir())) > 3
    assert ended(begun(seed=2)) == (0, bits)
    spoilt, *_ = folder.iterdir()
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    assert ended(begun(seed=3)) == (1, bits)


@pytest.mark.slow
def test_processes_that_compile_at_once(folder: Path) -> None:
    results = [ended(process) for process in [begun() for _ in range(3)]]
    assert len({bits for _, bits in results}) == 1
    assert ended(begun()) == (0, results[0][1])


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


@pytest.mark.usefixtures("folder")
def test_code_for_another_processor_or_version_is_not_taken(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = "define void @f() { ret void }"
    codes = [compiling.code_of(text) for _ in range(2)]
    assert codes[0] == codes[1]
    assert len(made) == 1
    recipe = compiling._recipe()
    for other in (f"{recipe}.", recipe.replace("+", "-", 1)):
        monkeypatch.setattr(compiling, "_recipe", lambda other=other: other)
        compiling.code_of(text)
    assert len(made) == 3


def test_what_code_depends_on_is_named() -> None:
    recipe = compiling._recipe()
    for part in (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), binding.get_default_triple()):
        assert part in recipe


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
