"""Series made by hand, and a network that needs no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.models.forecast.evaluation.contestants import Contestant
from gatewise.models.forecast.model import Model, Setup
from gatewise.models.forecast.results import Quantiles, quantile_levels
from gatewise.tables.panel import Floats, Frequency, Panel


def panel(*values: Sequence[float] | Floats, season: int = 4, **fields: Any) -> Panel:
    """Series ``a``, ``b``, ... over a plain counter."""
    return Panel(
        ids=tuple(chr(ord("a") + row) if len(values) <= 26 else f"s{row}" for row in range(len(values))),
        times=tuple(np.arange(len(one)) for one in values),
        values=tuple(np.asarray(one, np.float64) for one in values),
        frequency=Frequency("1"),
        season=season,
        **fields,
    )


def climbing(length: int, season: int = 4) -> Floats:
    """A pattern of one season that rises by 1 from season to season, with a little deterministic unrest."""
    t = np.arange(length)
    return 20 + 1.0 * (t // season) + np.array([0, 5, 1, 8])[t % 4] + 0.1 * np.sin(t * t)


def setup(horizon: int = 4, season: int = 4, levels: tuple[int, ...] = (80, 95), **fields: Any) -> Setup:
    return Setup(horizon, season, quantile_levels(levels), **fields)


@dataclass
class Oracle:
    """Knows how a `climbing` series goes on, and is wrong by ``bias``."""

    setup: Setup
    bias: float = 0.0
    name: str = "LSTM"
    needs: int = 6
    learned: list[int] = field(default_factory=list[int])
    largest: float = float("nan")

    def fit(self, panel: Panel) -> None:
        if self.setup.progress:
            self.setup.progress(0.5, "halfway")
        self.learned = panel.lengths.tolist()
        self.largest = max(float(values.max()) for values in panel.values)

    def predict(self, panel: Panel) -> Quantiles:
        known = [climbing(len(values) + self.setup.horizon)[-self.setup.horizon - 1 :] for values in panel.values]
        level = [values[-1] - then[0] + self.bias for values, then in zip(panel.values, known, strict=True)]
        middle = np.stack([then[1:] + by for then, by in zip(known, level, strict=True)])
        offset = np.array([level - 0.5 for level in self.setup.levels])
        return Quantiles(self.name, self.setup.levels, middle[..., None] + offset)

    def following(self) -> Oracle:
        return self

    def state(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        return {"bias": torch.tensor([self.bias], dtype=torch.float64)}, {"needs": self.needs}


def network(bias: float = 0.0) -> Contestant:
    """A kind of network whose models are `Oracle`s."""

    def restore(setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
        return Oracle(setup, bias=float(tensors["bias"]), needs=settings["needs"])

    return Contestant("LSTM", lambda setup: Oracle(setup, bias), restore, learns=True, in_a_sentence="the LSTM")
