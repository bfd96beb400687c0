"""A regression with what the network adds to it, at the end of one series, to look into."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from ....inspect.subject import Credit, Prediction, Subject
from ....tables.panel import Floats, Panel
from ....words import number
from ..bounds import ANYTHING, Bounds, bounded, floors
from ..pretrained.model import PretrainedModel
from ..pretrained.network import MIDDLE
from ..regression.by_series import alone
from ..regression.credited import credit_frame
from ..regression.credits import CALENDAR, owners_of
from ..regression.layout import Rows
from ..regression.model import Regression
from ..regression.scale import Logarithm
from .pretrained import OneOrigin, TokensOpened, credited
from .shared import chart, times_of, unit_of


class Together(nn.Module):
    """The network of one series, called with its tokens and the rows of the steps ahead, (1, N * F + h * P).

    weights: of the columns of a row, (P,). unit: of the network's answers.
    """

    def __init__(self, network: OneOrigin, tokens: tuple[int, ...], weights: Tensor, unit: float) -> None:
        super().__init__()
        self.network, self.tokens, self.unit = network, tokens, unit
        self.line = nn.Linear(len(weights), 1, bias=False)
        self.line.weight = nn.Parameter(weights[None], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """What calendar, covariates and network add to each step ahead, (h,), on the scale of the regression."""
        size = int(np.prod(self.tokens))
        tokens, rows = x.split((size, x.shape[1] - size), dim=1)
        given = self.line(rows.view(-1, self.line.in_features))[:, 0]
        return given + self.unit * self.network(tokens.view(self.tokens))[0, :, MIDDLE]


class RegressionOpened:
    """The end of one series: the network reads what the regression leaves of it."""

    def __init__(self, model: Regression, panel: Panel, step: int | None, bounds: Bounds) -> None:
        own = floors(panel)
        self.panel, self.lowest, self.highest = panel, bounds.lowest(own), bounds.high
        self.forecast = bounded(model.predict(panel), own, bounds)
        self.made = credit_frame(model.credits(panel), self.forecast, panel, bounds)
        (series,) = alone(panel)
        self.scale, self.history, self.fit = model.regressed(series, 0)
        left = model.left(self.fit, self.history)
        rest = replace(
            panel,
            times=(panel.times[0][-len(left) :],),
            values=(np.nan_to_num(left),),
            made=(np.isnan(left),),
            covariates=None,
        )
        self.inner = TokensOpened(PretrainedModel(model.setup), rest, step, ANYTHING, model.seasons)
        ahead = slice(self.history.length, len(self.history.times))
        self.rows = self.fit.layout.rows(self.history, ahead.start, ahead.stop)
        self.rest = self.inner.answer * self.inner.asked.unit[0] + self.inner.asked.level[0]

    def subject(self) -> Subject:
        """The subject."""
        inner, subject = self.inner, self.inner.subject()
        seen, ahead = times_of(self.panel, inner.length - inner.unseen, len(self.rest))
        places = torch.from_numpy(inner.ahead.explained)
        weights = torch.from_numpy(self.fit.weights).float()
        return replace(
            subject,
            title=self.panel.ids[0],
            model=Together(inner.module, tuple(inner.x.shape), weights, float(inner.asked.unit[0])).eval(),
            x=torch.cat((inner.x.reshape(1, -1), _flat(self.rows)), dim=1),
            of=lambda output: output[places],
            predictions=self._predictions(len(seen), ahead),
            explains=f"{self._scale} less its mean and the recent level of what the regression leaves",
            about=(*subject.about[:1], *self._about(ahead[inner.ahead.chosen])),
            credited=self._credited,
            chart=chart(self.panel, self.forecast, seen, ahead, first=-inner.unseen, every=inner.patch),
        )

    @property
    def _scale(self) -> str:
        logarithm = isinstance(self.scale.form, Logarithm)
        return "the logarithm of the forecast" if logarithm else "the inverse hyperbolic sine of the forecast"

    @property
    def _predicted(self) -> Floats:
        """The medians of the series as it stands, in the units of the data, (h,)."""
        on_scale = self.fit.values(self.history, self.history.length, len(self.history.times)) + self.rest
        return np.clip(self.scale.leave(on_scale), self.lowest[0], self.highest)

    def _predictions(self, seen: int, ahead: list[str]) -> tuple[Prediction, ...]:
        values, unit = self._predicted, unit_of(self.panel)
        places = self.inner.ahead.explained.tolist()
        return tuple(Prediction(ahead[at], float(values[at]), unit, seen + at) for at in places)

    def _about(self, chosen: str) -> tuple[tuple[str, str], ...]:
        """What makes the forecast of the chosen step, in the units of the data."""
        base, *parts = self.made.iloc[self.inner.ahead.chosen, 2:-1].dropna().items()
        sums = ", ".join(f"{name} {part:+.4g}" for name, part in parts)
        (forecast,) = self.forecast.median
        away = np.abs(self._predicted - forecast) / np.maximum(np.abs(forecast), np.finfo(float).tiny)
        return (
            (f"Makes {chosen}", f"mean {number(float(base[1]))}, {sums}"),
            ("Away from the mean with what is left upside down", f"{100 * away.max():.2g} % at most"),
            ("Read by the network", "what the regression leaves, on its scale"),
            ("Explained", self._scale),
            ("One step", f"{self.inner.patch} observations"),
        )

    def _credited(self, credit: Tensor) -> Credit:
        """What the network reads to its steps; the calendar and each covariate are lines."""
        size = self.inner.x.numel()
        tokens, rows = credit[:, 0].split((size, credit.shape[2] - size), dim=1)
        by_column = rows.view(len(rows), -1, self.fit.layout.width).sum(1)
        network = credited(tokens.view(len(tokens), *self.inner.x.shape))
        owners = torch.from_numpy(owners_of(self.fit.layout, self.history))
        lines = {CALENDAR: by_column[:, owners == -1].sum(1)}
        for at, block in enumerate(self.fit.layout.blocks):
            lines[repr(block.name)] = by_column[:, owners == at].sum(1)
        return Credit(network.by_step, {**lines, **network.lines})


def _flat(rows: Rows) -> Tensor:
    return torch.from_numpy(rows).reshape(1, -1)
