"""A language model that reads and writes, token by token, and remembers all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ...nn import Recurrent
from ...nn.stream import stream
from ..arguments import number, seed_of, whole
from .network import LanguageNetwork

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Sampling:
    """temperature: logits are divided by it; 0 takes the most probable token. top_p: only the smallest set of tokens
    whose probability is at least top_p can be drawn (Holtzman et al., The Curious Case of Neural Text Degeneration,
    arXiv:1904.09751, section 3.1); of equals those of lower number. Raises InputError for a temperature below 0 or a
    top_p outside (0, 1].
    """

    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        number("temperature", self.temperature, 0, 1e6)
        number("top_p", self.top_p, 0, 1, open_low=True)

    def probabilities(self, logits: Floats) -> NDArray[np.float64]:
        """Of each token (V,), summing to one."""
        if self.temperature == 0:
            probabilities = np.zeros(len(logits))
            probabilities[logits.argmax()] = 1.0
            return probabilities
        scaled = (logits.astype(np.float64) - logits.max()) / self.temperature
        probabilities = np.exp(scaled)
        probabilities /= probabilities.sum()
        return probabilities if self.top_p == 1 else nucleus(probabilities, self.top_p)

    def choose(self, logits: Floats, generator: np.random.Generator) -> int:
        """A token drawn by its probability. One number is taken from the generator, at temperature 0 too."""
        drawn = generator.random()
        if self.temperature == 0:
            return int(logits.argmax())
        sums = self.probabilities(logits).cumsum()
        return int(sums.searchsorted(drawn * sums[-1], side="right"))


def nucleus(probabilities: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """The smallest set of the most probable tokens that together have top_p, scaled to sum to one; the others zero."""
    order = np.argsort(-probabilities, kind="stable")
    sums = probabilities[order].cumsum()
    likely = order[: int(np.searchsorted(sums, min(top_p, sums[-1]))) + 1]
    nucleus_only = np.zeros_like(probabilities)
    nucleus_only[likely] = probabilities[likely]
    return nucleus_only / nucleus_only.sum()


def generator_of(name: str, seed: object) -> np.random.Generator:
    """A generator that begins with a whole number, or one of numpy's. Raises InputError for what is neither."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(seed_of(seed) if isinstance(seed, np.random.RandomState) else whole(name, seed, 0))


class Steps(Protocol):
    """What carries a recurrent stack on by one step. state: as the stack takes and gives it."""

    state: Any

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


class TextGenerator:
    """Reads tokens, and draws the next ones, with the weights that the network has when it is made."""

    @torch.no_grad()
    def __init__(self, network: LanguageNetwork) -> None:
        self._recurrent, self._steps = network.recurrent, _steps(network.recurrent)
        self._rows = list(network.embedding.weight.detach().clone().split(1))
        self._W = network.linear.weight.detach().clone().numpy()
        self._b = network.linear.bias.detach().clone().numpy()
        self._logits: Floats | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles hold: in place of a stream, which is bound to its memory, the state that it is in."""
        kept = {name: value for name, value in vars(self).items() if name != "_steps"}
        return {**kept, "_state": self._steps.state if self.has_read else None}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        state = kept.pop("_state")
        vars(self).update(kept)
        self._steps = _steps(self._recurrent)
        if self.has_read:
            self._steps.state = state

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
        tokens: list[int] = []
        for _ in range(length):
            token = sampling.choose(self._logits, generator)
            self._logits = self._after(token)
            tokens.append(token)
        return tokens

    def _after(self, token: int) -> Floats:
        hidden = self._steps.step(self._rows[token])
        return self._W @ hidden[0].numpy() + self._b
