"""The pretrained network as a contestant: it forecasts series that it never saw, and learns nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ....tables.panel import Floats, Panel
from ..evaluation.calibration import stretched
from ..model import Predictor, Setup
from ..results import Quantiles
from .experts import MANY_SEASONS, SEASONS
from .forward import Forward
from .network import LEVELS, MIDDLE
from .sums import Singles, Whole
from .tokens import PARTS, TINY, Reading, Steps, centred, grid, width
from .weights import pretrained, pretrained_weights

if TYPE_CHECKING:
    from torch import Tensor

TOGETHER = 128
"""Series that are forecast at a time."""
MOST_PATCHES = 64
LEAST_TOLD = 1.25
"""Seasons that a series must have to be told of one that the data do not show."""
DAYS_IN_A_WEEK, DAYS_IN_A_YEAR, LEAST_TIMES_OF_DAY = 7, 365, 24


class PretrainedModel:
    """The network that comes with the package, for one setup: nothing is learned by `fit`."""

    name = "Pretrained"
    needs = 3

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.network = pretrained()

    @property
    def weights(self) -> Mapping[str, Singles]:
        """Of the network, by name."""
        return pretrained_weights()

    def fit(self, panel: Panel) -> None:
        """Do nothing: it was trained before."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series."""
        return forecast_panel(self.network, panel, self.setup, self.name)

    def following(self) -> Predictor:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """Nothing: the weights are in the package."""
        return {}, {}


def forecast_panel(network: Forward, panel: Panel, setup: Setup, name: str, notes: tuple[str, ...] = ()) -> Quantiles:
    """The network's forecast of a panel as that of a model of this name."""
    found = forecast_told(network, panel.observed, setup)
    return Quantiles(name, setup.levels, found @ between(setup.levels).T, notes)


def forecast_told(network: Forward, histories: Sequence[Floats], setup: Setup) -> Floats:
    """The quantiles at `LEVELS` of the steps after each series, each told its seasons, (S, horizon, LEVELS).

    The mean of the quantiles of all its `readings`.
    """
    histories = [since_first(values) for values in histories]
    told = [readings(network, setup, len(values)) for values in histories]
    found = np.empty((len(histories), setup.horizon, len(LEVELS)))
    for seasons in dict.fromkeys(told):
        rows = [row for row, own in enumerate(told) if own == seasons]
        those = [histories[row] for row in rows]
        found[rows] = np.mean([forecast(network, those, *each, setup.horizon) for each in seasons], axis=0)
    return found


def forecast(network: Forward, histories: Sequence[Floats], season: int, second: int, horizon: int) -> Floats:
    """The quantiles at `LEVELS` of the steps after each series, (S, horizon, LEVELS).

    Args:
        network: The network.
        histories: The series, S of them, with NaN for what is missing.
        season: Observations in one season, 1 for none.
        second: Observations in a longer one, 1 for none.
        horizon: Steps to forecast.
    """
    order = np.argsort([len(values) for values in histories], kind="stable")
    values = np.empty((len(histories), horizon, len(LEVELS)))
    for start in range(0, len(order), TOGETHER):
        rows = order[start : start + TOGETHER]
        values[rows] = _upright(network, [histories[row] for row in rows], season, second, horizon)
    return values


def _upright(network: Forward, histories: Sequence[Floats], season: int, second: int, horizon: int) -> Floats:
    """The mean of the forecast and of that of the series upside down, so that neither direction is favoured."""
    both = [*histories, *(-values for values in histories)]
    question = ask(both, season, second, horizon)
    found = network.quantiles(*network.read(question.reading.tokens, question.counts), question.steps)
    return both_ways(answered(found, question), network.reach)


def both_ways(values: Floats, reach: tuple[float, ...]) -> Floats:
    """The forecast (S, H, LEVELS) of those of series and, behind them, of the series upside down, (2 S, H, LEVELS).

    reach: factors on that of its intervals, see `Forward`.
    """
    count = len(values) // 2
    mean = (values[:count] - values[count:, :, ::-1]) / 2
    return stretched(mean, np.array([*reach[::-1], 1.0, *reach])) if reach else mean


def answered(found: Singles, question: Asked) -> Floats:
    """What the network answers, as values of the series."""
    return found.astype(np.float64) * question.unit[:, None, None] + question.level[:, None, None]


class Asked(NamedTuple):
    """What the network is asked about S series. reading: of their patches, of which each has so many, counts (S,).

    steps: those ahead of the end of each. level, unit: (S,), by which its answers become values of the series.
    """

    reading: Reading
    counts: Whole
    steps: Steps
    level: Floats
    unit: Floats


