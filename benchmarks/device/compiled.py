"""Exported models, compiled by the machine's own compiler and called from Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gatewise.export import to_c

Floats = NDArray[np.float32]

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
C99 = ("-std=c99", "-ffp-contract=off", *WARNINGS)


def compiled(sources: Sequence[Path], library: Path, *flags: str, compiler: str = "gcc") -> ctypes.CDLL:
    """One shared library of several exported models. Raises RuntimeError for whatever the compiler warns of."""
    command = [compiler, *C99, "-fPIC", "-shared", *(flags or ("-O2",)), *map(str, sources), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or done.stderr:
        raise RuntimeError(done.stderr[-3000:])
    return ctypes.CDLL(str(library))


class InC:
    """One exported model of a library: `step`, `run`, `reset` and its state."""

    def __init__(self, library: ctypes.CDLL, name: str, sizes: Any) -> None:
        self.library, self.name, self.sizes = library, name, sizes
        self.state = np.zeros(max(1, -(-sizes.ram // 4)), np.float32)
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        self._call("reset")(_pointer(self.state))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """x (T, I) to y (T, O), from the state there is."""
        numbers = np.ascontiguousarray(x.numpy(), np.float32)
        y = np.full((len(numbers), self.sizes.outputs), np.nan, np.float32)
        self._call("run")(_pointer(self.state), _pointer(numbers), _pointer(y), ctypes.c_size_t(len(numbers)))
        return torch.from_numpy(y)

    def step(self, x: torch.Tensor) -> torch.Tensor:
        """x (I,) to y (O,)."""
        numbers = np.ascontiguousarray(x.numpy(), np.float32)
        y = np.full(self.sizes.outputs, np.nan, np.float32)
        self._call("step")(_pointer(self.state), _pointer(numbers), _pointer(y))
        return torch.from_numpy(y)

    def gotten(self) -> Floats:
        """The numbers of the state, as the file gives them out."""
        values = np.full(max(1, self.sizes.states), np.nan, np.float32)
        self._call("get_state")(_pointer(self.state), _pointer(values))
        return values

    def given(self, values: Floats) -> None:
        """Take these numbers for the state."""
        self._call("set_state")(_pointer(self.state), _pointer(values))

    def selftest(self) -> int:
        """0, or the step at which the file's own check fails."""
        return self._call("selftest")()

    def _call(self, function: str) -> Any:
        return getattr(self.library, f"{self.name}_{function}")


def exported(
    models: Sequence[nn.Module], folder: Path, *flags: str, compiler: str = "gcc", **options: Any
) -> list[InC]:
    """Every model as C, all in one library."""
    folder.mkdir(exist_ok=True)
    names = [f"m{number}" for number in range(len(models))]
    files = [to_c(model, folder, name=name, **options) for model, name in zip(models, names, strict=True)]
    defines = [f"-DM{number}_SELFTEST" for number in range(len(models))]
    sources, optimised = [file.source for file in files], flags or ("-O1",)
    library = compiled(sources, folder / "models.so", *optimised, *defines, compiler=compiler)
    return [InC(library, name, file.sizes) for name, file in zip(names, files, strict=True)]


def _pointer(numbers: Floats) -> ctypes.c_void_p:
    return numbers.ctypes.data_as(ctypes.c_void_p)
