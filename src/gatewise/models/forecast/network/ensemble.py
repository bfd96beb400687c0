"""Several networks with one forecast: each learns from other blocks of time, and what each left out calibrates all."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from ....progress import OnProgress
from ....training.schedule import Schedule
from ....training.torch_state import at_most_threads
from .causal import CausalStore
from .network import PatchLSTM
from .scaling import WindowScale
from .settings import Settings
from .training import train, window_loss
from .windows import Store, Windows


def fold_of(steps: Tensor, block: int, folds: int) -> Tensor:
    """Which ensemble member does not learn from the observations at these positions of a series.

    Blocks of ``block`` observations go round the ``folds`` members, so that each is held out by exactly one.
    """
    return (steps // block) % folds


def stretch_factors(forecast: Tensor, actual: Tensor, levels: tuple[float, ...]) -> Tensor:
    """For each level the factor on its distance from the median that gives the level its frequency, (Q,).

    forecast: (N, Q) quantiles for held-out ``actual`` (N,). The factor is an empirical quantile of the ratios of
    the actual distance to the forecast one: held-out calibration as in split conformal prediction (Romano et al.,
    arXiv:1905.03222), but by a ratio where that adds, and without its rank for finite samples.
    """
    factors = torch.ones(len(levels), dtype=forecast.dtype)
    middle = levels.index(0.5)
    departure = actual - forecast[:, middle]
    for position, level in enumerate(levels):
        reach = forecast[:, position] - forecast[:, middle]
        ratios = (departure / reach)[reach != 0]
        if position != middle and len(ratios):
            factors[position] = ratios.quantile(max(level, 1 - level)).clamp(min=0.0)
    return factors


def stretch(quantiles: Tensor, factors: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Quantiles (..., Q) with each distance from the median multiplied, still non-decreasing along Q."""
    middle = levels.index(0.5)
    median = quantiles[..., middle : middle + 1]
    stretched = median + factors * (quantiles - median)
    above = stretched[..., middle:].cummax(-1).values
    below = stretched[..., : middle + 1].flip(-1).cummin(-1).values.flip(-1)
    return torch.cat((below[..., :-1], above), dim=-1)


CALIBRATION_WINDOWS = 4096
CALIBRATION_OBSERVATIONS = 400_000


AnyStore = Store | CausalStore


