"""Forecasts of series as a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, argument
from ...tables.options import DEFAULTS, NO_COVARIATES, ReadOptions
from ...tables.panel import Panel
from ...training import Drawn, Source
from ...words import count, few, steps
from ..arguments import LONGEST_HORIZON, whole
from ..forecast.evaluation.naive import naive, seasonal_naive
from ..forecast.metrics import mase, seasonal_scale
from ..forecast.model import Setup
from ..forecast.network.network import PatchNetwork
from ..forecast.network.scaling import WindowScale
from ..forecast.network.settings import Settings
from ..forecast.network.training import window_loss
from ..forecast.network.windows import Store, Windows
from ..forecast.results import SCORED_LEVELS
from ..forecast.seasons import with_seasons
from .measure import Floats, Measure
from .task import Around, Course, Floor, MakeBody, Part, Stepwise

if TYPE_CHECKING:
    import pandas as pd

WIDTH, DROPOUT = 32, 0.1
"""Numbers of an embedded patch, and what is dropped before the head."""
MOST_WINDOWS = 8
"""Windows of a horizon that are tested on, where the user does not say how many."""
_SHARE = 2
"""Of the median series, one part in so many is tested on at most."""
_MOST_STEPS = 96
"""Steps in which a body reads a window, at most: longer windows are read in patches."""


class Held(NamedTuple):
    """One window of the test: the series as they were before it, what came, (S, horizon), NaN where nothing was
    observed, and the scale of each series' errors, (S,)."""

    past: Panel
    actual: Floats
    scale: Floats


@dataclass(frozen=True)
class Taught:
    """What a training sees, and how windows are read."""

    store: Store
    settings: Settings
    needs: int
    horizon: int

    def drawn(self, generator: torch.Generator) -> Windows:
        """Random windows, with what came after them."""
        rows, origins = self.store.draw(self.settings.batch, self.needs, self.horizon, generator)
        return self.store.windows(rows, origins, self.settings.look_back, self.horizon)

    def last(self) -> Windows:
        """The windows after which one horizon of each series is left."""
        rows = torch.arange(len(self.store.lengths))
        return self.store.windows(rows, self.store.lengths - self.horizon, self.settings.look_back, self.horizon)


class SeriesTask:
    """The last windows of every series, to be forecast from what came before; see `Task`.

    panel: with its season settled, every series long enough for ``windows`` to test on, one to choose learning rates
    by, and one to learn from.
    """

    name = "forecast"
    measure = Measure("MASE", "of MASE", higher=False, indifference=0.02, decimals=3)
    width = WIDTH
    around: Around = "body"
    course = Course()

    def __init__(self, panel: Panel, horizon: int, windows: int, source: str, notes: tuple[str, ...] = ()) -> None:
        self.source, self.horizon, self.season = source, horizon, panel.season
        held_back = windows * horizon
        known = panel.without_last(held_back)
        scales = np.array([seasonal_scale(values, panel.season) for values in known.observed])
        if not np.isfinite(scales).any():
            raise InputError("no series changes from season to season: there is nothing to be compared")
        self._held = [
            Held(panel.without_last(steps), _after(panel, steps, horizon), scales)
            for steps in range(held_back, 0, -horizon)
        ]
        self.items = sum(int(_scored(window).sum()) for window in self._held)
        learning = known.without_last(horizon)
        settings = Settings.of(horizon, panel.season, learning.lengths)
        self.settings = replace(settings, patch=_patch_of(settings.look_back))
        self._taught = {"learn": self._teach(learning), "all": self._teach(known)}
        self.longest = self.settings.look_back // self.settings.patch
        self.about = (_described(panel, horizon, windows, self.settings), *notes)

    def network(self, make: MakeBody) -> PatchNetwork:
        """Patches through the body; the head, as wide for all, says every step and quantile at once."""
        return PatchNetwork(
            self.horizon,
            SCORED_LEVELS,
            make,
            look_back=self.settings.look_back,
            patch=self.settings.patch,
            season=self.season,
            width=WIDTH,
            dropout=DROPOUT,
        )

    def stepwise(self, network: nn.Module) -> Stepwise:
        """The body alone: a step reads an embedded patch, and the head is asked once in a window."""
        assert isinstance(network, PatchNetwork)
        return Stepwise(network.body, nn.Identity())

    def batches(self, part: Part, seed: int) -> Source:
        """Random windows of random series."""
        return Drawn(self._taught[part].drawn, seed=seed)

    def loss(self, network: nn.Module, batch: Windows) -> Tensor:
        """The pinball loss of all quantiles."""
        scale, quantiles = self._quantiles(network, batch)
        typical = self._taught["learn"].store.typical_step
        return window_loss(quantiles, batch, scale, torch.tensor(SCORED_LEVELS), typical)

    @torch.no_grad()
    def validation(self, network: nn.Module) -> float:
        """The same, of the horizon before the windows of the test."""
        return float(self.loss(network.eval(), self._taught["all"].last()))

    @torch.no_grad()
    def scores(self, network: nn.Module) -> Floats:
        """The mean absolute scaled error of each series in each window, earliest window first."""
        network.eval()
        return np.concatenate([self._errors(window, self._median(network, window.past)) for window in self._held])

    def floors(self) -> list[Floor]:
        """The last season again, and the last value."""
        setup = Setup(self.horizon, self.season, (0.5,))
        methods = {"naive": naive} | ({"seasonal naive": seasonal_naive} if self.season > 1 else {})
        return [
            Floor(
                name,
                np.concatenate(
                    [self._errors(window, method(window.past.values, setup)[..., 0]) for window in self._held]
                ),
            )
            for name, method in methods.items()
        ]

    def _teach(self, panel: Panel) -> Taught:
        return Taught(Store(panel, self.season), self.settings, needs_of(self.season), self.horizon)

    def _quantiles(self, network: nn.Module, windows: Windows) -> tuple[WindowScale, Tensor]:
        scale, past, about = windows.normalised(self.settings.recent)
        return scale, network(past, windows.seen, about)

    def _median(self, network: nn.Module, past: Panel) -> Floats:
        """The point forecast after the end of each series, (S, horizon), in the units of the data."""
        store = Store(past, self.season)
        windows = store.last(torch.arange(len(past)), self.settings.look_back, self.horizon)
        scale, quantiles = self._quantiles(network, windows)
        median = scale.undo(quantiles[..., SCORED_LEVELS.index(0.5)].double())
        return store.leave(windows, median)

    def _errors(self, window: Held, forecast: Floats) -> Floats:
        return mase(window.actual, forecast, window.scale)[_scored(window)]


