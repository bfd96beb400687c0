"""The LSTM as a contestant, and following a series without refitting.

Networks that follow series as they grow: the state after what was read is kept, and only new rows are read.

A patch may end with any observation, so there are as many ways to cut a series into patches as a patch has
observations. Each way has a state of its own, and each new row moves one of them on by one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from .... import fields
from ....errors import InputError
from ....fields import Fields
from ....nn.stored import check_finite, check_floats, fill, most_of, renamed, tensors_of
from ....progress import OnProgress
from ....tables.panel import Floats, Panel
from ...arguments import LARGEST_SEED, LONGEST_HORIZON, LONGEST_SEASON
from ..model import NORMALISATIONS, Predictor, Setup
from ..results import Quantiles
from .causal import CAUSAL_FEATURES, CausalStore
from .encoding import Encoding
from .ensemble import Ensemble
from .scaling import FEATURES
from .settings import Settings, stored_settings
from .windows import Store

_BODY, _BODY_IN_FILES = "body.", "lstm."
"""What the names of the body's weights begin with, in the network and in files: here it is an LSTM."""
_BESIDE = "covariates."
"""What the names of the tensors begin with that say how covariates are told."""


class Kept(NamedTuple):
    """length: observations of a series that were read. states: those after them, (M, 2, layers, P, H), of M networks,
    h and c, for each of P ways."""

    length: int
    states: Tensor


class Moving(NamedTuple):
    """B states that go on: those of which series and way, where the first new patch ends, how many there are."""

    rows: Tensor
    ways: Tensor
    firsts: Tensor
    counts: Tensor


class Follower:
    """The forecasts of a causal `LSTMModel`, bit for bit, for one panel that only grows at its end."""

    def __init__(self, model: LSTMModel) -> None:
        self.name, self.needs, self._model = model.name, model.needs, model
        self._kept: dict[str, Kept] = {}

    def predict(self, panel: Panel) -> Quantiles:
        """See `LSTMModel.predict`. A series is known by its name, and what was read of it must be as it was."""
        return self._model.in_parts(panel, self._part)

    def _part(self, panel: Panel) -> Floats:
        """The forecasts of some series, which are cut to what is still to be looked at."""
        ensemble, (look_back, patch) = self._model.ensemble, self._model.shape
        memories = [self._kept.pop(name, None) or self._nothing() for name in panel.ids]  # lost if what follows fails
        read, lengths = torch.tensor([one.length for one in memories]), torch.from_numpy(panel.lengths)
        cut = ((read + 1).minimum(lengths) - look_back).clamp(min=0)
        tails = [values[start:] for values, start in zip(panel.values, cut.tolist(), strict=True)]
        store = CausalStore(tails, self._model.season, ensemble.settings)
        moving = _moving(read, lengths, patch)
        self._advance(store, memories, moving._replace(firsts=moving.firsts - cut[moving.rows]))
        for name, one, length in zip(panel.ids, memories, lengths.tolist(), strict=True):
            self._kept[name] = Kept(length, one.states)
        now = [
            one.states[:, 0, -1, (length - 1) % patch] for one, length in zip(memories, lengths.tolist(), strict=True)
        ]
        by_member = dict(zip(ensemble.members, torch.stack(now, dim=1), strict=True))
        windows = store.window(torch.arange(len(panel)), store.lengths, self._model.horizon, by_member.__getitem__)
        return store.leave(windows, torch.cat(ensemble.forecast_each(windows), dim=-1))

    def _advance(self, store: CausalStore, memories: list[Kept], moving: Moving) -> None:
        """Move the states on, in place."""
        if not len(moving.rows):
            return
        places = list(zip(moving.rows.tolist(), moving.ways.tolist(), strict=True))
        states = torch.stack([memories[row].states[..., way, :] for row, way in places], dim=3)
        begun = [(h, c) for h, c in states.unbind()]
        ended = store.carry(self._model.ensemble.members, moving.rows, moving.firsts, moving.counts, begun)
        states = torch.stack([torch.stack(state) for state in ended])
        for (row, way), state in zip(places, states.unbind(3), strict=True):
            memories[row].states[..., way, :] = state

    def _nothing(self) -> Kept:
        members, (_, patch) = self._model.ensemble.members, self._model.shape
        lstm = members[0].lstm
        return Kept(0, torch.zeros(len(members), 2, lstm.num_layers, patch, self._model.ensemble.settings.hidden))


