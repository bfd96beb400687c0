"""Prints how many seconds of its process a first call takes: ``python -m benchmarks.first_call KIND``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import gatewise.nn as ours
from gatewise.cells import CELLS
from gatewise.transforms import layer_norm

_UNITS = 64
_MODULES: dict[str, Callable[[int, int], nn.Module]] = {
    "LSTMCell": ours.LSTMCell,
    "GRUCell": ours.GRUCell,
    "LSTM": ours.LSTM,
    "GRU": ours.GRU,
    "LSTM, layer norm": partial(ours.Recurrent, layer_norm(CELLS["lstm"], "memory")),
    "recurrent highway network": partial(ours.Recurrent, CELLS["rhn"]),
}


class Kind(NamedTuple):
    """A first call. module: of which class. shape: of its input. training: whether gradients are wanted."""

    module: str
    shape: tuple[int, ...]
    training: bool

    def __str__(self) -> str:
        passes = "forward + backward" if self.training else "inference"
        return f"{self.module}, {'x'.join(map(str, self.shape))}, {passes}"


_SHAPES = {
    "LSTMCell": [(8, 64)],
    "GRUCell": [(8, 64)],
    "LSTM": [(20, 8, 64), (100, 64, 64), (100, 1, 64)],
    "GRU": [(20, 8, 64), (100, 64, 64)],
    "LSTM, layer norm": [(20, 8, 64), (100, 1, 64)],
    "recurrent highway network": [(20, 8, 64), (100, 1, 64)],
}
KINDS = {
    str(kind): kind
    for name, shapes in _SHAPES.items()
    for shape in shapes
    for kind in (Kind(name, shape, False), Kind(name, shape, True))
}


def main() -> None:
    kind = KINDS[sys.argv[1]]
    torch.set_num_threads(1)
    nn.Linear(_UNITS, _UNITS)(torch.randn(2, _UNITS)).sum().backward()  # what torch itself does only once
    x, module = torch.randn(kind.shape), _MODULES[kind.module](kind.shape[-1], _UNITS)
    begun = time.process_time()
    with torch.set_grad_enabled(kind.training):
        y = _output(module(x))
    if kind.training:
        y.sum().backward()
    print(time.process_time() - begun)


def _output(result: Any) -> Tensor:
    return result[0] if isinstance(result, tuple) else result


if __name__ == "__main__":
    main()
