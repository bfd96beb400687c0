"""Prints peak memory in MiB beyond what there was before: of a training step (``gatewise``, ``torch``) or ``long``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from gatewise.nn import LSTM

STEPS, BATCH, UNITS = 500, 64, 256


def main() -> None:
    name = sys.argv[1]
    print({"long": long_sequence}.get(name, partial(training_step, name))() / 1024)


def training_step(name: str) -> int:
    """Kilobytes of forward and backward beyond input and weights."""
    module = {"gatewise": LSTM, "torch": torch.nn.LSTM}[name](UNITS, UNITS)
    module(torch.randn(2, 8, UNITS))[0].sum().backward()  # compiled, and libraries loaded
    x = torch.randn(STEPS, BATCH, UNITS, requires_grad=True)
    return _growth(lambda: module(x)[0].sum().backward())


def long_sequence() -> int:
    """Kilobytes of inference over a million steps, less those of its output."""
    steps, units = 1_000_000, 64
    module, x = LSTM(1, units), torch.randn(steps, 1, 1)
    with torch.no_grad():
        module(x[:2])
        return _growth(lambda: module(x)) - steps * units * 4 // 1024


def _growth(call: Callable[[], object]) -> int:
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    result = call()
    del result
    return _status("VmHWM") - before


def _status(name: str) -> int:
    """Kilobytes, as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))


if __name__ == "__main__":
    main()
