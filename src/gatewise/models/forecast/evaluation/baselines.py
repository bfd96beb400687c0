"""The forecasters every network has to beat, from statsforecast, each behind the `Model` protocol."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....errors import InputError
from ....tables.panel import Floats, Panel
from ....words import count, few
from ..model import Setup
from ..results import Quantiles
from .apart import TRIED, WORTH, Task, allowed, quantiles_apart
from .calibration import nested
from .methods import METHODS, Form, Method
from .naive import TOGETHER

# What is taken when a model cannot forecast a series, in this order.
FALLBACKS = ("SeasonalNaive", "Naive")


class Baseline:
    """One of statsforecast's models: nothing is learned by `fit`; every forecast is made from the panel
    given.

    name: one of ``METHODS``. The point forecast is the model's mean. A series the model cannot take is forecast
    by the seasonal naive, or the naive where there is no whole season, and counted in the notes.
    """

    needs = 1
    remembers = False
    """Whether something of a series is remembered from forecast to forecast, which only one process can."""

    def __init__(self, name: str, setup: Setup) -> None:
        if name not in TOGETHER:
            from statsforecast import models as _  # noqa: F401 - slow to import: not while a forecast is timed

        self.name, self.setup = name, setup

    def fit(self, panel: Panel) -> None:
        """Do nothing: these models are fitted whenever they forecast."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast each series on its own; raises InputError for values beyond float64 arithmetic."""
        forecasts = np.full((len(panel), self.setup.horizon, len(self.setup.levels)), np.nan)
        rows, taken = np.arange(len(panel)), dict[str, list[int]]()
        for model in (self.name, *FALLBACKS):
            forecasts[rows] = self._quantiles(model, panel.select(rows))
            done = np.isfinite(forecasts[rows]).all(axis=(1, 2))
            taken.setdefault(model, []).extend(rows[done].tolist())
            rows = rows[~done]
            if not len(rows):
                return self._forecast(panel, forecasts, taken)
        raise InputError(
            "its values are too large to compute with",
            where=f"series {panel.ids[rows[0]]}",
            hint="give them in a larger unit",
        )

    def following(self) -> Baseline:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[dict[str, Any], dict[str, object]]:
        """Nothing beyond the setup, which the model file holds already."""
        return {}, {}

    def _quantiles(self, model: str, panel: Panel) -> Floats:
        """Nested quantiles (S, horizon, Q); not finite where the model has none."""
        told = replace(self.setup, season=METHODS[model].season(self.setup))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if model in TOGETHER:
                return nested(TOGETHER[model](panel.values, told))
            recent = METHODS[model].looks_at(self.setup)
            return self._one_by_one(model, panel.ids, [values[-recent:] for values in panel.values], told)

    def _one_by_one(self, model: str, names: Sequence[str], series: Sequence[Floats], told: Setup) -> Floats:
        """Quantiles (S, horizon, Q) of the series; by other processes, where there may be some and it is worth it."""
        found = np.full((len(series), told.horizon, len(told.levels)), np.nan)
        left, begun = dict(enumerate(series)), time.perf_counter()

        def here(rows: Iterable[int]) -> None:
            for row in rows:
                form = partial(self._form, METHODS[model], names[row], series[row], told.season)
                found[row] = quantiles_of(METHODS[model], left.pop(row), told, form)
                self._tell(len(series) - len(left), len(series))

        here(range(min(TRIED, len(series))))
        each = (time.perf_counter() - begun) / TRIED
        if not self.remembers and allowed() > 1 and each * len(left) > WORTH:
            rows = [*left]
            for start, quantiles in quantiles_apart(Task(model, told), [*left.values()]):
                for row, one in zip(rows[start:], quantiles, strict=False):
                    found[row] = one
                    del left[row]
                self._tell(len(series) - len(left), len(series))
        here([*left])  # and what a process that ended early had in hand
        return found

    def _tell(self, done: int, of: int) -> None:
        if self.setup.progress:
            self.setup.progress(done / of, f"{self.name} {done} of {of} series")

    def _form(self, method: Method, name: str, values: Floats, season: int) -> Form | None:
        """What was found of the model before; None where it searches in every forecast."""
        return None

    def _forecast(self, panel: Panel, values: Floats, taken: Mapping[str, list[int]]) -> Quantiles:
        """taken: the rows that each model forecast."""
        stand_ins = [(model, rows) for model, rows in taken.items() if rows and model != self.name]
        names = {
            model: tuple(panel.ids[row] for row in rows)
            for model, rows in sorted(stand_ins, key=lambda stand_in: stand_in[1])
        }
        notes = [
            f"{self.name} could not forecast {len(ids):,} of {count(len(panel), 'series', 'series')} "
            f"({few(ids)}): {model} stands in."
            for model, ids in names.items()
        ]
        told = {f"{self.name} could not forecast it: {model} stands in": ids for model, ids in names.items()}
        return Quantiles(self.name, self.setup.levels, values, (*notes, *self._limits(panel)), stand_ins=told)

    def _limits(self, panel: Panel) -> Iterator[str]:
        """Notes on what the model does not look at."""
        method = METHODS[self.name]
        recent = method.looks_at(self.setup)
        if recent and (panel.lengths > recent).any():
            yield (f"{self.name} looked at no more than the latest {recent:,} observations of a series.")
        if method.season(self.setup) != self.setup.season:
            yield (f"{self.name} has no seasons longer than {method.longest_season:.0f} steps: it ran without one.")


class RollingBaseline(Baseline):
    """A baseline in a backtest: of each series it searches the form of its model once, in the first history.

    What it finds is fitted again at each cutoff, at a fraction of the cost.
    """

    remembers = True

    def __init__(self, name: str, setup: Setup) -> None:
        super().__init__(name, setup)
        self._found: dict[str, Form] = {}

    def _form(self, method: Method, name: str, values: Floats, season: int) -> Form | None:
        if method is not METHODS[self.name] or method.search is None:
            return None
        if name not in self._found:
            self._found[name] = method.search(values, season)
        return self._found[name]


def quantiles_of(method: Method, values: Floats, told: Setup, form: Callable[[], Form | None]) -> Floats:
    """Nested quantiles (horizon, Q) of one series; not finite where the model has none. form: finds what it is."""
    try:
        return nested(method.quantiles(values, told, form()))
    except Exception:  # statsforecast raises bare Exceptions, IndexErrors and more for short or odd series
        return np.full((told.horizon, len(told.levels)), np.nan)
