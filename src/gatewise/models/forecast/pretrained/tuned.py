"""The pretrained network, trained a little more on the series that it is to forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .... import fields
from ....errors import InputError
from ....nn.stored import check_finite, fill
from ....tables.panel import Floats, Panel
from ....training.schedule import Schedule
from ...arguments import LONGEST_SEASON
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

RATE, SECONDS = 1e-3, 60.0
"""The highest learning rate, and seconds where no budget is given."""
PASSES = 3
"""How often an observation is learned from, at most: more made forecasts worse, however much time there was."""
ROWS, LATEST = 32, 16
"""Series in a batch, and how many of its last tokens a stretch is forecast after."""
SOUNDED, WORTH = 100, 0.99
"""Series by which it is seen whether to read them with other seasons besides, and how much less they must then cost: it
takes twice as long."""
SHARES = (1.0, 0.5)
"""Of what training changed in the weights: so much is kept as forecasts best what was held back."""
LEAST = 3
"""Horizons that a series must have to be learned from: one is held back to see whether learning paid."""
MOST_SCORED = 500
"""Series by which that is seen."""

Weights = Mapping[str, Tensor]
Seasons = tuple[int, int]
ALSO = "also"
"""What the seasons are called in a file with which series are read besides."""


class TunedModel:
    """The pretrained network after some training on a panel; where that did not pay, as it was before."""

    name = "Tuned"
    needs = 3

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._network: Forward | None = None
        self._weights: dict[str, Tensor] = {}
        self._reach: tuple[float, ...] = ()
        self._also: Seasons | None = None
        self._notes: tuple[str, ...] = ()

    def fit(self, panel: Panel) -> None:
        """Train on what lies before the last horizon of each series, and keep what is better there."""
        learner = Network(Sizes.of(pretrained_weights()))
        before = {name: torch.from_numpy(values.copy()) for name, values in pretrained_weights().items()}
        learner.load_state_dict(before)
        self._reach = pretrained_reach()
        lessons = Lessons(panel.observed, self.setup)
        if lessons.series:
            lessons.also = lessons.worthwhile(before)
            self._train(learner, lessons)
            after = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
            learner.load_state_dict(self._better(lessons, before, after))
            self._also = lessons.also
        self._keep(learner.state_dict())

    def _better(self, lessons: Lessons, before: Weights, after: Weights) -> Weights:
        """What forecasts the last horizon best: these weights, or what lies between (Wortsman et al. 2022).

        Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv:2109.01903: part of the way keeps more of what
        was learned before, which counts where the series are few or about to change.
        """
        best, least = before, lessons.score(before, lessons.also)
        for share in SHARES:
            mixed = {name: torch.lerp(tensor, after[name], share) for name, tensor in before.items()}
            if (found := lessons.score(mixed, lessons.also)) < least:
                best, least = mixed, found
        if best is before:
            self._notes = ("Tuning on these series did not pay: the pretrained network stayed as it was.",)
        return best

    def _train(self, learner: Network, lessons: Lessons) -> None:
        setup = self.setup
        schedule = Schedule(lessons.updates, RATE, seconds=setup.budget or SECONDS, warmup=0.1)
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
        """The weights, the factors on the reach of intervals that came with what was tuned, and how else it reads."""
        settings: dict[str, object] = {REACH: list(self._reach)} if self._reach else {}
        return self._weights, settings | ({ALSO: list(self._also)} if self._also else {})

    def _keep(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
        self._network = Forward(Sizes.of(self.weights), self.weights, self._reach, self._also)

    @classmethod
    def restored(cls, setup: Setup, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Model:
        """The model of a file. Raises InputError for one that describes another."""
        model, learner = cls(setup), Network(Sizes.of(pretrained_weights()))
        model._reach, model._also = _reach_of(settings), _also_of(settings)
        fill(learner, tensors, torch.float32)
        check_finite(learner.state_dict())
        model._keep(learner.state_dict())
        return model


def _reach_of(settings: Mapping[str, Any]) -> tuple[float, ...]:
    """The factors that the settings of a file hold. Raises InputError for any that are none, and for other settings."""
    reach = settings.get(REACH, [])
    fits = isinstance(reach, list) and len(reach) in (0, MIDDLE) and all(map(_is_factor, reach))
    if set(settings) - {REACH, ALSO} or not fits:
        raise InputError(
            f"a tuned model has no settings beside {MIDDLE} factors above 0 on the reach of its intervals "
            f"and the seasons with which it reads besides"
        )
    return tuple(reach)


def _also_of(settings: Mapping[str, Any]) -> Seasons | None:
    """The seasons that the settings of a file hold. Raises InputError for any that are none."""
    also = settings.get(ALSO)
    if also is None:
        return None
    if not isinstance(also, list) or len(also) != 2:
        raise InputError(f"{ALSO} is to hold two seasons")
    season, second = (fields.whole(1, most=LONGEST_SEASON)(ALSO, each) for each in also)
    return season, second


def _is_factor(value: object) -> bool:
    return isinstance(value, float) and 0 < value < np.inf


class Lessons:
    """Stretches of series, drawn at random.

    series: those that are long enough. also: a season and a longer one with which they are read besides.
    """

    def __init__(self, series: Sequence[Floats], setup: Setup) -> None:
        self.setup, self.rng = setup, np.random.default_rng(setup.seed)
        self.series = [values for values in series if len(values) >= LEAST * setup.horizon]
        self.told = seasons_told(setup, max(map(len, self.series), default=0))
        self.also: Seasons | None = None

    def draw(self) -> Batch:
        """A batch of stretches that end before the last horizon.

        Half of them end within the root of what there is: what is forecast is the next horizon, after all that came
        before it, and the latest past tells most about that.
        """
        horizon = self.setup.horizon
        ways = [self.told] if self.also is None else [self.told, self.also]
        season, second = ways[self.rng.integers(len(ways))]
        longest = MOST_PATCHES * PARTS * width(season) + horizon
        rows = np.full((ROWS, longest), np.nan)
        for row in rows:
            values = self.series[self.rng.integers(len(self.series))][:-horizon]
            room = len(values) - min(len(values), 2 * horizon) + 1
            end = len(values) + 1 - int(room ** self.rng.random())
            stretch = values[max(end - longest, 0) : end]
            row[len(row) - len(stretch) :] = stretch
        batch = batch_of(rows, season, second, horizon, self.rng, latest=LATEST)
        return together([batch], ROWS * LATEST, self.rng)

    @property
    def updates(self) -> int:
        """In which all is learned from as often as it may be."""
        return max(1, PASSES * sum(map(len, self.series)) // (ROWS * LATEST * PARTS * width(self.told[0])))

    def worthwhile(self, weights: Weights) -> Seasons | None:
        """The seasons with which some series are better read besides, None where none are.

        A network with these weights is asked. Long seasons are also read in finer patches, by a part of the season.
        """
        others = list(_others(*self.told))
        if not others:
            return None
        costs = [self.score(weights, also, SOUNDED) for also in others]
        best = int(np.argmin(costs))
        return others[best] if costs[best] < WORTH * self.score(weights, None, SOUNDED) else None

    def score(self, weights: Weights, also: Seasons | None = None, most: int = MOST_SCORED) -> float:
        """The pinball loss of a network with these weights in the last horizon of some series, each in its own steps.

        also: see `Forward`.
        """
        arrays = {name: tensor.numpy() for name, tensor in weights.items()}
        setup, series = self.setup, self.series[:: -(-len(self.series) // most)]
        past = [values[: -setup.horizon] for values in series]
        network = Forward(Sizes.of(arrays), arrays, pretrained_reach(), also)
        found = forecast_told(network, past, setup)
        actual = np.stack([values[-setup.horizon :] for values in series])
        scale = np.array([seasonal_scale(values, setup.season) for values in past])
        errors = (actual[..., None] - found) / scale[:, None, None]
        costs = np.maximum(np.array(LEVELS) * errors, (np.array(LEVELS) - 1) * errors)
        return float(np.nanmean(np.where(np.isfinite(costs), costs, np.nan)))


def _others(season: int, second: int) -> Iterator[Seasons]:
    """What series that are told these seasons may be read with besides."""
    parts = next(parts for parts in range(1, season + 1) if season % parts == 0 and width(season // parts) == 1)
    if parts > 1:
        yield season // parts, season
    if second > 1:
        yield second, 1
