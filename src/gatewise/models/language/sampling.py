"""How the next token is chosen from the logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..settings import number

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
            found = np.zeros(len(logits))
            found[logits.argmax()] = 1.0
            return found
        scaled = (logits.astype(np.float64) - logits.max()) / self.temperature
        found = np.exp(scaled)
        found /= found.sum()
        return found if self.top_p == 1 else nucleus(found, self.top_p)

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
    kept = order[: int(np.searchsorted(sums, min(top_p, sums[-1]))) + 1]
    found = np.zeros_like(probabilities)
    found[kept] = probabilities[kept]
    return found / found.sum()
