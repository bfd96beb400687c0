"""Normalisation that sees only the past, and what a model file keeps of it.

The causal normalisation: each patch is read on the scale of the window that ends with it.

What the network reads of a patch then depends on nothing after it, so that its state can be carried on from patch to
patch. Space, level, spread and seasonal step are of the window alone, by the laws of `scaling`, but for the mean in
place of the median, which takes less time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from ....tables.panel import Floats
from ..metrics import ROUNDING
from .network import PatchLSTM, State
from .scaling import FEATURES, LARGEST_LOG, SMALLEST_SHARE, WindowScale
from .settings import Settings
from .windows import Laid, Memory, Windows

CAUSAL_FEATURES = FEATURES + 1


@dataclass(frozen=True)
class CausalWindows(Windows):
    """Windows of a space and a scale of their own. patch: observations in their last patch."""

    patch: int = 1

    def normalised(self, recent: int) -> tuple[WindowScale, Tensor, Tensor]:
        """See `Windows`; one more feature is how far below the level it was before the last patch."""
        scale, past, about = super().normalised(recent)
        length = past.shape[1]
        before = slice(max(0, length - recent - self.patch), length - self.patch)
        there = self.seen[:, before].sum(1, keepdim=True)
        level = self.past[:, before].sum(1, keepdim=True) / there.clamp(min=1)
        moved = torch.where(there > 0, scale.apply(level), 0.0)
        return scale, past, torch.cat((about, moved.float()), dim=1)


class Moments(NamedTuple):
    """What normalises the patches at N places. level, spread, seasonal_step: float64 (N, 1). logs: bool (N, 1).
    about: float32 (N, CAUSAL_FEATURES)."""

    level: Tensor
    spread: Tensor
    seasonal_step: Tensor
    logs: Tensor
    about: Tensor

    @classmethod
    def of(cls, windows: CausalWindows, recent: int) -> Self:
        """Those of the windows that end there."""
        scale, _, about = windows.normalised(recent)
        return cls(scale.level, scale.spread, windows.seasonal_step, windows.logs, about)

    def patches(self, raw: Tensor, seen: Tensor) -> Tensor:
        """Patches (N, P), of which so much was observed, as `PatchLSTM.read` takes them, (N, 2 P + CAUSAL_FEATURES)."""
        scale = WindowScale(self.level, self.spread)
        past = torch.where(seen, scale.apply(entered(raw, self.logs & seen)), 0.0)
        return torch.cat((past.float(), seen.float(), self.about), dim=1)


def entered(values: Tensor, logs: Tensor) -> Tensor:
    """The logarithm where asked for, and of nothing else."""
    return torch.where(logs, torch.where(logs, values, 1.0).log(), values)


def least_in_logs(raw: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each window (B, L) is well above zero, and the least value that is so, each (B, 1); see `Space`."""
    smallest = torch.where(seen, raw, torch.inf).amin(1, keepdim=True)
    least = (raw * (SMALLEST_SHARE / seen.sum(1, keepdim=True))).sum(1, keepdim=True)
    return (smallest > 0) & (smallest >= least), least


def seasonal_steps(past: Tensor, seen: Tensor, season: int) -> Tensor:
    """`scaling.seasonal_step` of each window (B, L), (B, 1)."""
    rounding = torch.from_numpy(ROUNDING * np.spacing(past.abs().amax(1, keepdim=True).numpy()))
    steps = torch.zeros_like(rounding)
    for lag in (1, season):
        both = seen[:, lag:] & seen[:, :-lag]
        apart = torch.where(both, (past[:, lag:] - past[:, :-lag]).abs(), 0.0).sum(1, keepdim=True)
        mean = apart / both.sum(1, keepdim=True).clamp(min=1)
        steps = torch.where(mean > rounding, mean, steps)
    return steps


def left(windows: Windows, forecast: Tensor) -> Floats:
    """Forecasts (B, ...) in the units of the data."""
    logs = windows.logs.view(-1, *[1] * (forecast.ndim - 1))
    return torch.where(logs, forecast.clamp(max=LARGEST_LOG).exp(), forecast).numpy()


WARM_UP = 2
"""Look-backs that a network has read when it forecasts in training; later it has read all there is."""
AT_ONCE = 1 << 22
"""Observations in the windows that are looked at together."""


