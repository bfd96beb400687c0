"""How long a step of an exported LSTM takes, and one of ``gatewise.stream`` from Python.

An LSTM of one input, one step at a time with its state, in runs of 256 steps on one core: nanoseconds a step, the
median of rounds in which all contenders take turns. ``exact`` is compiled without contraction, for the same bits
everywhere.
"""

from __future__ import annotations

import argparse
import ctypes
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

import gatewise
from gatewise.nn import LSTM

from ..machine import description
from ..measure import alternately
from .library import EXACT, library, pointer, room

UNITS, STREAMED = (16, 32, 64), 32
BLOCK, BLOCKS = 256, 16  # steps in a run, runs in a call
BUILDS = {
    "simd, -O3 -march=native": ("simd", ("-O3", "-march=native")),
    "simd, the same, exact": ("simd", (*EXACT, "-O3", "-march=native")),
    "generic, -O2, exact": ("generic", (*EXACT, "-O2")),
}
"""Each as target and flags."""
STREAM = "gatewise.stream(LSTM).step"
_RUNS = """
void runs(float *state, const float *x, float *y);
void runs(float *state, const float *x, float *y)
{{
    for (int again = 0; again < {blocks}; ++again) model_run((model_state *)state, x, y, {block});
}}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20.0, help="of measurement in all (20)")
    parser.add_argument("--quick", action="store_true", help="a second")


def measure(given: argparse.Namespace) -> bool:
    """Print a table."""
    torch.set_num_threads(1)
    found = nanoseconds(1.0 if given.quick else given.seconds)
    about = description()
    print(f"{about['processor']} ({about['llvm_cpu']}), ns a step")
    print(_row("", [f"H {units}" for units in UNITS]))
    for name in (*BUILDS, STREAM):
        print(_row(name, [f"{found[name, units]:.0f}" if (name, units) in found else "" for units in UNITS]))
    return True


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:28}{''.join(f'{cell:>9}' for cell in cells)}"


def nanoseconds(seconds: float) -> dict[tuple[str, int], float]:
    """Of a step, by contender and units."""
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            (name, units): _runs(Path(folder) / f"{at}-{units}", units, *build)
            for at, (name, build) in enumerate(BUILDS.items())
            for units in UNITS
        }
        calls[STREAM, STREAMED] = _streamed()
        names = {f"{name}/{units}": (name, units) for name, units in calls}
        samples = alternately({text: calls[key] for text, key in names.items()}, seconds)
    steps = {key: 1 if key[0] == STREAM else BLOCK * BLOCKS for key in calls}
    return {key: 1e9 * samples.median(text) / steps[key] for text, key in names.items()}


def _runs(folder: Path, units: int, target: str, flags: tuple[str, ...]) -> Callable[[], object]:
    built = library(folder, units, target, _RUNS.format(block=BLOCK, blocks=BLOCKS), flags)
    state, y = room(2 * units), room(BLOCK * units)
    x = np.random.default_rng(0).standard_normal(BLOCK, np.float32)
    places = [pointer(numbers) for numbers in (state, x, y)]
    run: Callable[..., object] = built.runs
    run.argtypes = [ctypes.c_void_p] * len(places)  # pyright: ignore[reportFunctionMemberAccess]
    return lambda kept=(state, x, y): run(*places)


def _streamed() -> Callable[[], object]:
    stream, x = gatewise.stream(LSTM(1, STREAMED).eval()), torch.randn(1, 1)
    return lambda: stream.step(x)
