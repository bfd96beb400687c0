"""Ours, and who is timed beside it: torch's layer, the loop over the step, and torch.compile of that loop."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise.cells import CELLS
from gatewise.kernels import reference
from gatewise.kernels.choice import DRIVERS
from gatewise.kernels.gpu.driver import GPU
from gatewise.kernels.gpu.passes import Way
from gatewise.nn import Recurrent

from .workload import Workload

_TORCH: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
_ROUNDS, _WARM = 7, 3


class Contender:
    """One that runs a workload. forward: without gradients. training: forward and backward."""

    def __init__(self, module: nn.Module, call: Callable[[], Tensor], like: Tensor) -> None:
        self.module, self._call = module, call
        self._seed = torch.ones_like(like)

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Outputs."""
        return self._call()

    def training(self) -> None:
        """Gradients of all weights."""
        y = self._call()
        torch.autograd.grad(y, list(self.module.parameters()), self._seed[: len(y)].expand_as(y))


def contenders(work: Workload, device: str) -> dict[str, Contender]:
    """By name, ours first, with the same weights and input."""
    dtype, generator = getattr(torch, work.dtype), torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    options: Any = work.options
    ours = Recurrent(CELLS[work.cell], work.units, work.units, **options).to(device, dtype)
    x = torch.randn(work.steps, work.rows, work.units, generator=generator).to(device, dtype)
    lengths = torch.linspace(work.steps // 2, work.steps, work.rows).long() if work.ragged else None
    like = x.new_ones(1, 1)
    found = {"ours": Contender(ours, lambda: ours(x, lengths=lengths)[0], like)}
    for name in work.rivals:
        found[name] = RIVALS[name](work, ours, x, lengths)
    return found


def _torch(work: Workload, ours: Recurrent, x: Tensor, lengths: Tensor | None) -> Contender:
    options: Any = work.options
    theirs = _TORCH[work.cell](work.units, work.units, **options).to(x)
    theirs.load_state_dict(ours.state_dict())
    if lengths is None:
        return Contender(theirs, lambda: theirs(x)[0], x.new_ones(1, 1))
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    return Contender(theirs, lambda: theirs(packed)[0].data, x.new_ones(1, 1))


def _loop(work: Workload, ours: Recurrent, x: Tensor, lengths: Tensor | None, wrap: Any = lambda f: f) -> Contender:
    """The reference, whatever drivers there are."""
    cell, place = ours.cell, ours.places[0]
    weights = ours.weights_of(place, x.dtype)

    def run(rows: Tensor) -> Tensor:
        from gatewise.nn.layer_run import assembled

        states = x.new_zeros(len(cell.state), work.rows, work.units)
        return reference.forward(cell, assembled(cell, weights, rows, states, training=False)).y

    call = wrap(run)
    rows = x.flatten(0, 1)
    return Contender(ours, lambda: call(rows), x.new_ones(1, 1))


def _compiled(work: Workload, ours: Recurrent, x: Tensor, lengths: Tensor | None) -> Contender:
    return _loop(work, ours, x, lengths, torch.compile)


class _Launching(Contender):
    """Ours, by a launch and a product each step where programs would share out U."""

    def forward(self) -> Tensor:
        """Outputs."""
        with _launched():
            return super().forward()

    def training(self) -> None:
        """Gradients of all weights."""
        with _launched():
            super().training()


@contextmanager
def _launched() -> Generator[None]:
    before, GPU.way = GPU.way, Way()
    try:
        yield
    finally:
        GPU.way = before


def _launches(work: Workload, ours: Recurrent, x: Tensor, lengths: Tensor | None) -> Contender:
    return _Launching(ours, lambda: ours(x, lengths=lengths)[0], x.new_ones(1, 1))


RIVALS: dict[str, Callable[[Workload, Recurrent, Tensor, Tensor | None], Contender]] = {
    "torch": _torch,
    "launches": _launches,
    "loop": _loop,
    "compiled": _compiled,
}


def milliseconds(call: Callable[[], object], device: str) -> float:
    """The median of some rounds, after some that warm up."""
    for _ in range(_WARM):
        call()
    return statistics.median(_timed(call, device) for _ in range(_ROUNDS))


def _timed(call: Callable[[], object], device: str) -> float:
    if device == "cpu":
        start = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - start)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def regime(work: Workload, device: str) -> str:
    """Which driver runs ours, and why."""
    options: Any = work.options
    module = Recurrent(CELLS[work.cell], work.units, work.units, **options).to(device, getattr(torch, work.dtype))
    x = torch.zeros(2, work.rows, work.units, device=device, dtype=getattr(torch, work.dtype))
    driver, reason = module.driver(x)
    return f"{driver}: {reason}" if len(DRIVERS) > 1 else driver