class CausalStore(Laid):
    """Series as they are, to be read in patches and windows that each have a space and a scale of their own."""

    def __init__(self, values: Sequence[Floats], season: int, settings: Settings) -> None:
        super().__init__(values)
        self.season, self.recent = season, settings.recent
        self.look_back, self.patch = settings.look_back, settings.patch

    def windows(self, rows: Tensor, origins: Tensor, look_back: int, horizon: int) -> CausalWindows:
        """The windows of these series (B,) at these origins (B,), each with a memory of `WARM_UP` look-backs."""
        firsts, counts = self._leading(origins, WARM_UP * look_back // self.patch)
        steps = self._steps(rows, firsts, int(counts.max()), self._looked_up)
        return self.window(rows, origins, horizon, lambda member: member.read(steps, counts)[0][-1])

    def last(self, rows: Tensor, look_back: int, horizon: int) -> CausalWindows:
        """The windows that end with the last observation of these series (B,), with a memory of all before."""
        ends = self.lengths[rows]
        firsts, counts = self._leading(ends)

        def memory(member: PatchLSTM) -> Tensor:
            ((h, _),) = self.carry([member], rows, firsts, counts, [None])
            return h[-1]

        return self.window(rows, ends, horizon, memory)

    def window(self, rows: Tensor, origins: Tensor, horizon: int, memory: Memory | None = None) -> CausalWindows:
        """Windows with this memory. What of a future the logarithm cannot take counts as very small."""
        raw, seen, _ = self.gather(rows, origins, torch.arange(-self.look_back, 0))
        future, known, steps = self.gather(rows, origins, torch.arange(horizon))
        logs, least = least_in_logs(raw, seen)
        past = entered(raw, logs & seen)
        future = entered(future.maximum(torch.where(logs, least, -torch.inf)), logs & known)
        step = seasonal_steps(past, seen, self.season)
        return CausalWindows(rows, past, seen, future, known, steps, step, logs, memory, patch=self.patch)

    @torch.no_grad()
    def carry(
        self, members: Sequence[PatchLSTM], rows: Tensor, firsts: Tensor, counts: Tensor, states: Sequence[State | None]
    ) -> list[State]:
        """Each network's state after ``counts`` (B,) more patches of these series, at least one.

        firsts: (B,), where the first of them ends. states: where each network stands before, None for nothing read.
        """
        carried = list(states)
        most = max(1, AT_ONCE // (self.look_back * len(rows)))
        for done in range(0, int(counts.max()), most):
            left = (counts - done).clamp(0, most)
            steps = self._steps(rows, firsts + done * self.patch, int(left.max()), self._moments)
            carried = [member.read(steps, left, state) for member, state in zip(members, carried, strict=True)]
        return [state for state in carried if state is not None]

    def leave(self, windows: Windows, forecast: Tensor) -> Floats:
        """Forecasts (B, ...) after these windows, in the units of the data."""
        return left(windows, forecast)

    @cached_property
    def typical_step(self) -> float:
        """The mean seasonal step of the windows read as logarithms."""
        in_logs = self._table.seasonal_step[self._table.logs]
        return float(in_logs.mean()) if len(in_logs) else 0.0

    @cached_property
    def _table(self) -> Moments:
        """The moments of every place, to which training comes back."""
        places = [torch.arange(1, length + 1) for length in self.lengths.tolist()]
        return self._moments(torch.arange(len(places)).repeat_interleave(self.lengths), torch.cat(places))

    def _looked_up(self, rows: Tensor, ends: Tensor) -> Moments:
        places = self.starts[rows] + ends - 1
        return Moments(*(part[places] for part in self._table))

    def _moments(self, rows: Tensor, ends: Tensor) -> Moments:
        size = max(1, AT_ONCE // self.look_back)
        parts = [
            Moments.of(self.window(some, upto, 0), self.recent)
            for some, upto in zip(rows.split(size), ends.split(size), strict=True)
        ]
        return Moments(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _leading(self, ends: Tensor, most: int = sys.maxsize) -> tuple[Tensor, Tensor]:
        """The patches up to these places (B,): where the first one ends, and how many, no more than ``most``."""
        counts = (-(-ends // self.patch)).clamp(max=most)
        return ends - (counts - 1) * self.patch, counts

    def _steps(self, rows: Tensor, firsts: Tensor, count: int, moments: Callable[[Tensor, Tensor], Moments]) -> Tensor:
        """``count`` patches of each series as `PatchLSTM.read` takes them, the first of which ends at ``firsts`` (B,).

        Beyond the end of its series the last one is repeated.
        """
        ends = (firsts + self.patch * torch.arange(count)[:, None]).minimum(self.lengths[rows]).flatten()
        rows = rows.repeat(count)
        raw, seen, _ = self.gather(rows, ends, torch.arange(-self.patch, 0))
        return moments(rows, ends).patches(raw, seen).view(count, len(firsts), -1)
