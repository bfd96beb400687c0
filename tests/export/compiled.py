"""Exported models, compiled by the machine's own compiler and called from Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from gatewise.export import to_c

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
C99 = ("-std=c99", "-ffp-contract=off", *WARNINGS)
needs_gcc = pytest.mark.needs("gcc")


def compiled(sources: Sequence[Path], library: Path, *flags: str, compiler: str = "gcc") -> ctypes.CDLL:
    """One shared library of several exported models; whatever the compiler warns of fails the test."""
    command = [compiler, *C99, "-fPIC", "-shared", *(flags or ("-O2",)), *map(str, sources), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    return ctypes.CDLL(str(library))


class InC:
    """One exported model of a library: `step`, `run`, `reset` and its state."""

    def __init__(self, library: ctypes.CDLL, name: str, sizes) -> None:
        self._call, self.sizes = lambda function: getattr(library, f"{name}_{function}"), sizes
        self.state = np.zeros(max(1, sizes.states), np.float32)
        self.reset()

    def reset(self) -> None:
        self._call("reset")(_pointer(self.state))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """x (T, I) to y (T, O), from the state there is."""
        given = np.ascontiguousarray(x.numpy(), np.float32)
        y = np.full((len(given), self.sizes.outputs), np.nan, np.float32)
        self._call("run")(_pointer(self.state), _pointer(given), _pointer(y), ctypes.c_size_t(len(given)))
        return torch.from_numpy(y)

    def step(self, x: torch.Tensor) -> torch.Tensor:
        """x (I,) to y (O,)."""
        given = np.ascontiguousarray(x.numpy(), np.float32)
        y = np.full(self.sizes.outputs, np.nan, np.float32)
        self._call("step")(_pointer(self.state), _pointer(given), _pointer(y))
        return torch.from_numpy(y)

    def gotten(self) -> np.ndarray:
        """The numbers of the state, as the file gives them out."""
        values = np.full(max(1, self.sizes.states), np.nan, np.float32)
        self._call("get_state")(_pointer(self.state), _pointer(values))
        return values

    def given(self, values: np.ndarray) -> None:
        """Take these numbers for the state."""
        self._call("set_state")(_pointer(self.state), _pointer(values))

    def selftest(self) -> int:
        return self._call("selftest")()


def exported(models, folder: Path, *flags: str, compiler: str = "gcc", **options) -> list[InC]:
    """Every model as C, all in one library."""
    folder.mkdir(exist_ok=True)
    names = [f"m{number}" for number in range(len(models))]
    found = [to_c(model, folder, name=name, **options) for model, name in zip(models, names, strict=True)]
    defines = [f"-DM{number}_SELFTEST" for number in range(len(models))]
    sources, optimised = [each.source for each in found], flags or ("-O1",)
    library = compiled(sources, folder / "models.so", *optimised, *defines, compiler=compiler)
    return [InC(library, name, each.sizes) for name, each in zip(names, found, strict=True)]


def _pointer(numbers: np.ndarray) -> ctypes.c_void_p:
    return numbers.ctypes.data_as(ctypes.c_void_p)
