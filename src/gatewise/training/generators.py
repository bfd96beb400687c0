"""torch's random generators, lent to a training and given back as they were."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch


class Generators:
    """The states of torch's global generators as this training uses them, and nobody else.

    devices: those beside the CPU, such as ``cuda:0``. seed: of all of them.
    """

    def __init__(self, seed: int, devices: Iterable[torch.device]) -> None:
        self.cuda = sorted({device.index or 0 for device in devices if device.type == "cuda"})
        self.in_use = False
        with torch.random.fork_rng(devices=self.cuda):
            torch.manual_seed(seed)
            self._states = self._read()

    @contextmanager
    def lent(self) -> Generator[None]:
        """Inside the block torch's generators go on from where the last such block ended."""
        with torch.random.fork_rng(devices=self.cuda):
            self._write(self._states)
            self.in_use = True
            try:
                yield
            finally:
                self._states = self._read()
                self.in_use = False

    @contextmanager
    def untouched(self) -> Generator[None]:
        """Whatever is drawn inside the block, afterwards the generators are as before it."""
        with torch.random.fork_rng(devices=self.cuda):
            yield

    def state_dict(self) -> dict[str, Any]:
        """The state of the CPU's generator, and of each other device's in their order, uint8."""
        return self._read() if self.in_use else dict(self._states)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from these states."""
        if self.in_use:
            self._write(state)
        self._states = dict(state)

    def _read(self) -> dict[str, Any]:
        return {"cpu": torch.get_rng_state(), "cuda": [torch.cuda.get_rng_state(index) for index in self.cuda]}

    def _write(self, states: dict[str, Any]) -> None:
        torch.set_rng_state(states["cpu"])
        # a run that goes on with more or fewer devices draws other numbers on them, whatever is done here
        for index, state in zip(self.cuda, states["cuda"], strict=False):
            torch.cuda.set_rng_state(state, index)