def forecasting(
    frame: pd.DataFrame | Panel | str | Path,
    horizon: int,
    *,
    read: ReadOptions = DEFAULTS,
    windows: int | None = None,
    source: str = "data",
) -> SeriesTask:
    """The last steps of every series, to be forecast by each model.

    Args:
        frame: A table of series, as `Forecaster.fit` takes it. Covariates are not used.
        horizon: Steps to forecast, 1 or more.
        read: How the table is read.
        windows: How many windows of ``horizon`` steps, end to end, are tested on; by default as many as fit into a
            half of the median series, 8 at most.
        source: What the data are called on the page.

    Returns:
        A task for `compare`.

    Raises:
        InputError: The table cannot be read, or too few series are long enough.
    """
    from ...tables.supplied import panel_with_covariates

    horizon = whole("horizon", horizon, most=LONGEST_HORIZON)
    panel = frame
    if not isinstance(panel, Panel):
        panel = panel_with_covariates(panel, read, NO_COVARIATES, horizon=horizon)
    room = int(np.median(panel.lengths)) // (_SHARE * horizon)
    tested = max(1, min(MOST_WINDOWS, room)) if windows is None else whole("windows", windows)
    panel = with_seasons(panel, tested * horizon)
    least = (tested + 2) * horizon + needs_of(panel.season)
    long = np.flatnonzero(panel.lengths >= least)
    if not len(long):
        raise InputError(
            f"no series has {least:,} observations, which is what {count(tested, 'window')} of {horizon:,} to test on, "
            "and what comes before them, take",
            hint=f"give longer series, a shorter {argument('horizon')}, or fewer {argument('windows')}",
        )
    return SeriesTask(panel.select(long), horizon, tested, source, tuple(_told(panel, long, least)))


def _patch_of(look_back: int) -> int:
    """The shortest patch of which a look-back holds a whole number, `_MOST_STEPS` at most."""
    return next(size for size in range(1, look_back + 1) if not look_back % size and look_back // size <= _MOST_STEPS)


def needs_of(season: int) -> int:
    """Observations that a window is drawn after: a season can be told from them."""
    return season + 2


def _after(panel: Panel, steps_back: int, horizon: int) -> Floats:
    return np.stack([values[len(values) - steps_back :][:horizon] for values in panel.observed])


def _scored(window: Held) -> Any:
    """Which series have a scale and anything observed, (S,)."""
    return np.isfinite(window.scale) & ~np.isnan(window.actual).all(axis=1)


def _told(panel: Panel, long: Any, least: int) -> Iterator[str]:
    """What was inferred of the table, and which series are left out."""
    yield from panel.notes
    if short := sorted(set(range(len(panel))) - set(long.tolist())):
        names = few([panel.ids[row] for row in short])
        yield f"{count(len(short), 'series', 'series')} of fewer than {least:,} observations left out: {names}"


def _described(panel: Panel, horizon: int, windows: int, settings: Settings) -> str:
    ahead, patch = steps(horizon, panel.frequency.alias), settings.patch
    read = "an observation" if patch == 1 else f"a patch of {patch} observations"
    return (
        f"{count(len(panel), 'series', 'series')}, {count(int(panel.lengths.sum()), 'observation')}: the last "
        f"{count(windows, 'window')} of {ahead} to test on, the {ahead} before them to choose the learning rate by; "
        f"the chosen rate learns from all before the test. A forecast reads {settings.look_back // patch} steps of "
        f"{read}. What embeds a step and what makes the forecast of the last one is as wide for all, and not timed."
    )
