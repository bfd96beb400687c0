"""What the network is told: a series in patches, and each step ahead as the experts see it.

Every number is relative to the level and the spread that were known at its time, so that scale and place of a series
do not matter, and what was read stays read when more comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ....tables.panel import Floats
from .experts import EXPERTS, Series, forecasts
from .sums import Flags, Singles, Whole, gather

PARTS = 8
"""Values that stand for a patch: each the mean of some observations."""
RECENT = 4
"""Latest observations that are told as they are."""
FINEST_SEASON = 20
TINY = 1e-300
WILDEST = 8.0
"""How many spreads an expert may expect a value to be from the level, and a step more with each step ahead."""
FARTHEST = 12.0
"""The largest number that is told of a patch."""


def width(season: int) -> int:
    """Observations that one of a patch's parts is the mean of: a season is read in at most `FINEST_SEASON` parts."""
    return max(1, -(-season // FINEST_SEASON))


def grid(lengths: Whole, season: int, most: int | None = None) -> Whole:
    """Where patches end (B, N), the last at the end of each series; those of shorter series are followed by it again.

    most: patches looked at, the latest of each series.
    """
    step = PARTS * width(season)
    counts = -(-lengths // step)
    if most:
        counts = np.minimum(counts, most)
    behind = np.maximum(counts[:, None] - 1 - np.arange(counts.max()), 0)
    return lengths[:, None] - behind * step


@dataclass(frozen=True)
class Scales:
    """On what scale the past is read at origins (B, P).

    level: the mean of the latest season. spread: how far the latest seasons are from their mean. step: the typical
    distance between seasons, which is the unit of forecasts and errors. plain, second: that between neighbours and
    between second seasons.
    """

    level: Floats
    spread: Floats
    step: Floats
    plain: Floats
    second: Floats


def scales(series: Series, origin: Whole) -> Scales:
    """See `Scales`. A constant past has the spread `TINY`."""
    season = series.season
    window = max(2 * season, 32)
    mean, square = (part.mean(origin - window, origin) for part in (series.sums, series.squares))
    spread = np.maximum(np.sqrt(np.maximum(np.nan_to_num(square - mean**2), 0.0)), TINY)
    far = max(4 * season, 64)
    plain = np.nan_to_num(series.steps.mean(origin - far, origin))
    seasonal = series.seasonal_steps.mean(origin - far, origin)
    known = series.seasonal_steps.count(origin - far, origin) >= 3
    step = np.maximum(np.where(known, np.nan_to_num(seasonal), plain), 1e-2 * spread)
    second = series.long_steps.mean(origin - 4 * series.second, origin) if series.second > 1 else step
    level = series.sums.mean(origin - max(season, PARTS), origin)
    level = np.where(np.isnan(level), gather(series.latest, origin - 1), level)
    return Scales(np.nan_to_num(level), spread, step, plain, np.where(np.isnan(second), step, second))


@dataclass(frozen=True)
class Steps:
    """Steps ahead of origins, as the experts see them.

    experts: (B, P, H, E) in units from the level. valid: where they say something. features: (B, P, H, F).
    level, unit: what a unit is, (B, P).
    """

    experts: Singles
    valid: Flags
    features: Singles
    level: Floats
    unit: Floats

    def at(self, place: int) -> Steps:
        """Those of one of the P origins of each series."""
        return Steps(*(part[:, place] for part in vars(self).values()))


STEP_FEATURES = 2 * len(EXPERTS) + 7
TOKEN_FEATURES = 2 * PARTS + RECENT + 2 * len(EXPERTS) + 17


@dataclass(frozen=True)
class Reading:
    """Series read at the ends of patches.

    ends: (B, N), how many observations are known at each token.
    """

    series: Series
    ends: Whole

    @cached_property
    def scales(self) -> Scales:
        """On what scale each token is read."""
        return scales(self.series, self.ends)

    @cached_property
    def advances(self) -> Whole:
        """Observations that are new with each token, of those that a patch has."""
        new = np.diff(self.ends, axis=1, prepend=self.series.first)
        return np.minimum(new, PARTS * width(self.series.season))

    @property
    def asked(self) -> Whole:
        """How many observations were known when the experts were asked what each patch would bring."""
        return self.ends - self.advances

    @property
    def bounds(self) -> Whole:
        """Where the parts of each patch begin, (B, N, PARTS)."""
        return self.ends[..., None] - width(self.series.season) * np.arange(PARTS, 0, -1)

    @cached_property
    def parts(self) -> Floats:
        """The means of each patch's parts, (B, N, PARTS), NaN where nothing was observed."""
        return self.series.sums.mean(self.bounds, self.bounds + width(self.series.season))

    @cached_property
    def tokens(self) -> Singles:
        """What is told of each patch, (B, N, TOKEN_FEATURES), float32."""
        parts = [*self._values(), *self._errors(), self._state()]
        return np.clip(np.concatenate(parts, axis=-1), -FARTHEST, FARTHEST).astype(np.float32)

    def steps(self, rows: Whole, ahead: Whole) -> Steps:
        """Steps ``ahead`` (H,) of the tokens ``rows`` (B, P)."""
        origin = np.take_along_axis(self.ends, rows, axis=1)
        now = Scales(*(np.take_along_axis(part, rows, axis=1) for part in vars(self.scales).values()))
        ahead = ahead[None, None]
        found = np.moveaxis(forecasts(self.series, origin, ahead), 0, -1)
        unit, level = now.step[..., None, None], now.level[..., None, None]
        valid = ~np.isnan(found)
        season = self.series.season
        ahead = np.broadcast_to(ahead, found.shape[:-1])
        farthest = (WILDEST * relative(now.spread, now.step)[..., None] + ahead)[..., None]
        experts = np.clip(np.nan_to_num(relative(found - level, unit)), -farthest, farthest)
        middle = (experts * valid).sum(axis=-1) / np.maximum(valid.sum(axis=-1), 1)
        apart = (np.abs(experts - middle[..., None]) * valid).sum(axis=-1) / np.maximum(valid.sum(axis=-1), 1)
        extra = np.stack(
            [
                np.log(ahead) / 4,
                np.minimum(ahead / season, 8) / 4,
                1 / ahead,
                _log_ratio(self.series.cycle.unrest(origin, ahead), now.step[..., None]),
                np.log(season) / 6 + np.zeros_like(ahead),
                np.log1p(apart),
                np.minimum(ahead / np.maximum(origin - self.series.first, 1)[..., None], 2),
            ],
            axis=-1,
        )
        features = np.concatenate([np.arcsinh(experts), valid, extra], axis=-1)
        # numpy computes in a temporary array, and with its order in memory, where one is large: sums over experts would
        # have other bits in much company
        singles, flags = experts.astype(np.float32, order="C"), np.copy(valid, order="C")
        return Steps(singles, flags, features.astype(np.float32), now.level, now.step)

    def before(self, part: Floats) -> Floats:
        """What it was at the token before, (B, N); at the first, what it is."""
        return np.concatenate([part[:, :1], part[:, :-1]], axis=1)

    def _values(self) -> list[Floats]:
        """Means of a patch's parts, how much of them is there, and the latest observations."""
        wide, bounds = width(self.series.season), self.bounds
        level, spread = self.scales.level[..., None], self.scales.spread[..., None]
        means = relative(self.parts - level, spread)
        share = self.series.sums.count(bounds, bounds + wide) / wide
        recent = gather(self.series.latest, self.ends[..., None] - np.arange(RECENT, 0, -1))
        recent = relative(recent - level, self.scales.step[..., None])
        return [np.arcsinh(np.nan_to_num(means)), share, np.arcsinh(np.nan_to_num(recent))]

    def _errors(self) -> list[Floats]:
        """How far the experts, asked at the token before, were from what came: with sign, and without."""
        ahead = width(self.series.season) * np.arange(1, PARTS + 1)
        before = self.asked
        came = before[..., None] + ahead - 1
        values = np.where(came < self.ends[..., None], gather(self.series.values, came), np.nan)
        unit = self.before(self.scales.step)[..., None]
        errors = relative(forecasts(self.series, before, ahead[None, None]) - values, unit)
        there = ~np.isnan(errors)
        count = np.maximum(there.sum(axis=-1), 1)
        errors = np.where(there, errors, 0.0)
        signed, size = errors.sum(axis=-1) / count, np.abs(errors).sum(axis=-1) / count
        return [np.moveaxis(np.arcsinh(signed), 0, -1), np.moveaxis(np.log1p(size), 0, -1)]

    def _state(self) -> Floats:
        """Season, length, scales and how they change."""
        series, ends, now = self.series, self.ends, self.scales
        was = Scales(*map(self.before, vars(now).values()))
        length, season, second = ends - series.first, series.season, series.second
        wide = max(2 * season, 32)
        same = series.sums.count(ends - wide, ends)
        low = gather(series.lowest, ends - 1)
        ones = np.ones(ends.shape)
        parts = [
            np.arcsinh(relative(now.level - was.level, was.spread)) / 2,
            _log_ratio(now.spread, was.spread),
            _log_ratio(now.step, was.step),
            _log_ratio(now.step, now.spread),
            _log_ratio(now.plain, now.step),
            _log_ratio(now.second, now.step),
            np.arcsinh(relative(now.level - low, now.spread)) / 2,
            np.arcsinh(relative(gather(series.latest, ends - 1) - low, now.spread)) / 2,
            same / wide,
            ones * np.log(season) / 6,
            ones * (season == 1),
            ones * np.log(second) / 8,
            (length >= 2 * second) * (second > 1) * ones,
            np.log1p(length) / 6,
            np.minimum(length / season, 16) / 8,
            self.advances / (PARTS * width(season)),
            self._still(ends, wide),
        ]
        return np.stack(np.broadcast_arrays(*parts), axis=-1)

    def _still(self, ends: Whole, wide: int) -> Floats:
        """How much of the past repeats the value before it."""
        return np.nan_to_num(self.series.stillness.mean(ends - wide, ends))


class Late(Reading):
    """Series that end together and may begin late: read as from their first observation, the tokens before it skipped.

    As `Reading` of each without what is missing at its beginning, where patches end a whole patch apart.
    """

    @cached_property
    def begun(self) -> Flags:
        """Which tokens there are, (B, N)."""
        return self.ends > self.series.first

    @cached_property
    def advances(self) -> Whole:
        """See `Reading`."""
        return np.clip(self.ends - self.series.first, 0, PARTS * width(self.series.season))

    @property
    def asked(self) -> Whole:
        """See `Reading`; before the first observation, which experts know nothing of, one time is as another."""
        return self.ends - PARTS * width(self.series.season)

    def before(self, part: Floats) -> Floats:
        """See `Reading`."""
        begun = np.concatenate([np.zeros((len(part), 1), np.bool_), self.begun[:, :-1]], axis=1)
        return np.where(begun, super().before(part), part)


def _log_ratio(part: Floats, whole: Floats) -> Floats:
    """The logarithm of a ratio, within six."""
    return np.clip(np.log(np.maximum(np.nan_to_num(part), TINY)) - np.log(np.maximum(whole, TINY)), -6, 6) / 2


def relative(values: Floats, unit: Floats) -> Floats:
    """Values in units, of which one may be next to nothing: within a billion."""
    with np.errstate(over="ignore"):
        return np.clip(values / unit, -1e9, 1e9)


def centred(values: Floats, season: int, second: int = 1) -> tuple[Series, Floats]:
    """Series of values (B, T) less their first observation, and that observation (B, 1), so that no digits are lost."""
    first = np.take_along_axis(values, np.argmax(~np.isnan(values), axis=1)[:, None], axis=1)
    first = np.nan_to_num(first)
    return Series(values - first, season, second), first


def flipped(series: Series) -> Series:
    """The series upside down."""
    return replace(series, values=-series.values)
