"""The default forecaster: a small ensemble of patch LSTMs over all series of a panel, with calibrated quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ..model import NORMALISATIONS, Predictor
from ..panel import Floats, Panel
from ..progress import Progress
from ..results import Quantiles
from .causal import CAUSAL_FEATURES
from .causal_store import CausalStore
from .ensemble import Ensemble
from .follower import Follower
from .lstm_settings import Settings
from .scaling import FEATURES
from .windows import Store

PREDICTION_BATCH = 1024


class LSTMModel:
    """One model for all series; `Settings.of` says how its size follows from the data.

    horizon: steps to forecast. season: observations in one season, 1 for none. levels: probabilities of the
    quantiles, increasing, 0.5 among them. seed: with ``budget`` None, the same seed, data and thread count give
    the same forecast bit for bit. budget: seconds of training. normalisation: see ``model.NORMALISATIONS``.
    progress: told the fraction done and a few words.
    """

    name = "LSTM"

    def __init__(
        self,
        horizon: int,
        *,
        season: int = 1,
        levels: tuple[float, ...],
        seed: int = 0,
        budget: float | None = None,
        normalisation: str = "window",
        progress: Progress | None = None,
    ) -> None:
        _check(horizon, season, levels, budget)
        if normalisation not in NORMALISATIONS:
            raise InputError(
                f"the normalisation is {normalisation!r}", hint=f"choose one of {', '.join(NORMALISATIONS)}"
            )
        self.horizon, self.season, self.levels = horizon, season, tuple(levels)
        self.seed, self.budget, self.progress = seed, budget, progress
        self.normalisation = normalisation
        self.needs = season + 2
        self._ensemble: Ensemble | None = None

    @property
    def ensemble(self) -> Ensemble:
        """The trained networks; RuntimeError before `fit`."""
        if self._ensemble is None:
            raise RuntimeError("the model is not fitted: call fit first")
        return self._ensemble

    def fit(self, panel: Panel) -> None:
        """Train on every series that is longer than ``needs``.

        Raises InputError where there is none, DivergedError where training leaves the finite numbers.
        """
        usable = panel.select(np.flatnonzero(panel.lengths > self.needs))
        if not len(usable):
            raise InputError(
                f"no series has more than {self.needs} observations to learn from",
                hint=f"give longer series, or a season shorter than {self.season}",
            )
        settings = Settings.of(self.horizon, self.season, usable.lengths)
        ensemble = self._build(settings)
        ensemble.fit(self._store(usable, settings), self.budget, self.progress)
        self._ensemble = ensemble

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series, known from `fit` or not.

        No forecast is below zero for a series that never was. Raises InputError for a series shorter than
        ``needs``.
        """
        return self.in_parts(panel, self._part)

    def in_parts(self, panel: Panel, part: Callable[[Panel], Floats]) -> Quantiles:
        """The forecast put together from those that ``part`` makes of so many series at a time, (S, horizon, Q)."""
        for name, length in zip(panel.ids, panel.lengths, strict=True):
            if length < self.needs:
                raise InputError(
                    f"{length} observations are too few to forecast from",
                    where=f"series {name}",
                    hint=f"give at least {self.needs}",
                )
        parts = np.split(np.arange(len(panel)), range(PREDICTION_BATCH, len(panel), PREDICTION_BATCH))
        return Quantiles(self.name, self.levels, np.concatenate([part(panel.select(rows)) for rows in parts]))

    def _part(self, panel: Panel) -> Floats:
        store = self._store(panel, self.ensemble.settings)
        windows = store.last(torch.arange(len(panel)), self.ensemble.settings.look_back, self.horizon)
        return store.leave(windows, self.ensemble.forecast(windows))

    def following(self) -> Predictor:
        """See `Model`: what was read is kept where the normalisation is causal."""
        return Follower(self) if self.normalisation == "causal" else self

    @property
    def shape(self) -> tuple[int, int]:
        """Observations in a look-back and in a patch."""
        return self.ensemble.settings.look_back, self.ensemble.settings.patch

    def state(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """What `from_state` needs: tensors by name, and settings that JSON can hold."""
        tensors = {
            f"members.{number}.{name}": tensor.detach().clone()
            for number, member in enumerate(self.ensemble.members)
            for name, tensor in member.state_dict().items()
        }
        settings: dict[str, object] = {
            "horizon": self.horizon,
            "season": self.season,
            "levels": list(self.levels),
            "seed": self.seed,
            "normalisation": self.normalisation,
            "network": asdict(self.ensemble.settings),
        }
        return {**tensors, "factors": self.ensemble.factors.clone()}, settings

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> LSTMModel:
        """The fitted model that `state` described; KeyError, TypeError or RuntimeError where the two disagree."""
        model = cls(
            settings["horizon"],
            season=settings["season"],
            levels=tuple(settings["levels"]),
            seed=settings["seed"],
            normalisation=settings.get("normalisation", "window"),  # older files say nothing
        )
        claimed = Settings(**settings["network"])
        numbers = {name.split(".")[1] for name in tensors if name.startswith("members.")}
        if claimed.members != len(numbers):
            raise RuntimeError(f"{claimed.members} networks are claimed, {len(numbers)} are there")
        with torch.device("meta"):  # a file may claim any size: nothing is allocated until its tensors fit
            ensemble = model._build(claimed)
        for number, member in enumerate(ensemble.members):
            prefix = f"members.{number}."
            own = {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
            member.load_state_dict(own, assign=True)
        ensemble.factors = tensors["factors"].clone()
        model._ensemble = ensemble
        return model

    def _store(self, panel: Panel, settings: Settings) -> Store | CausalStore:
        if self.normalisation == "causal":
            return CausalStore(panel.values, self.season, settings)
        return Store(panel, self.season)

    def _build(self, settings: Settings) -> Ensemble:
        features = CAUSAL_FEATURES if self.normalisation == "causal" else FEATURES
        return Ensemble(
            self.horizon, self.season, self.levels, settings, features=features, needs=self.needs, seed=self.seed
        )


def _check(horizon: int, season: int, levels: tuple[float, ...], budget: float | None) -> None:
    """Raise InputError for arguments that describe no forecast."""
    if horizon < 1:
        raise InputError(f"the horizon is {horizon}", hint="forecast at least one step")
    if season < 1:
        raise InputError(f"the season is {season}", hint="give the steps in one season, 1 for none")
    if 0.5 not in levels or list(levels) != sorted(set(levels)) or not 0 < levels[0] <= levels[-1] < 1:
        raise InputError(f"the levels are {levels}", hint="give increasing probabilities, 0.5 among them")
    if budget is not None and budget <= 0:
        raise InputError(f"the budget is {budget} seconds", hint="give a positive number of seconds, or None")
