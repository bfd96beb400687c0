"""Forecasts that need no learning: lags, means, drifts, smoothed levels and trends, each from any time of any series.

All are linear in the past or scale with it, so that a series times two plus three is forecast as that forecast times
two plus three. The network weighs them (`network.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....tables.panel import Floats
from .smoothing import FILTERS, Smoothed, smooth
from .sums import Sums, Whole, carried, gather, later

EXPERTS = (
    "last value",
    "season before",
    "two seasons before",
    "mean of four seasons",
    "mean of twelve seasons",
    "season before and its drift",
    "season before and its growth",
    "season on the last value",
    "season on a slow level",
    "season on a level",
    "season on a quick level",
    "season on a trend",
    "season on a quick damped trend",
    "season on a slow trend",
    "theta",
    "drift",
    "short line",
    "long line",
    "season on the mean",
    "growth",
    "swelling season",
    "lowest value",
    "second season before",
    "mean of second seasons",
    "second season before on this level",
    "second season on a level",
    "second season on the last value",
    "season before on the last value",
    "season before on this level",
    "smoothed seasons",
)

TRUSTED = ("season before", "mean of four seasons", "season on a level", "season on a quick level", "theta")
"""The experts that a network without experience listens to."""

SEASONS = 4
MANY_SEASONS = 12
NEAR = 16
"""A place in a season is near another within this part of it."""


@dataclass(frozen=True)
class Series:
    """Many series of one season, side by side.

    values: (B, T), NaN where missing or not yet begun, and past the end. season: observations in one. second: in the
    longer season, 1 for none.
    """

    values: Floats
    season: int
    second: int = 1

    @cached_property
    def first(self) -> Whole:
        """The place of the first observation, (B, 1)."""
        return np.argmax(~np.isnan(self.values), axis=1)[:, None]

    @cached_property
    def latest(self) -> Floats:
        """Each value, or the latest present one."""
        return carried(self.values)

    @cached_property
    def sums(self) -> Sums:
        """Of the values."""
        return Sums(self.values)

    @cached_property
    def squares(self) -> Sums:
        """Of their squares."""
        return Sums(self.values**2)

    @cached_property
    def lowest(self) -> Floats:
        """The lowest value so far."""
        return np.fmin.accumulate(self.values, axis=1)

    @cached_property
    def cycle(self) -> Cycle:
        """The season."""
        return Cycle(self, self.season)

    @cached_property
    def long_cycle(self) -> Cycle:
        """The second season."""
        return Cycle(self, self.second)

    @property
    def smoothed(self) -> Smoothed:
        """The values without their season, by all `FILTERS`."""
        return self._smoothed[0]

    @property
    def risen(self) -> Smoothed:
        """Rises from one season to the next, by one filter."""
        return self._smoothed[1]

    @property
    def long_smoothed(self) -> Smoothed:
        """What the second season leaves of the values, by one filter."""
        return self._smoothed[2]

    @cached_property
    def _smoothed(self) -> list[Smoothed]:
        found = [(self.cycle.adjusted, FILTERS), (self.cycle.rises, FILTERS[1:2])]
        if self.second > 1:
            found.append((self.long_cycle.surprises, FILTERS[1:2]))
        return smooth(*found)

    @cached_property
    def steps(self) -> Sums:
        """Of distances from each value to the one before."""
        return Sums(_distances(self.values, 1))

    @cached_property
    def seasonal_steps(self) -> Sums:
        """Of distances from each value to that one season before."""
        return self.steps if self.season == 1 else Sums(_distances(self.values, self.season))

    @cached_property
    def stillness(self) -> Sums:
        """Of ones where a value repeats the one before."""
        moved = _distances(self.values, 1)
        return Sums(np.where(np.isnan(moved), np.nan, moved == 0))

    @cached_property
    def long_steps(self) -> Sums:
        """Of distances from each value to that one second season before."""
        return Sums(_distances(self.values, self.second))


class Cycle:
    """One season of series: what each place in it was like before."""

    def __init__(self, series: Series, season: int) -> None:
        self.series, self.season = series, season
        self.carried = carried(series.values, season)
        self.sums = Sums(series.values, stride=season)

    @cached_property
    def distances(self) -> Sums:
        """Of distances from each value to that one season before, by the place in the season."""
        return Sums(_distances(self.series.values, self.season), stride=self.season)

    def lag(self, origin: Whole, ahead: Whole, seasons: int) -> Floats:
        """The value so many seasons before, for steps (B, P, H) ahead of origins (B, P)."""
        return gather(self.carried, self._target(origin, ahead) - seasons * self.season)

    def mean(self, origin: Whole, ahead: Whole, seasons: Whole | int) -> Floats:
        """The mean over the latest seasons at the place of each step."""
        target = self._target(origin, ahead)
        return self.sums.mean(target - seasons * self.season, target)

    def smoothed(self, origin: Whole, ahead: Whole) -> Floats:
        """The mean of the latest two seasons around the place of each step."""
        target, near = self._target(origin, ahead), self.season // NEAR
        places = [target - before * self.season for before in (1, 2)]
        one, two = (
            self.series.sums.mean(place - near, np.minimum(place + near + 1, origin[..., None])) for place in places
        )
        return np.where(np.isnan(one), two, np.where(np.isnan(two), one, (one + two) / 2))

    def unrest(self, origin: Whole, ahead: Whole) -> Floats:
        """The mean distance from a value to that one season before, at the place of each step."""
        target = self._target(origin, ahead)
        return self.distances.mean(target - SEASONS * self.season, target)

    def _target(self, origin: Whole, ahead: Whole) -> Whole:
        """The place of each step in the season after the origin."""
        return origin[..., None] + (ahead - 1) % self.season

    def seasons(self, origin: Whole) -> Whole:
        """Whole seasons before an origin, at most so many as are looked at."""
        return np.clip((origin - self.series.first) // self.season, 0, SEASONS)

    def level(self, origin: Whole, before: Whole | int = 0) -> Floats:
        """The mean of the season that ended so many seasons before an origin."""
        end = origin - before * self.season
        return self.series.sums.mean(end - self.season, end)

    def seasonal(self, origin: Whole, ahead: Whole) -> Floats:
        """How far the place of each step lies from the level, (B, P, H), without the trend within a season."""
        if self.season == 1:
            return np.zeros(np.broadcast_shapes((*origin.shape, 1), ahead.shape))
        count = self.seasons(origin)
        level = self.series.sums.mean(origin - count * self.season, origin)
        rise = self.level(origin) - self.level(origin, np.maximum(count - 1, 0))
        slope = np.where(count > 1, rise / (np.maximum(count - 1, 1) * self.season), 0.0)
        place = (ahead - 1) % self.season - (self.season - 1) / 2
        found = self.mean(origin, ahead, count[..., None]) - level[..., None] - slope[..., None] * place
        return np.nan_to_num(found)

    @cached_property
    def adjusted(self) -> Floats:
        """The values without their season, each by what was known before it, (B, T)."""
        return self.series.values - self.seasonal(*self._each())[..., 0]

    @cached_property
    def rises(self) -> Floats:
        """How far the values are above those one season before, (B, T)."""
        values, season = self.series.values, self.season
        return later(values[:, season:] - self.carried[:, :-season], values.shape)

    @cached_property
    def surprises(self) -> Floats:
        """The values less the mean of the latest seasons at their place, (B, T)."""
        return self.series.values - self.mean(*self._each(), SEASONS)[..., 0]

    def _each(self) -> tuple[Whole, Whole]:
        batch, length = self.series.values.shape
        return np.broadcast_to(np.arange(length), (batch, length)), np.ones((1, 1, 1), np.int64)


def forecasts(series: Series, origin: Whole, ahead: Whole) -> Floats:
    """What every expert expects (EXPERTS, B, P, H), NaN where it has nothing to say.

    Args:
        series: The series.
        origin: How many observations are known, (B, P): the forecast sees ``values[:, :origin]``.
        ahead: Steps, counted from 1, (B, P, H) or what broadcasts to it.
    """
    ahead = np.broadcast_to(ahead, (*origin.shape, ahead.shape[-1]))
    parts = [*_plain(series, origin, ahead), *_smooth(series, origin, ahead), *_lines(series, origin, ahead)]
    parts += [*_shapes(series, origin, ahead), *_second(series, origin, ahead), *_before(series, origin, ahead)]
    return np.stack([np.broadcast_to(part, ahead.shape) for part in parts])


def _plain(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    cycle = series.cycle
    one, two = cycle.lag(origin, ahead, 1), cycle.lag(origin, ahead, 2)
    later = 1 + (ahead - 1) // series.season
    drift = (cycle.level(origin) - cycle.level(origin, 1))[..., None]
    means = [cycle.mean(origin, ahead, many) for many in (SEASONS, MANY_SEASONS)]
    return [
        gather(series.latest, origin - 1)[..., None],
        one,
        two,
        *means,
        one + later * drift,
        one + later * (one - two),
    ]


def _smooth(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    season = series.cycle.seasonal(origin, ahead)
    last = gather(carried(series.cycle.adjusted), origin - 1)[..., None]
    found = [season + last]
    for number, (_, turn, damping) in enumerate(FILTERS):
        level, trend = series.smoothed.level(number, origin), series.smoothed.trend(number, origin)
        steps = ahead if damping == 1 else damping * (1 - damping**ahead) / (1 - damping)
        found.append(season + level + (trend * steps if turn else 0.0))
    return found


def _lines(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    season, length = series.season, origin - series.first
    seasonal = series.cycle.seasonal(origin, ahead)
    level = series.smoothed.level(1, origin)
    last = gather(series.latest, origin - 1)[..., None]
    opening = gather(series.values, np.broadcast_to(series.first, origin.shape))[..., None]
    long, slope = _slope(series, origin, np.minimum(length, max(8 * season, 48)))
    short, steep = _slope(series, origin, np.minimum(length, max(2 * season, 8)))
    return [
        seasonal + level + slope / 2 * ahead,
        last + (last - opening) / np.maximum(length - 1, 1)[..., None] * ahead,
        seasonal + _line(series, origin, short, steep, ahead),
        seasonal + _line(series, origin, long, slope, ahead),
        seasonal + series.sums.mean(np.zeros_like(origin), origin)[..., None],
    ]


def _slope(series: Series, origin: Whole, length: Whole) -> tuple[Whole, Floats]:
    """The length of whole seasons looked at (B, P), and the slope between the means of its halves (B, P, 1)."""
    half = series.season * (length // (2 * series.season))
    rise = series.sums.mean(origin - half, origin) - series.sums.mean(origin - 2 * half, origin - half)
    return 2 * half, np.nan_to_num(rise / np.maximum(half, 1))[..., None]


def _line(series: Series, origin: Whole, length: Whole, slope: Floats, ahead: Whole) -> Floats:
    length = np.where(length > 0, length, np.maximum(origin - series.first, 1))
    return series.sums.mean(origin - length, origin)[..., None] + slope * ((length[..., None] - 1) / 2 + ahead)


def _shapes(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    seasonal = series.cycle.seasonal(origin, ahead)
    level, trend = series.smoothed.level(4, origin), series.smoothed.trend(4, origin)
    swollen = seasonal * _swelling(series, origin)[..., None] + level + trend * 9 * (1 - 0.9**ahead)
    return [seasonal + _growth(series, origin, ahead), swollen, gather(series.lowest, origin - 1)[..., None]]


def _growth(series: Series, origin: Whole, ahead: Whole) -> Floats:
    """What goes on as c + a q^t through the means of the latest three equal stretches."""
    season = series.season
    length = np.minimum(origin - series.first, max(6 * season, 36))
    block = np.maximum(season * (length // (3 * season)), 1)
    means = [series.sums.mean(origin - (k + 1) * block, origin - k * block) for k in range(3)]
    late, early = means[0] - means[1], means[1] - means[2]
    ratio = np.clip(np.divide(late, early, out=np.ones_like(late), where=early != 0), 0.05, 4.0)
    rate = np.log(ratio) / block
    rate = np.where(np.abs(rate) < 1e-9, 1e-9, rate)
    through, one = -np.expm1(-block * rate), -np.expm1(-rate)
    now = late / through * block * one / through
    rise = now[..., None] * np.expm1(np.clip(rate[..., None] * ahead, -30, 30))
    return (means[0] + now * (1 - through / (block * one)))[..., None] + rise


def _swelling(series: Series, origin: Whole) -> Floats:
    """How much wider the latest season was than the mean of those looked at, (B, P)."""
    season, count = series.season, series.cycle.seasons(origin)

    def width(before: int) -> Floats:
        end = origin - before * season
        square = series.squares.mean(end - season, end)
        return np.maximum(square - series.cycle.level(origin, before) ** 2, 0.0)

    widths = np.stack([np.where(before < count, width(before), 0.0) for before in range(SEASONS)])
    mean = np.nansum(widths, axis=0) / np.maximum(count, 1)
    ratio = np.divide(np.nan_to_num(widths[0]), mean, out=np.ones_like(mean), where=mean > 0)
    return np.clip(np.sqrt(ratio), 0.5, 2.0)


def _second(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    if series.second == 1:
        return [np.full((1, 1, 1), np.nan)] * 5
    cycle = series.long_cycle
    before, mean = cycle.lag(origin, ahead, 1), cycle.mean(origin, ahead, SEASONS)
    now = series.sums.mean(origin - series.season, origin)
    then = series.sums.mean(origin - series.season - series.second, origin - series.second)
    level = series.long_smoothed.level(0, origin)
    last = gather(carried(cycle.surprises), origin - 1)[..., None]
    return [before, mean, before + (now - then)[..., None], mean + level, mean + last]


def _before(series: Series, origin: Whole, ahead: Whole) -> list[Floats]:
    cycle = series.cycle
    before, last = cycle.lag(origin, ahead, 1), gather(carried(cycle.rises), origin - 1)[..., None]
    level = series.risen.level(0, origin)
    return [before + last, before + level, cycle.smoothed(origin, ahead)]


def _distances(values: Floats, lag: int) -> Floats:
    """How far each value is from the one so many before, (B, T)."""
    return later(np.abs(values[:, lag:] - values[:, :-lag]), values.shape)
