"""The network of an ensemble that is nearest to the forecast of one series, and its window, to look into."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ....inspect.subject import Credit, Prediction, Subject
from ....tables.panel import Floats, Panel
from ....words import number, ordinal
from ..bounds import Bounds, bounded, floors
from ..network.covariates import Beside
from ..network.ensemble import Ensemble
from ..network.lstm_model import LSTMModel
from ..network.network import PatchLSTM
from ..network.scaling import Space
from ..network.windows import Store, Windows
from .shared import UNSEEN, Ahead, chart, span, times_of, unit_of


class OneInput(nn.Module):
    """The network, called with (1, 2 L + FEATURES + N K): past, which of it was observed, features, and covariates.

    sizes: of these parts. where: of the covariates, see `Beside`; None where there are none.
    """

    def __init__(self, network: PatchLSTM, sizes: tuple[int, int, int, int], where: Tensor | None) -> None:
        super().__init__()
        self.network, self.sizes, self.where = network, sizes, where

    def forward(self, x: Tensor) -> Tensor:
        """Normalised quantiles (1, horizon, Q)."""
        past, seen, about, told = x.split(self.sizes, dim=1)
        beside = None if self.where is None else Beside(told.view(int(self.where.max()) + 1, -1), self.where)
        return self.network(
            past, seen.relu(), about, None, beside
        )  # of what was seen nothing is negative: it is a gate


class Opened(NamedTuple):
    """number: which of the members it is. module, x: it, and what it reads. level, spread: of the window, in working
    space. median: (horizon,) float64, its own medians in working space."""

    number: int
    module: OneInput
    x: Tensor
    level: float
    spread: float
    median: Tensor


@torch.no_grad()
def opened(ensemble: Ensemble, window: Windows) -> Opened:
    """The member nearest to the forecast of all. window: of one series."""
    number = ensemble.nearest(window)
    scale, past, about = ensemble.normalised(window)
    told = past[:, :0] if window.beside is None else window.beside.columns.reshape(1, -1)
    parts = past, window.seen.to(past.dtype), about, told
    x, (a, b, c, d) = torch.cat(parts, dim=1), (part.shape[1] for part in parts)
    where = None if window.beside is None else window.beside.where
    module = OneInput(ensemble.members[number], (a, b, c, d), where).eval()
    median = scale.undo(module(x).double())[0, :, ensemble.levels.index(0.5)]
    return Opened(number, module, x, float(scale.level), float(scale.spread), median)


class WindowOpened:
    """The last window of one series: L observations in steps of P, h steps ahead."""

    def __init__(self, model: LSTMModel, panel: Panel, step: int | None, bounds: Bounds) -> None:
        own = floors(panel)
        self.lowest, self.highest = bounds.lowest(own), bounds.high
        self.forecast = bounded(model.predict(panel), own, bounds)
        ensemble, store = model.ensemble, Store(panel, model.season, model.encoding, model.horizon)
        self.encoding = model.encoding
        settings = ensemble.settings
        self.window = store.last(torch.tensor([0]), settings.look_back, model.horizon)
        self.opened: Opened = opened(ensemble, self.window)
        self.panel, self.space, self.patch, self.members = panel, store.spaces[0], settings.patch, settings.members
        self.middle, self.ahead = model.levels.index(0.5), Ahead(model.horizon, step)

    def subject(self) -> Subject:
        """The subject."""
        seen, ahead = times_of(self.panel, self.length - self.unseen, self.forecast.values.shape[1])
        cells = [f"before the data, {place + 1}" for place in range(self.unseen)] + seen
        places, middle, spread = torch.from_numpy(self.ahead.explained), self.middle, self.opened.spread
        return Subject(
            title=self.panel.ids[0],
            model=self.opened.module,
            x=self.opened.x,
            of=lambda output: spread * output[0, places, middle],
            predictions=self._predictions(len(seen), ahead),
            steps=self._steps(seen),
            inputs=tuple(f"{ordinal(place + 1)} of {self.patch}" for place in range(self.patch)),
            fed=self._fed(),
            explains=_explains(self.space),
            about=self._about(),
            credited=self._credited,
            chart=chart(self.panel, self.forecast, seen, ahead, first=-self.unseen, every=self.patch),
            cells=tuple(zip(*[iter(cells)] * self.patch, strict=True)),
            chosen=self.ahead.first,
        )

    @property
    def length(self) -> int:
        """L."""
        return self.window.past.shape[1]

    @property
    def unseen(self) -> int:
        """How many places of the window lie before the series."""
        return int((~self.window.seen).sum())

    def _steps(self, seen: list[str]) -> tuple[str, ...]:
        times = [UNSEEN] * self.unseen + seen
        starts = range(0, self.length, self.patch)
        return tuple(span(times[at : at + self.patch]) for at in starts)

    def _fed(self) -> Tensor:
        """What was observed, in its own units; not a number before the data."""
        values = np.full(self.length, np.nan)
        values[self.unseen :] = self.panel.values[0][-(self.length - self.unseen) :]
        return torch.from_numpy(values).view(-1, self.patch)

    def _predictions(self, seen: int, ahead: list[str]) -> tuple[Prediction, ...]:
        values, unit = self._predicted, unit_of(self.panel)
        return tuple(Prediction(ahead[at], float(values[at]), unit, seen + at) for at in self.ahead.explained.tolist())

    @property
    def _predicted(self) -> Floats:
        """The medians of the network that is looked into, in the units of the data, (horizon,)."""
        return np.clip(self.space.leave(self.opened.median.numpy()), self.lowest, self.highest)

    def _about(self) -> tuple[tuple[str, str], ...]:
        medians = self._predicted
        (forecast,) = self.forecast.median
        away = np.abs(medians - forecast) / np.maximum(np.abs(forecast), np.finfo(float).tiny)
        level = float(self.space.leave(np.array([self.opened.level]))[0])
        return (
            ("Network", f"{self.opened.number + 1} of {self.members}, the nearest to the forecast of all"),
            ("Away from that", f"{100 * away.max():.2g} % at most"),
            ("Recent level", number(level)),
            ("Explained", _explains(self.space)),
            ("One step", f"{self.patch} observations" if self.patch > 1 else "1 observation"),
        )

    def _credited(self, credit: Tensor) -> Credit:
        """Past to steps; what was observed at all, features of the window, and each covariate, are lines."""
        past, seen, about, told = (part[:, 0] for part in credit.split(self.opened.module.sizes, dim=2))
        lines = {"what is observed at all": seen.sum(1), "spread of the window": about.sum(1)}
        if self.encoding:
            by_column = told.view(len(told), -1, self.encoding.width).sum(1)
            parts = self.encoding.parts
            shares = by_column.split(list(parts.values()), dim=1)
            lines |= {name: share.sum(1) for name, share in zip(parts, shares, strict=True)}
        return Credit(past.reshape(len(past), -1, self.patch), lines)


def _explains(space: Space) -> str:
    return "log of the forecast over the recent level" if space.log else "the forecast less the recent level"
