"""The largest absolute error of sigmoid and tanh of an exported file, over every float32 but NaN.

The truth is NumPy's float64. The file is compiled with -O3 -march=native and without contraction, which gives the same
bits as any other compiler; it promises an error of at most 2.5e-7.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from gatewise.export.c.maths import BOUND

from .library import EXACT, library, pointer, room

Floats = npt.NDArray[np.float64]


def _sigmoid(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {"sigmoid": _sigmoid, "tanh": np.tanh}
BLOCK, QUICK = 2**20, 4099  # numbers at once; and one of how many
_EVERY = """
void every_{name}(const float *x, float *y, size_t count);
void every_{name}(const float *x, float *y, size_t count)
{{
    for (size_t k = 0; k < count; ++k) y[k] = model_{name}(x[k]);
}}
"""


class Worst(NamedTuple):
    """The largest error, the number that has it, and how many numbers were looked at."""

    error: float
    at: float
    numbers: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one in N numbers (all)")
    parser.add_argument("--quick", action="store_true", help=f"one in {QUICK}")
    parser.add_argument("names", nargs="*", metavar="FUNCTION", help=f"of {', '.join(FUNCTIONS)} (all)")


def measure(given: argparse.Namespace) -> bool:
    """Print a line for each function; whether both are within the bound."""
    names, every = given.names or list(FUNCTIONS), QUICK if given.quick else given.every
    with tempfile.TemporaryDirectory() as folder:
        called = functions(Path(folder))
        found = {name: worst(name, called[name], every) for name in names}
    print(f"{'function':10}{'numbers':>15}{'largest error':>15}{'at':>13}")
    for name, (error, at, count) in found.items():
        print(f"{name:10}{count:>15,}{error:>15.3e}{at:>13.6g}")
    return all(each.error <= BOUND for each in found.values())


def functions(folder: Path) -> dict[str, Callable[..., None]]:
    """From an exported file: of x, y and their number."""
    text = "".join(_EVERY.format(name=name) for name in FUNCTIONS)
    built = library(folder, 1, "simd", text, (*EXACT, "-O3", "-march=native"))
    return {name: getattr(built, f"every_{name}") for name in FUNCTIONS}


def worst(name: str, call: Callable[..., None], every: int) -> Worst:
    """Over one in so many float32."""
    found, y = Worst(0.0, 0.0, 0), room(BLOCK)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        for start in progress.track(range(0, 2**32, BLOCK * every), description=name):
            x = np.arange(start, min(2**32, start + BLOCK * every), every, dtype=np.uint32).view(np.float32)
            call(pointer(x), pointer(y), ctypes.c_size_t(len(x)))
            numbers = ~np.isnan(x)
            with np.errstate(invalid="ignore"):
                error = np.where(numbers, np.abs(y[: len(x)] - FUNCTIONS[name](x.astype(np.float64))), 0.0)
            at = int(error.argmax())
            count = found.numbers + int(numbers.sum())
            if not error[at] <= found.error:
                found = Worst(float(error[at]), float(x[at]), count)
            found = found._replace(numbers=count)
    return found
