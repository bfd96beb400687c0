"""An exported LSTM and a few lines of C around it, as a library that Python calls."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gatewise.export import to_c
from gatewise.nn import LSTM

EXACT = ("-std=c99", "-ffp-contract=off")


def library(folder: Path, units: int, target: str, text: str, flags: Sequence[str]) -> ctypes.CDLL:
    """An LSTM of one input as ``model``, and ``text``, which sees all of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        written = to_c(LSTM(1, units), folder, target=target)
    source, out = folder / "program.c", folder / "program.so"
    source.write_text(f'#include "{written.source.name}"\n{text}')
    subprocess.run(["gcc", *flags, "-fPIC", "-shared", str(source), "-o", str(out)], check=True)
    return ctypes.CDLL(str(out))


def pointer(numbers: npt.NDArray[Any]) -> ctypes.c_void_p:
    """Where they lie."""
    return numbers.ctypes.data_as(ctypes.c_void_p)


def room(count: int) -> npt.NDArray[np.float32]:
    """Zeros."""
    return np.zeros(count, np.float32)