def _moving(read: Tensor, lengths: Tensor, patch: int) -> Moving:
    """The states that series move from so many observations read to their lengths: every patch ends with a new one."""
    rows, ways = torch.arange(len(read)).repeat_interleave(patch), torch.arange(patch).repeat(len(read))
    firsts = read[rows] + 1 + (ways - read[rows]) % patch
    counts = (lengths[rows] - firsts).div(patch, rounding_mode="floor") + 1
    there = counts > 0
    return Moving(rows[there], ways[there], firsts[there], counts[there])


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
        progress: OnProgress | None = None,
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
        self.encoding: Encoding | None = None
        self._ensemble: Ensemble | None = None

    @classmethod
    def told(cls, setup: Setup) -> Self:
        """The model that a setup describes."""
        return cls(
            setup.horizon,
            season=setup.season,
            levels=setup.levels,
            seed=setup.seed,
            budget=setup.budget,
            normalisation=setup.normalisation,
            progress=setup.progress,
        )

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
        if self.normalisation == "causal" and panel.covariates is not None:
            what = "a network whose normalisation is causal takes no covariates"
            raise InputError(what, hint="let it normalise each window, or fit it without them")
        settings = Settings.of(self.horizon, self.season, usable.lengths)
        self.encoding = Encoding.of(usable, self.season, self.horizon)
        ensemble = self._build(settings)
        ensemble.fit(self._store(usable, settings), self.budget, self.progress)
        self._ensemble = ensemble

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series, known from `fit` or not.

        Raises InputError for a series shorter than ``needs``.
        """
        return self.in_parts(panel, self._part)

    def in_parts(self, panel: Panel, part: Callable[[Panel], Floats]) -> Quantiles:
        """The forecast put together from those that ``part`` makes of so many series at a time.

        They are (S, horizon, Q + M), behind the quantiles the medians of the M networks.
        """
        for name, length in zip(panel.ids, panel.lengths, strict=True):
            if length < self.needs:
                raise InputError(
                    f"{length} observations are too few to forecast from",
                    where=f"series {name}",
                    hint=f"give at least {self.needs}",
                )
        parts = np.split(np.arange(len(panel)), range(PREDICTION_BATCH, len(panel), PREDICTION_BATCH))
        values = np.concatenate([part(panel.select(rows)) for rows in parts])
        quantiles, members = np.split(values, [len(self.levels)], axis=-1)
        return Quantiles(self.name, self.levels, quantiles, members=np.moveaxis(members, -1, 0))

    def _part(self, panel: Panel) -> Floats:
        store = self._store(panel, self.ensemble.settings)
        windows = store.last(torch.arange(len(panel)), self.ensemble.settings.look_back, self.horizon)
        return store.leave(windows, torch.cat(self.ensemble.forecast_each(windows), dim=-1))

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
            for name, tensor in renamed(member.state_dict(), _BODY, _BODY_IN_FILES).items()
        }
        settings: dict[str, object] = {
            "horizon": self.horizon,
            "season": self.season,
            "levels": list(self.levels),
            "seed": self.seed,
            "normalisation": self.normalisation,
            "network": asdict(self.ensemble.settings),
        }
        if self.encoding:
            scales, settings["covariates"] = self.encoding.state()
            tensors |= {f"{_BESIDE}{name}": tensor for name, tensor in scales.items()}
        return {**tensors, "factors": self.ensemble.factors.clone()}, settings

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> LSTMModel:
        """The fitted model that `state` described. Raises InputError where it cannot have been described so."""
        most, networks = most_of(tensors), {name.split(".")[1] for name in tensors if name.startswith("members.")}
        claimed = _STORED.read(settings)
        network = stored_settings(claimed["season"], len(networks), most).read(claimed["network"])
        model = cls(
            claimed["horizon"],
            season=claimed["season"],
            levels=tuple(claimed["levels"]),
            seed=claimed["seed"],
            normalisation=claimed.get("normalisation", NORMALISATIONS[0]),  # older files do not record it
        )
        if "covariates" in claimed:
            told = tensors_of(tensors, _BESIDE)
            model.encoding = Encoding.from_state(told, claimed["covariates"], model.season, model.horizon)
            tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(_BESIDE)}
        with torch.device("meta"):  # a file may claim any size: nothing is allocated until its tensors fit
            ensemble = model._build(Settings(**network))
        left = set(tensors)
        for number, member in enumerate(ensemble.members):
            prefix = f"members.{number}."
            fill(member, renamed(tensors_of(tensors, prefix), _BODY_IN_FILES, _BODY), torch.float32)
            check_finite(member.state_dict())
            left -= {name for name in tensors if name.startswith(prefix)}
        ensemble.factors = _factors(tensors["factors"], len(model.levels))
        if left != {"factors"}:
            raise InputError("a tensor has no place")
        model._ensemble = ensemble
        return model

    def _store(self, panel: Panel, settings: Settings) -> Store | CausalStore:
        if self.normalisation == "causal":
            return CausalStore(panel.values, self.season, settings)
        return Store(panel, self.season, self.encoding, self.horizon)

    def _build(self, settings: Settings) -> Ensemble:
        features = CAUSAL_FEATURES if self.normalisation == "causal" else FEATURES
        return Ensemble(
            self.horizon,
            self.season,
            self.levels,
            settings,
            features=features,
            needs=self.needs,
            seed=self.seed,
            covariates=self.encoding.width if self.encoding else 0,
        )


_STORED = Fields(
    {
        "horizon": fields.whole(1, LONGEST_HORIZON),
        "season": fields.whole(1, LONGEST_SEASON),
        "levels": fields.listed(fields.number(0, 1), 199),
        "seed": fields.whole(0, LARGEST_SEED),
        "normalisation": fields.one_of(NORMALISATIONS),
        "network": fields.table(fields.anything),
        "covariates": fields.table(fields.anything),
    },
    lacking=("normalisation", "covariates"),
)
"""The settings of `LSTMModel.state` in a file."""


def _factors(factors: Tensor, levels: int) -> Tensor:
    """Those of an ensemble, out of a file. Raises InputError for what cannot be."""
    check_floats("factors", factors)
    if factors.shape != (levels,) or not bool((factors >= 0).all()):
        raise InputError(f"the factors are not {levels} numbers of at least 0")
    return factors.double()


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
