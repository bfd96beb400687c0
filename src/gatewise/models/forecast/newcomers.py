"""Series without a history, forecast from the others: the more alike their descriptions, the more each counts.

The forecast is the mixture of the others' forecasts, so that its intervals hold how much series of its kind differ. How
much each column of the descriptions says is learned from the others, each of which is set aside in turn: those weights
are taken under which the mixture of the rest tells best at what level it lies (continuous ranked probability score,
Gneiting & Raftery 2007, doi:10.1198/016214506000001437). What tells nothing gets none, and without a column that does,
all others count alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, argument
from ...tables.beside import with_static
from ...tables.covariates import Covariate
from ...tables.options import ReadOptions
from ...tables.panel import Floats, Panel
from ...words import count, few, listed
from .bounds import Bounds, bounded
from .results import Quantiles

SHARPNESS = (0.0, 0.1, 0.3, 1.0, 3.0)
"""How much a column may count."""
LEAST_GAIN = 0.03
"""Share of the score by which a column has to lower it."""
ROUNDS = 2
MOST_SERIES = 300
"""By which weights are learned: as many, drawn evenly, of more."""
_PLACES = np.arange(0.5, 40) / 40
"""Probabilities at which each forecast stands for itself in a mixture."""


def forecast_new(
    forecast: Quantiles, panel: Panel, asked: str | Sequence[str], static: Any, read: ReadOptions, *, whole: bool
) -> tuple[Panel, Quantiles]:
    """Series of these names, whose one time is the end of the others, and their forecast; its note says what it is of.

    forecast: that of the panel. static: a table that describes the new series and the others, or None. whole: whether
    whole numbers only. Raises InputError for a name that has a history, and for a series without a description.
    """
    names = _names(asked, panel)
    last = panel.ends == panel.ends.max()
    others, rows = panel.select(np.flatnonzero(last)), np.flatnonzero(last)
    new = Panel(
        ids=names,
        times=tuple(others.times[0][-1:] for _ in names),
        values=tuple(np.zeros(1) for _ in names),
        **{name: getattr(panel, name) for name in ("frequency", "season", "time", "target", "id_kind")},
    )
    shares, told = np.full((len(names), len(others)), 1 / len(others)), list[str]()
    if static is not None:
        series = panel.covariates.series if panel.covariates else ""
        columns, numbers = _described(others, new, static, replace(read, id=read.id or series or None))
        is_word = np.array([bool(column.words) for column in columns])
        levels = _levels(others, forecast.values.shape[1])
        shares, sharpness = alike(numbers[: len(others)], numbers[len(others) :], is_word, levels)
        told = [repr(column.name) for column, one in zip(columns, sharpness.tolist(), strict=True) if one]
    values = mixed(forecast.values[rows], shares, forecast.levels)
    made = Quantiles(forecast.model, forecast.levels, values, (_note(names, len(others), told),))
    return new, bounded(made, np.full(len(names), -np.inf), Bounds(whole=whole))


def _described(others: Panel, new: Panel, static: Any, read: ReadOptions) -> tuple[Sequence[Covariate], Floats]:
    """The columns of a table that describes series, and its numbers and codes (S + K, C), medians for empty ones."""
    both = replace(
        others,
        ids=others.ids + new.ids,
        times=others.times + new.times,
        values=others.values + new.values,
        made=(),
        covariates=None,
    )
    found = with_static(both, static, read, 0).covariates
    assert found is not None
    numbers = np.array([one[0] for one in found.values])
    empty = np.isnan(numbers)
    middle = [np.median(own[~lacks]) if not lacks.all() else 0.0 for own, lacks in zip(numbers.T, empty.T, strict=True)]
    return found.columns, np.where(empty, middle, numbers)


def _levels(panel: Panel, horizon: int) -> Floats:
    """The mean of the latest observations of each series, over a season or a horizon, (S,)."""
    recent = max(panel.season, horizon)
    seen = [one[~np.isnan(one)][-recent:] for one in panel.observed]
    return np.array([float(one.mean()) if len(one) else 0.0 for one in seen])


def _names(asked: str | Sequence[str], panel: Panel) -> tuple[str, ...]:
    names = tuple(name.strip() for name in asked.split(",")) if isinstance(asked, str) else tuple(map(str, asked))
    if not names or not all(names) or len({*names}) < len(names):
        what = f"{argument('new')} is {asked!r}"
        raise InputError(what, hint="name series that have no history, each once, with commas between")
    if known := [repr(name) for name in names if name in panel.ids]:
        what = f"the series {few(known)} {'has' if len(known) == 1 else 'have'} a history"
        raise InputError(what, where=argument("new"), hint="name only those that have none")
    return names


def _note(names: Sequence[str], others: int, told: Sequence[str]) -> str:
    how = f"those alike in {listed(told)} count most" if told else "all count alike"
    has, their = ("has", "its forecast is a mixture") if len(names) == 1 else ("have", "their forecasts are mixtures")
    of = count(others, "other series", "other series")
    return f"{few([repr(name) for name in names])} {has} no history: {their} of those of {of}, of which {how}."


def alike(known: Floats, new: Floats, is_word: NDArray[np.bool_], levels: Floats) -> tuple[Floats, Floats]:
    """How much each of S series counts in the forecast of each of K new ones, (K, S), in sum 1; and each column, (C,).

    known, new: the descriptions, (S, C) and (K, C), codes in columns of words. levels: of the series, (S,).
    """
    rows = np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_SERIES)).round().astype(np.int64))
    some = _distances(known, known[rows], known[rows], is_word)
    sharpness = _learned(some, _comparable(levels)[rows])
    return _shares(-np.tensordot(sharpness, _distances(known, new, known, is_word), axes=1)), sharpness


def mixed(quantiles: Floats, shares: Floats, levels: tuple[float, ...]) -> Floats:
    """The quantiles (K, H, Q) of mixtures of forecasts (S, H, Q). shares: (K, S)."""
    normal = NormalDist()
    scores, places = (np.array([normal.inv_cdf(one) for one in of]) for of in (levels, _PLACES.tolist()))
    if len(levels) == 1:
        points = np.repeat(quantiles, len(places), axis=-1)
    else:
        at = np.clip(np.searchsorted(scores, places) - 1, 0, len(scores) - 2)
        share = (places - scores[at]) / np.diff(scores)[at]
        points = quantiles[..., at] + share * np.diff(quantiles, axis=-1)[..., at]
    points = np.moveaxis(points, 1, 0).reshape(quantiles.shape[1], -1)  # (H, S * places)
    order = np.argsort(points, axis=1, kind="stable")
    ordered = np.take_along_axis(points, order, axis=1)
    found = np.empty((len(shares), len(points), len(levels)))
    for row, own in enumerate(shares):
        reached = np.cumsum(np.repeat(own / len(places), len(places))[order], axis=1)
        for column, level in enumerate(levels):
            at = np.argmax(reached >= level * reached[:, -1:], axis=1)
            found[row, :, column] = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return found


def _comparable(levels: Floats) -> Floats:
    if levels.min() > 0:
        return np.log(levels)
    return np.arcsinh(levels / max(float(np.median(np.abs(levels))), np.finfo(np.float64).tiny))


def _distances(all_known: Floats, one: Floats, other: Floats, is_word: NDArray[np.bool_]) -> Floats:
    """Squared distances (C, N, S) by column: of numbers by their ranks, of words 2 where they differ.

    Two is what two draws of one distribution of unit variance are apart.
    """
    found: list[Floats] = []
    for column, word in enumerate(is_word.tolist()):
        a, b = one[:, column], other[:, column]
        if word:
            found.append(2.0 * (a[:, None] != b[None]))
        else:
            ordered = np.sort(all_known[:, column])
            ranks = [_rank(ordered, values) for values in (a, b)]
            found.append((ranks[0][:, None] - ranks[1][None]) ** 2)
    return np.array(found).reshape(len(is_word), len(one), len(other))


def _rank(ordered: Floats, values: Floats) -> Floats:
    """Where values lie among others, evenly spread with unit variance."""
    low, high = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.sqrt(12) * (low + high) / (2 * len(ordered))


def _shares(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _learned(distances: Floats, levels: Floats) -> Floats:
    """How much each column counts, (C,)."""
    sharpness = np.zeros(len(distances))
    if len(levels) < 3:
        return sharpness
    apart = np.abs(levels[:, None] - levels[None])
    best = _score(sharpness, distances, apart)
    for _ in range(ROUNDS):
        for column in range(len(sharpness)):
            for value in SHARPNESS:
                tried = sharpness.copy()
                tried[column] = value
                score = _score(tried, distances, apart)
                if score < best * (1 - LEAST_GAIN):
                    sharpness, best = tried, score
    return sharpness


def _score(sharpness: Floats, distances: Floats, apart: Floats) -> float:
    """The mean score of the level of each series under the mixture of those of the others."""
    logs = -np.tensordot(sharpness, distances, axes=1)
    np.fill_diagonal(logs, -np.inf)
    shares = _shares(logs)
    return float((np.einsum("ij,ij->i", shares, apart) - 0.5 * np.einsum("ij,ij->i", shares @ apart, shares)).mean())
