"""Series laid out for networks that carry their state: windows, and the patches that lead up to them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..panel import Floats
from .causal import CausalWindows, Moments, entered, least_in_logs, left, seasonal_steps
from .lstm_settings import Settings
from .network import PatchLSTM, State
from .windows import Laid, Memory, Windows

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
        return CausalWindows(rows, past, seen, future, known, steps, step, logs, memory, self.patch)

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
