"""Prints the peak memory, in MiB, of one training step beyond what there was before: ``gatewise`` or ``torch``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from gatewise.nn import LSTM

STEPS, BATCH, UNITS = 500, 64, 256


def main() -> None:
    module = {"gatewise": LSTM, "torch": torch.nn.LSTM}[sys.argv[1]](UNITS, UNITS)
    module(torch.randn(2, 1, UNITS))[0].sum().backward()  # compiled, and libraries loaded
    x = torch.randn(STEPS, BATCH, UNITS, requires_grad=True)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    module(x)[0].sum().backward()
    print((_status("VmHWM") - before) / 1024)


def _status(name: str) -> int:
    """Kilobytes, as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))


if __name__ == "__main__":
    main()
