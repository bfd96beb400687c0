"""A language model that reads and writes, token by token, and remembers all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn import Recurrent
from ...nn.stream import stream
from .network import LanguageNetwork
from .sampling import Floats, Sampling


class Steps(Protocol):
    """What carries a recurrent stack on by one step."""

    def step(self, x: Tensor) -> Tensor:
        """(1, I) to (1, H)."""
        ...

    def reset(self) -> None:
        """Back to the beginning."""
        ...


class _ModuleSteps:
    """Any module, called for one step at a time; slower than a stream."""

    def __init__(self, module: Recurrent) -> None:
        self.module = module
        self.state: Any = None

    def step(self, x: Tensor) -> Tensor:
        outputs, self.state = self.module(x[None], self.state)
        return outputs[0]

    def reset(self) -> None:
        self.state = None


def _steps(module: Recurrent) -> Steps:
    try:
        return stream(module)
    except InputError:
        return _ModuleSteps(module)


class Writer:
    """Reads tokens, and draws the next ones, with the weights that the network has when it is made."""

    @torch.no_grad()
    def __init__(self, network: LanguageNetwork) -> None:
        self._steps = _steps(network.recurrent)
        self._rows = list(network.embedding.weight.detach().clone().split(1))
        self._W = network.linear.weight.detach().clone().numpy()
        self._b = network.linear.bias.detach().clone().numpy()
        self._logits: Floats | None = None

    @property
    def has_read(self) -> bool:
        """Whether there is anything to go on from."""
        return self._logits is not None

    def reset(self) -> None:
        """Forget everything read and written."""
        self._steps.reset()
        self._logits = None

    @torch.inference_mode()
    def read(self, tokens: Iterable[int]) -> None:
        """Go on as if the tokens had been written."""
        for token in tokens:
            self._logits = self._after(token)

    @torch.inference_mode()
    def write(self, length: int, sampling: Sampling, generator: np.random.Generator) -> list[int]:
        """The next ``length`` tokens. Raises InputError where nothing has been read."""
        if self._logits is None:
            raise InputError("there is nothing to go on from", hint="give a prompt of at least one token")
        found: list[int] = []
        for _ in range(length):
            token = sampling.choose(self._logits, generator)
            self._logits = self._after(token)
            found.append(token)
        return found

    def _after(self, token: int) -> Floats:
        hidden = self._steps.step(self._rows[token])
        return self._W @ hidden[0].numpy() + self._b