class Ensemble:
    """M networks of one shape, and the factors that calibrate their common quantiles.

    features: numbers that are told about a window. covariates: columns that are told about a step. needs: the shortest
    history of a training window. members: the networks, in evaluation mode. factors: float64 (Q,), see
    `stretch_factors`.
    """

    def __init__(
        self,
        horizon: int,
        season: int,
        levels: tuple[float, ...],
        settings: Settings,
        *,
        features: int,
        needs: int,
        seed: int,
        covariates: int = 0,
    ) -> None:
        self.horizon, self.levels, self.settings, self.needs, self.seed = horizon, levels, settings, needs, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.members = [
                PatchLSTM(
                    horizon,
                    levels,
                    look_back=settings.look_back,
                    patch=settings.patch,
                    season=season,
                    hidden=settings.hidden,
                    features=features,
                    covariates=covariates,
                ).eval()
                for _ in range(settings.members)
            ]
        self.factors = torch.ones(len(levels), dtype=torch.float64)

    def fit(self, store: AnyStore, budget: float | None, progress: OnProgress | None) -> None:
        """Train the members one after another, sharing the seconds of ``budget``, then calibrate."""
        with at_most_threads(self.settings.threads):
            self._fit(store, budget, progress)

    def _fit(self, store: AnyStore, budget: float | None, progress: OnProgress | None) -> None:
        deadline = None if budget is None else time.monotonic() + budget
        count = len(self.members)
        for number, member in enumerate(self.members):

            def report(done: float, words: str, number: int = number) -> None:
                if progress:
                    progress((number + done) / count, f"network {number + 1} of {count}: {words}")

            seconds = None
            if deadline is not None:
                seconds = max(deadline - time.monotonic(), 1e-3) / (count - number)
            self._train(member, number, store, Schedule(self.settings.steps, seconds=seconds), report)
        self.factors = self._calibrate(store)

    def forecast(self, windows: Windows) -> Tensor:
        """Calibrated quantiles in working space, the members' median, float64 (B, horizon, Q)."""
        return self.forecast_each(windows)[0]

    def forecast_each(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """As `forecast`, and the median of each of the M members, (B, horizon, M)."""
        each = self._each(self.members, windows)
        together = stretch(each.median(dim=0).values, self.factors, self.levels)
        return together, each[..., self.levels.index(0.5)].movedim(0, -1)

    def nearest(self, windows: Windows) -> int:
        """The member whose medians are the nearest to the common ones: by mean absolute difference in spreads."""
        scale, middle = (
            WindowScale.of(windows.past, windows.seen, windows.seasonal_step, self.settings.recent),
            self.levels.index(0.5),
        )
        medians, common = self._each(self.members, windows)[..., middle], self.forecast(windows)[..., middle]
        apart = torch.stack([(scale.apply(median) - scale.apply(common)).abs().mean() for median in medians])
        return int(apart.argmin())

    def _train(self, member: PatchLSTM, number: int, store: AnyStore, schedule: Schedule, report: OnProgress) -> None:
        seed = self.seed * len(self.members) + number
        generator = torch.Generator().manual_seed(seed)
        levels = torch.tensor(self.levels)

        def loss() -> Tensor:
            rows, origins = store.draw(self.settings.batch, self.needs, self.horizon, generator)
            windows = store.windows(rows, origins, self.settings.look_back, self.horizon)
            counted = windows.known & (self._left_out_by(windows) != number)
            scale, past, about = self.normalised(windows)
            quantiles = self._quantiles(member, windows, past, about)
            return window_loss(quantiles, windows, scale, levels, store.typical_step, counted)

        train(member, loss, schedule, seed=seed, progress=report)

    def _left_out_by(self, windows: Windows) -> Tensor:
        """The number of the member that does not learn from each future observation, (B, horizon).

        A single member leaves out nothing, as no other would learn from it.
        """
        if len(self.members) == 1:
            return torch.full_like(windows.steps, -1)
        return fold_of(windows.steps, self.settings.block, len(self.members))

    def normalised(self, windows: Windows) -> tuple[WindowScale, Tensor, Tensor]:
        """See `Windows.normalised`."""
        return windows.normalised(self.settings.recent)

    def _quantiles(self, member: PatchLSTM, windows: Windows, past: Tensor, about: Tensor) -> Tensor:
        """What a member says of windows that were normalised, (B, horizon, Q)."""
        memory = None if windows.memory is None else windows.memory(member)
        return member(past, windows.seen, about, memory, windows.beside)

    @torch.no_grad()
    def _each(self, members: Sequence[PatchLSTM], windows: Windows) -> Tensor:
        """The quantiles of each of M members in working space, float64 (M, B, horizon, Q)."""
        scale, past, about = self.normalised(windows)
        return torch.stack([scale.undo(self._quantiles(member, windows, past, about).double()) for member in members])

    def _calibrate(self, store: AnyStore) -> Tensor:
        """Stretch factors from random windows, each observation forecast by the member that left it out."""
        generator = torch.Generator().manual_seed(self.seed)
        count = max(1, min(CALIBRATION_WINDOWS, CALIBRATION_OBSERVATIONS // self.horizon))
        rows, origins = store.draw(count, self.needs, self.horizon, generator)
        windows = store.windows(rows, origins, self.settings.look_back, self.horizon)
        member = self._left_out_by(windows).clamp(min=0)
        forecast = torch.take_along_dim(self._each(self.members, windows), member[None, ..., None], dim=0)[0]
        return stretch_factors(forecast[windows.known], windows.future[windows.known], self.levels)
