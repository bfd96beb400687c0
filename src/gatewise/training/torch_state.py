"""torch's global state, borrowed for a block and restored after it: random generators, and the number of threads."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch


class Generators:
    """The states of torch's global random generators that belong to one training run.

    seed: of all of them. devices: the generators of GPUs among these are included.
    """

    def __init__(self, seed: int, devices: Iterable[torch.device]) -> None:
        self.cuda = sorted({device.index or 0 for device in devices if device.type == "cuda"})
        self.in_use = False
        with torch.random.fork_rng(devices=self.cuda):
            torch.manual_seed(seed)
            self._states = self._read()

    @contextmanager
    def lent(self) -> Generator[None]:
        """A block in which torch's generators continue from where the last such block ended."""
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
        """A block after which the generators are as before it."""
        with torch.random.fork_rng(devices=self.cuda):
            yield

    def state_dict(self) -> dict[str, Any]:
        """The state of the CPU's generator, and of each GPU's in order of their index, uint8."""
        return self._read() if self.in_use else dict(self._states)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from states that `state_dict` gave."""
        if self.in_use:
            self._write(state)
        self._states = dict(state)

    def _read(self) -> dict[str, Any]:
        return {"cpu": torch.get_rng_state(), "cuda": [torch.cuda.get_rng_state(index) for index in self.cuda]}

    def _write(self, states: dict[str, Any]) -> None:
        torch.set_rng_state(states["cpu"])
        # a run that resumes with more or fewer devices draws other numbers on them in any case
        for index, state in zip(self.cuda, states["cuda"], strict=False):
            torch.cuda.set_rng_state(state, index)


@contextmanager
def at_most_threads(count: int) -> Generator[None]:
    """A block in which torch uses no more than ``count`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exactly_threads(count: int) -> Generator[None]:
    """A block in which torch uses ``count`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