def ask(histories: Sequence[Floats], season: int, second: int, horizon: int) -> Asked:
    """See `Asked`."""
    return asked(*side_by_side(histories, furthest(season, second)), season, second, horizon)


def asked(
    values: Floats, lengths: Whole, season: int, second: int, horizon: int, read: type[Reading] = Reading
) -> Asked:
    """What the network is asked about series side by side (S, T), as `side_by_side` lays them, or `Late` reads them."""
    series, first = centred(values, season, second)
    reading, counts = read(series, grid(lengths, season, MOST_PATCHES)), patches(lengths, season)
    steps = reading.steps(counts[:, None] - 1, np.arange(1, horizon + 1)).at(0)
    unit = np.where(steps.unit > TINY, steps.unit, 0.0)  # what never moved does not move
    return Asked(reading, counts, steps, steps.level + first[:, 0], unit)


def readings(network: Forward, setup: Setup, length: int) -> tuple[tuple[int, int], ...]:
    """The seasons with which the network reads a series of so many observations: those that it is told, and beside them
    those to which it was tuned, where a series is long enough to be told what others are."""
    told = seasons_told(setup, length)
    return (told, network.also) if network.also and told == seasons_told(setup, sys.maxsize) else (told,)


def seasons_told(setup: Setup, length: int) -> tuple[int, int]:
    """The season that the network is told of a series of so many observations, and a longer one; 1 for none.

    Where the data do not show the calendar's it is told nevertheless, of series of `LEAST_TOLD` seasons: it has learned
    what to make of one that may not be there, and on the validation suite that made its error smaller.
    """
    told = setup.season == 1 and length >= LEAST_TOLD * setup.unshown
    return seasons_shown(replace(setup, season=setup.unshown) if told else setup)


def seasons_shown(setup: Setup) -> tuple[int, int]:
    """The season, and a longer one: that of the data, or else that of the calendar."""
    return setup.season, setup.longer[0] if setup.longer else second_season(setup.season)


def second_season(season: int) -> int:
    """The longer season that times of day and days of a week have, 1 for none."""
    if season == DAYS_IN_A_WEEK:
        return DAYS_IN_A_YEAR
    return DAYS_IN_A_WEEK * season if season % LEAST_TIMES_OF_DAY == 0 else 1


def furthest(season: int, second: int) -> int:
    """How far back a forecast looks."""
    return max(MOST_PATCHES * PARTS * width(season), (MANY_SEASONS + 1) * season, (SEASONS + 1) * second)


def longest(network: Forward, setup: Setup) -> int:
    """Observations of a long series that a forecast looks back on."""
    return max(furthest(*seasons) for seasons in readings(network, setup, sys.maxsize))


def patches(lengths: Whole, season: int) -> Whole:
    """How many patches of series are read, (S,)."""
    return np.minimum(-(-lengths // (PARTS * width(season))), MOST_PATCHES)


def since_first(values: Floats) -> Floats:
    """Values from the first observation on; all of them where there is none."""
    return values[int(np.argmax(~np.isnan(values))) :]


def side_by_side(series: Sequence[Floats], most: int) -> tuple[Floats, Whole]:
    """The latest values of each, at most so many, from the first observation among them on, and how many these are.

    (S, T), with NaN behind them.
    """
    recent = [since_first(values[-most:]) for values in series]
    lengths = np.array([len(values) for values in recent])
    table = np.full((len(series), lengths.max()), np.nan)
    for row, values in zip(table, recent, strict=True):
        row[: len(values)] = values
    return table, lengths


def between(levels: tuple[float, ...]) -> Floats:
    """How quantiles at ``levels`` are mixed from those at `LEVELS`, (levels, LEVELS).

    Linear in the quantiles of the normal distribution, between neighbours and beyond the outermost from the median.
    """
    normal = NormalDist()
    known = np.array([normal.inv_cdf(level) for level in LEVELS])
    mixed = np.zeros((len(levels), len(LEVELS)))
    for row, level in zip(mixed, levels, strict=True):
        wanted = normal.inv_cdf(level)
        high = int(np.clip(np.searchsorted(known, wanted), 1, len(known) - 1))
        low = high - 1
        if not known[0] <= wanted <= known[-1]:
            low, high = (MIDDLE, len(known) - 1) if wanted > 0 else (MIDDLE, 0)
        share = (wanted - known[low]) / (known[high] - known[low])
        row[low] += 1 - share
        row[high] += share
    return mixed
