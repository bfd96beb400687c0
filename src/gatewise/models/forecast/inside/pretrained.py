"""The pretrained network at the end of one series, to look into."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....inspect.subject import Credit, Prediction, Subject
from ....tables.panel import Floats, Panel
from ....words import count, number, ordinal
from ..bounds import Bounds, bounded, floors
from ..pretrained.experts import EXPERTS
from ..pretrained.learning import Network
from ..pretrained.model import PretrainedModel, ask, seasons_told, since_first
from ..pretrained.network import MIDDLE, Sizes, answers, embed, quantiles, shares
from ..pretrained.tokens import PARTS, RECENT, TOKEN_FEATURES, Steps, width
from ..pretrained.tuned import TunedModel
from .shared import UNSEEN, Ahead, chart, span, times_of, unit_of

GROUPS = {
    "what is observed at all": PARTS,
    "the latest observations": RECENT,
    "how far the experts were off": 2 * len(EXPERTS),
}
"""Numbers that are told of a patch behind the means of its parts; the others are about season, length and scales."""
ABOUT = "season, length and scales"
NAMED = 3
"""Experts that are named."""


class OneOrigin(nn.Module):
    """The network called with the tokens (1, N, TOKEN_FEATURES) of one series: quantiles (1, H, LEVELS) in units.

    What the experts expect of the steps ahead is given.
    """

    def __init__(self, network: Network, steps: Steps) -> None:
        super().__init__()
        self.network, self.steps = network, _tensors(steps)
        self.maps: Any = network

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        return quantiles(torch, self.maps, *self._read(tokens), self.steps)

    def experts(self, tokens: Tensor) -> Tensor:
        """How much each expert counts, (H, EXPERTS)."""
        found = answers(torch, self.maps, *self._read(tokens), self.steps)
        return shares(torch, found[..., : len(EXPERTS)], self.steps.valid)[0]

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        read = embed(self.maps, tokens.transpose(0, 1))
        states, _ = self.network.lstm(read)
        return read[-1], states[-1]


class TokensOpened:
    """The end of one series: N patches of parts, h steps ahead. seasons: those told, None for `seasons_told`."""

    def __init__(
        self,
        model: PretrainedModel | TunedModel,
        panel: Panel,
        step: int | None,
        bounds: Bounds,
        seasons: tuple[int, int] | None = None,
    ) -> None:
        setup, self.panel, self.name = model.setup, panel, model.name
        own = floors(panel)
        self.lowest, self.highest = bounds.lowest(own), bounds.high
        self.forecast = bounded(model.predict(panel), own, bounds)
        season, second = seasons or seasons_told(setup, len(since_first(panel.observed[0])))
        self.wide, self.also = width(season), model.network.also
        self.asked = ask(panel.observed, season, second, setup.horizon)
        self.module = OneOrigin(_loaded(model), self.asked.steps).eval()
        self.x = torch.from_numpy(self.asked.reading.tokens)
        self.ahead = Ahead(setup.horizon, step)
        with torch.no_grad():
            self.answer = self.module(self.x)[0, :, MIDDLE].double().numpy()
            self.counted = self.module.experts(self.x)[self.ahead.chosen].numpy()

    def subject(self) -> Subject:
        """The subject."""
        seen, ahead = times_of(self.panel, self.length - self.unseen, len(self.answer))
        times = [UNSEEN] * self.unseen + seen
        cells = [span(times[start:end]) for start, end in pairwise(range(0, self.length + 1, self.wide))]
        steps = [span(times[start : start + self.patch]) for start in range(0, self.length, self.patch)]
        places, unit = torch.from_numpy(self.ahead.explained), float(self.asked.unit[0])
        return Subject(
            title=self.panel.ids[0],
            model=self.module,
            x=self.x,
            of=lambda output: unit * output[0, places, MIDDLE],
            predictions=self._predictions(len(seen), ahead),
            steps=tuple(steps),
            inputs=tuple(f"{ordinal(place + 1)} of {PARTS}" for place in range(PARTS)),
            fed=torch.from_numpy(self._fed()),
            explains="the forecast less the recent level, with what the experts expect as given",
            about=self._about(ahead),
            credited=credited,
            chart=chart(self.panel, self.forecast, seen, ahead, first=-self.unseen, every=self.patch),
            cells=tuple(zip(*[iter(cells)] * PARTS, strict=True)),
            chosen=self.ahead.first,
        )

    @property
    def patch(self) -> int:
        """Observations in a patch."""
        return PARTS * self.wide

    @property
    def length(self) -> int:
        """Observations that all patches have room for."""
        return self.x.shape[1] * self.patch

    @property
    def unseen(self) -> int:
        """How many of these places lie before the series."""
        return max(self.length - len(self.panel.values[0]), 0)

    @property
    def _predicted(self) -> Floats:
        """The network's medians of the series as it stands, in the units of the data, (horizon,)."""
        medians = self.answer * self.asked.unit[0] + self.asked.level[0]
        return np.clip(medians, self.lowest[0], self.highest)

    def _predictions(self, seen: int, ahead: list[str]) -> tuple[Prediction, ...]:
        values, unit = self._predicted, unit_of(self.panel)
        return tuple(Prediction(ahead[at], float(values[at]), unit, seen + at) for at in self.ahead.explained.tolist())

    def _fed(self) -> Floats:
        """The means of the parts, in the units of the data; not a number where nothing was observed."""
        reading, asked = self.asked.reading, self.asked
        return reading.parts[0] + (asked.level[0] - asked.steps.level[0])

    @property
    def _besides(self) -> str:
        """What the forecast is the mean with, beside the reading looked at."""
        also = self.also
        return "the series upside down" + (f" and seasons of {also[0]} and {also[1]}" if also else "")

    def _about(self, ahead: list[str]) -> tuple[tuple[str, str], ...]:
        (forecast,) = self.forecast.median
        away = np.abs(self._predicted - forecast) / np.maximum(np.abs(forecast), np.finfo(float).tiny)
        size = sum(parameter.numel() for parameter in self.module.parameters())
        most = np.argsort(-self.counted, kind="stable")[:NAMED]
        return (
            ("Network", f"{self.name}, {count(size, 'parameter')}"),
            (f"Listens to for {ahead[self.ahead.chosen]}", _weighed(most, self.counted)),
            (f"Away from the mean with {self._besides}", f"{100 * away.max():.2g} % at most"),
            ("Recent level", number(float(self.asked.level[0]))),
            ("Explained", "the forecast less the recent level"),
            ("One step", count(self.patch, "observation")),
        )


def _weighed(most: np.ndarray, counted: np.ndarray) -> str:
    return ", ".join(f"{EXPERTS[expert]} ({100 * counted[expert]:.0f} %)" for expert in most.tolist())


def credited(credit: Tensor) -> Credit:
    """The means of parts to steps; whatever else is told of a patch is lines."""
    parts, *others = credit[:, 0].split((PARTS, *GROUPS.values(), TOKEN_FEATURES - PARTS - sum(GROUPS.values())), dim=2)
    lines = {name: part.sum((1, 2)) for name, part in zip((*GROUPS, ABOUT), others, strict=True)}
    return Credit(parts, lines)


def _loaded(model: PretrainedModel | TunedModel) -> Network:
    weights = {name: torch.from_numpy(values) for name, values in model.weights.items()}
    network = Network(Sizes.of(weights))
    network.load_state_dict(weights)
    return network


def _tensors(steps: Steps) -> Any:
    """The same in torch."""
    return SimpleNamespace(**{name: torch.from_numpy(np.asarray(part)) for name, part in vars(steps).items()})
