"""Prints how many seconds of its process a first call takes: ``python -m benchmarks.cpu.first_call KIND``."""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from torch import Tensor

import gatewise.nn as ours

# name: the module, the shape of its input, and whether gradients are wanted
KINDS: dict[str, tuple[str, tuple[int, ...], bool]] = {
    f"{name}, {'x'.join(map(str, shape))}, {'forward + backward' if training else 'inference'}": (name, shape, training)
    for name, shape in (
        ("LSTMCell", (8, 64)),
        ("GRUCell", (8, 64)),
        ("LSTM", (20, 8, 64)),
        ("GRU", (20, 8, 64)),
        ("LSTM", (100, 64, 64)),
        ("GRU", (100, 64, 64)),
    )
    for training in (False, True)
}
_UNITS = 64


def main() -> None:
    name, shape, training = KINDS[sys.argv[1]]
    torch.set_num_threads(1)
    torch.nn.Linear(_UNITS, _UNITS)(torch.randn(2, _UNITS)).sum().backward()  # what torch itself does only once
    x, module = torch.randn(shape), getattr(ours, name)(shape[-1], _UNITS)
    begun = time.process_time()
    with torch.set_grad_enabled(training):
        y = _output(module(x))
    if training:
        y.sum().backward()
    print(time.process_time() - begun)


def _output(result: Any) -> Tensor:
    return result[0] if isinstance(result, tuple) else result


if __name__ == "__main__":
    main()
