"""Networks that follow series as they grow: the state after what was read is kept, and only new rows are read.

A patch may end with any observation, so there are as many ways to cut a series into patches as a patch has
observations. Each way has a state of its own, and each new row moves one of them on by one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..panel import Floats, Panel
from ..results import Quantiles
from .causal_store import CausalStore

if TYPE_CHECKING:
    from .lstm_model import LSTMModel


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
        kept = [self._kept.pop(name, None) or self._nothing() for name in panel.ids]  # lost if what follows fails
        read, lengths = torch.tensor([one.length for one in kept]), torch.from_numpy(panel.lengths)
        cut = ((read + 1).minimum(lengths) - look_back).clamp(min=0)
        tails = [values[start:] for values, start in zip(panel.values, cut.tolist(), strict=True)]
        store = CausalStore(tails, self._model.season, ensemble.settings)
        moving = _moving(read, lengths, patch)
        self._advance(store, kept, moving._replace(firsts=moving.firsts - cut[moving.rows]))
        for name, one, length in zip(panel.ids, kept, lengths.tolist(), strict=True):
            self._kept[name] = Kept(length, one.states)
        now = [one.states[:, 0, -1, (length - 1) % patch] for one, length in zip(kept, lengths.tolist(), strict=True)]
        memory = dict(zip(ensemble.members, torch.stack(now, dim=1), strict=True))
        windows = store.window(torch.arange(len(panel)), store.lengths, self._model.horizon, memory.__getitem__)
        return store.leave(windows, ensemble.forecast(windows))

    def _advance(self, store: CausalStore, kept: list[Kept], moving: Moving) -> None:
        """Move the states on, in place."""
        if not len(moving.rows):
            return
        places = list(zip(moving.rows.tolist(), moving.ways.tolist(), strict=True))
        states = torch.stack([kept[row].states[..., way, :] for row, way in places], dim=3)
        begun = [(h, c) for h, c in states.unbind()]
        ended = store.carry(self._model.ensemble.members, moving.rows, moving.firsts, moving.counts, begun)
        states = torch.stack([torch.stack(state) for state in ended])
        for (row, way), state in zip(places, states.unbind(3), strict=True):
            kept[row].states[..., way, :] = state

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
