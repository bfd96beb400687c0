"""A linear pool: the forecast that several models make together, each with the same weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats, Panel
from ..model import Model, Predictor
from ..results import Quantiles

if TYPE_CHECKING:
    from torch import Tensor

NAME = "Pool"
HALVINGS = 40
"""Of the interval that holds a quantile: to twelve digits."""
SERIES_AT_A_TIME = 256

Forecast = Callable[[Predictor, Panel], Quantiles]


def pooled(parts: Sequence[Quantiles]) -> Quantiles:
    """The quantiles of the mean of the parts' distributions (Stone 1961; fpp3 13.4), with the notes of all.

    Between and beyond its quantiles a distribution is taken for normal by pieces. Where only medians are forecast it is
    their mean.
    """
    levels, notes = parts[0].levels, tuple(dict.fromkeys(note for part in parts for note in part.notes))
    if len(levels) == 1:
        return Quantiles(NAME, levels, np.mean([part.values for part in parts], axis=0), notes)
    values = np.stack([part.values for part in parts])
    series = range(0, values.shape[1], SERIES_AT_A_TIME)
    mixed = [_mixed(values[:, at : at + SERIES_AT_A_TIME], np.array(levels)) for at in series]
    return Quantiles(NAME, levels, np.concatenate(mixed), notes)


def _mixed(values: Floats, levels: Floats) -> Floats:
    """(M, S, H, Q) quantiles of M distributions to those of their mean, (S, H, Q), by bisection.

    A quantile of the mean lies between the least and the greatest of the parts'.
    """
    from scipy.special import ndtr, ndtri

    probits = ndtri(levels)
    low, high = values.min(axis=0), values.max(axis=0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = np.mean([ndtr(_probit(part, probits, middle)) for part in values], axis=0) < levels
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.maximum.accumulate(high, axis=-1)


def _probit(knots: Floats, probits: NDArray[np.float64], x: Floats) -> Floats:
    """Where each x (..., Q) stands in the normal distribution by pieces through knots (..., Q), as a probit."""
    above = (x[..., None] >= knots[..., None, :]).sum(axis=-1)
    right = np.clip(above, 1, len(probits) - 1)
    first, last = (np.take_along_axis(knots, at, axis=-1) for at in (right - 1, right))
    width = last - first
    share = np.divide(x - first, width, out=np.where(above > 0, np.inf, -np.inf), where=width > 0)
    return probits[right - 1] + share * (probits[right] - probits[right - 1])


@dataclass
class FollowingPool:
    """The pool of what follows series that grow. members: by the words that they are chosen with."""

    members: Mapping[str, Predictor]
    forecast: Forecast
    name: str = NAME
    needs: int = 1

    def predict(self, panel: Panel) -> Quantiles:
        """See `pooled`."""
        return pooled([self.forecast(member, panel) for member in self.members.values()])


@dataclass
class Pool:
    """Several models as one. members: by the words that they are chosen with. forecast: how one of them forecasts."""

    members: Mapping[str, Model]
    forecast: Forecast
    name: str = NAME
    needs: int = 1

    def fit(self, panel: Panel) -> None:
        """Fit every member; one for which every series is too short leaves."""
        able = {word: member for word, member in self.members.items() if (panel.lengths > member.needs).any()}
        self.members = able or self.members
        for member in self.members.values():
            member.fit(panel)

    def predict(self, panel: Panel) -> Quantiles:
        """See `pooled`."""
        return self.following_of(self.members).predict(panel)

    def following(self) -> FollowingPool:
        """The pool of what follows."""
        return self.following_of({word: member.following() for word, member in self.members.items()})

    def following_of(self, members: Mapping[str, Predictor]) -> FollowingPool:
        """The pool of these."""
        return FollowingPool(members, self.forecast)

    def state(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """The tensors of all members, led by their words, and their settings by word."""
        states = {word: member.state() for word, member in self.members.items()}
        tensors = {f"{word}.{name}": one for word, (parts, _) in states.items() for name, one in parts.items()}
        return tensors, {word: dict(settings) for word, (_, settings) in states.items()}
