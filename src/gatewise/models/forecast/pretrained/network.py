"""The network that weighs the experts: its equations, for torch while it learns and for numpy when it forecasts.

A patch becomes a vector, LSTM layers carry it through time, and for each step ahead a small network of its own gives
every expert a weight, the weighted mean a correction, and quantiles around it that cannot cross.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .experts import EXPERTS
from .tokens import STEP_FEATURES, TOKEN_FEATURES

LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
MIDDLE = LEVELS.index(0.5)
DOWN, UP = MIDDLE, len(LEVELS) - 1 - MIDDLE
STEEPEST = 15.0
"""The largest logit of an expert."""

Map = Callable[[Any], Any]


@dataclass(frozen=True)
class Sizes:
    """hidden: of the LSTM layers. layers: how many. query: width of the network of each step."""

    hidden: int = 256
    layers: int = 2
    query: int = 192

    @classmethod
    def of(cls, weights: Mapping[str, Any]) -> Sizes:
        """The sizes of a network with these arrays, by the names of `learning.Network`."""
        layers = sum(name.startswith("lstm.weight_hh") for name in weights)
        return cls(weights["embed.weight"].shape[0], layers, weights["inner.weight"].shape[0])

    @property
    def maps(self) -> dict[str, tuple[int, int]]:
        """The linear maps by name, each from so many numbers to so many."""
        hidden, query = self.hidden, self.query
        return {
            "patch": (TOKEN_FEATURES, hidden),
            "embed": (hidden, hidden),
            "place": (2 * hidden, query),
            "step": (STEP_FEATURES, query),
            "inner": (query, query),
            "out": (query, len(EXPERTS) + len(LEVELS)),
        }


class Maps(Protocol):
    """The linear maps of `Sizes.maps`, as functions of the last axis."""

    patch: Map
    embed: Map
    place: Map
    step: Map
    inner: Map
    out: Map


def embed(maps: Maps, tokens: Any) -> Any:
    """What the LSTM reads of patches (..., TOKEN_FEATURES)."""
    return maps.embed(_rectified(maps.patch(tokens)))


def quantiles(xp: Any, maps: Maps, read: Any, state: Any, steps: Any) -> Any:
    """The quantiles (..., H, LEVELS) in units from the level.

    Args:
        xp: The module that computes: numpy or torch.
        maps: The linear maps.
        read: What the LSTM read last, (..., hidden).
        state: What it gave, (..., hidden).
        steps: With ``experts`` and ``valid`` (..., H, EXPERTS), and ``features`` (..., H, STEP_FEATURES).
    """
    out = answers(xp, maps, read, state, steps)
    logits, shift, widths = out[..., : len(EXPERTS)], out[..., len(EXPERTS)], out[..., len(EXPERTS) + 1 :]
    weights = shares(xp, logits, steps.valid)
    mean = (weights * steps.experts).sum(-1)
    unit = 1 + (weights * abs(steps.experts - mean[..., None])).sum(-1)
    middle = (mean + shift * unit)[..., None]
    widths = _softplus(xp, widths) * unit[..., None]
    below, above = widths[..., :DOWN].cumsum(-1), widths[..., DOWN:].cumsum(-1)
    return xp.concatenate([middle - below[..., list(range(DOWN))[::-1]], middle, middle + above], -1)


def answers(xp: Any, maps: Maps, read: Any, state: Any, steps: Any) -> Any:
    """What is found for each step, (..., H, EXPERTS + LEVELS): logits of the experts, correction, widths."""
    place = maps.place(xp.concatenate([state, read], -1))
    hidden = _rectified(place[..., None, :] + maps.step(steps.features))
    return maps.out(_rectified(maps.inner(hidden)))


def shares(xp: Any, logits: Any, valid: Any) -> Any:
    """How much each expert counts (..., H, EXPERTS), all together one."""
    weights = xp.exp(xp.clip(logits, -STEEPEST, STEEPEST)) * valid
    return weights / (weights.sum(-1)[..., None] + 1e-12)


def _rectified(values: Any) -> Any:
    return values * (values > 0)


def _softplus(xp: Any, values: Any) -> Any:
    return xp.log1p(xp.exp(-abs(values))) + _rectified(values)
