"""The pretrained network, trained a little more on the series that it is to forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ....errors import InputError
from ....nn.stored import check_finite, fill
from ....tables.panel import Floats, Panel
from ....training.schedule import Schedule
from ..metrics import seasonal_scale
from ..model import Predictor, Setup
from ..network.training import train
from ..results import Quantiles
from .forward import Forward
from .learning import Batch, Network, batch_of, loss, together
from .model import MOST_PATCHES, forecast_panel, forecast_told, seasons_told
from .network import LEVELS, MIDDLE, Sizes
from .sums import Singles
from .tokens import PARTS, width
from .weights import REACH, pretrained_reach, pretrained_weights

if TYPE_CHECKING:
    from ..model import Model

RATE, STEPS, SECONDS, MOST_STEPS = 3e-4, 600, 60.0, 10**9
"""The highest learning rate, and updates and seconds where no budget is given, updates where one is."""
ROWS, PLACES = 32, 400
"""Series and places in a batch."""
LEAST = 3
"""Horizons that a series must have to be learned from: one is held back to see whether learning paid."""
MOST_SCORED = 500
"""Series by which that is seen."""


class TunedModel:
    """The pretrained network after some training on a panel; where that did not pay, as it was before."""

    name = "Tuned"
    needs = 3

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._network: Forward | None = None
        self._weights: dict[str, Tensor] = {}
        self._reach: tuple[float, ...] = ()
        self._notes: tuple[str, ...] = ()

    def fit(self, panel: Panel) -> None:
        """Train on what lies before the last horizon of each series, and keep what is better there."""
        learner = Network(Sizes.of(pretrained_weights()))
        before = {name: torch.from_numpy(values.copy()) for name, values in pretrained_weights().items()}
        learner.load_state_dict(before)
        self._reach = pretrained_reach()
        lessons = Lessons(panel.observed, self.setup)
        if lessons.series:
            was = lessons.score(learner)
            self._train(learner, lessons)
            if lessons.score(learner) >= was:
                learner.load_state_dict(before)
                self._notes = ("Tuning on these series did not pay: the pretrained network stayed as it was.",)
        self._keep(learner.state_dict())

    def _train(self, learner: Network, lessons: Lessons) -> None:
        setup = self.setup
        steps = STEPS if setup.budget is None else MOST_STEPS
        schedule = Schedule(steps, RATE, seconds=setup.budget or SECONDS, warmup=0.1)
        train(learner, lambda: loss(learner, lessons.draw()), schedule, seed=setup.seed, progress=setup.progress)

    @property
    def network(self) -> Forward:
        """What it forecasts with. RuntimeError before `fit`."""
        if self._network is None:
            raise RuntimeError("the model is not fitted: call fit first")
        return self._network

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series. RuntimeError before `fit`."""
        return forecast_panel(self.network, panel, self.setup, self.name, self._notes)

    def following(self) -> Predictor:
        """Itself: nothing is remembered."""
        return self

    @property
    def weights(self) -> Mapping[str, Singles]:
        """Of the network, by name; nothing before `fit`."""
        return {name: tensor.numpy() for name, tensor in self._weights.items()}

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """The weights, and the factors on the reach of intervals that came with what was tuned."""
        return self._weights, {REACH: list(self._reach)} if self._reach else {}

    def _keep(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
        self._network = Forward(Sizes.of(self.weights), self.weights, self._reach)

    @classmethod
    def restored(cls, setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
        """The model of a file. Raises InputError for one that describes another."""
        model, learner = cls(setup), Network(Sizes.of(pretrained_weights()))
        model._reach = _reach_of(settings)
        fill(learner, tensors, torch.float32)
        check_finite(learner.state_dict())
        model._keep(learner.state_dict())
        return model


def _reach_of(settings: Mapping[str, Any]) -> tuple[float, ...]:
    """The factors that the settings of a file hold. Raises InputError for any that are none, and for other settings."""
    reach = settings.get(REACH, [])
    fits = isinstance(reach, list) and len(reach) in (0, MIDDLE) and all(map(_is_factor, reach))
    if set(settings) - {REACH} or not fits:
        raise InputError(f"a tuned model has no settings beside {MIDDLE} factors above 0 on the reach of its intervals")
    return tuple(reach)


def _is_factor(value: object) -> bool:
    return isinstance(value, float) and 0 < value < np.inf


class Lessons:
    """Stretches of series, drawn at random.

    series: those that are long enough.
    """

    def __init__(self, series: Sequence[Floats], setup: Setup) -> None:
        self.setup, self.rng = setup, np.random.default_rng(setup.seed)
        self.series = [values for values in series if len(values) >= LEAST * setup.horizon]
        self.season, self.second = seasons_told(setup, max(map(len, self.series), default=0))
        self.longest = MOST_PATCHES * PARTS * width(self.season) + setup.horizon

    def draw(self) -> Batch:
        """A batch of stretches that end anywhere before the last horizon."""
        horizon = self.setup.horizon
        rows = np.full((ROWS, self.longest), np.nan)
        for row in rows:
            values = self.series[self.rng.integers(len(self.series))][:-horizon]
            end = self.rng.integers(min(len(values), 2 * horizon), len(values) + 1)
            stretch = values[max(end - self.longest, 0) : end]
            row[len(row) - len(stretch) :] = stretch
        batch = batch_of(rows, self.season, self.second, horizon, self.rng)
        return together([batch], PLACES, self.rng)

    def score(self, learner: Network) -> float:
        """The pinball loss in the last horizon of some series, each in its own steps."""
        arrays = {name: tensor.numpy() for name, tensor in learner.state_dict().items()}
        setup, series = self.setup, self.series[:MOST_SCORED]
        past = [values[: -setup.horizon] for values in series]
        network = Forward(Sizes.of(arrays), arrays, pretrained_reach())
        found = forecast_told(network, past, setup)
        actual = np.stack([values[-setup.horizon :] for values in series])
        scale = np.array([seasonal_scale(values, setup.season) for values in past])
        errors = (actual[..., None] - found) / scale[:, None, None]
        costs = np.maximum(np.array(LEVELS) * errors, (np.array(LEVELS) - 1) * errors)
        return float(np.nanmean(np.where(np.isfinite(costs), costs, np.nan)))
