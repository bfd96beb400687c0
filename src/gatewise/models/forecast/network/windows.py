"""Windows of a panel as batched tensors: one flat array of values and index arithmetic, no loop per window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....tables.panel import Floats, Panel
from .covariates import Beside
from .encoding import Encoding
from .network import PatchLSTM
from .scaling import Space, WindowScale, features, seasonal_step

Memory = Callable[[PatchLSTM], Tensor]


@dataclass(frozen=True)
class Windows:
    """B windows in working space; a window's origin is the number of observations before its forecast.

    rows: int64 (B,), positions of the series. past: float64 (B, L), 0 where not seen. seen: bool (B, L).
    future: float64 (B, h), 0 where not known. known: bool (B, h). steps: int64 (B, h), each future's position
    in its series. seasonal_step: float64 (B, 1). logs: bool (B, 1), whether working space is the logarithm.
    memory: what a network remembers, (B, H), at the end of each window; None where it reads the window from nothing.
    beside: what else is known of past and future; None where nothing is told.
    """

    rows: Tensor
    past: Tensor
    seen: Tensor
    future: Tensor
    known: Tensor
    steps: Tensor
    seasonal_step: Tensor
    logs: Tensor
    memory: Memory | None = None
    beside: Beside | None = None

    def normalised(self, recent: int) -> tuple[WindowScale, Tensor, Tensor]:
        """The windows' scale, their normalised past (B, L) and features (B, FEATURES), both float32."""
        scale = WindowScale.of(self.past, self.seen, self.seasonal_step, recent)
        past = torch.where(self.seen, scale.apply(self.past), 0.0)
        return scale, past.float(), features(scale, self.seen, self.seasonal_step, self.logs).float()


class Laid:
    """Series laid end to end. values: float64 (N,). starts, lengths: int64 (S,)."""

    def __init__(self, values: Sequence[Floats]) -> None:
        self.values = torch.from_numpy(np.concatenate(values))
        self.lengths = torch.tensor([len(one) for one in values])
        self.starts = self.lengths.cumsum(0) - self.lengths

    def draw(self, count: int, needs: int, horizon: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows and origins of random windows: every series alike, then every origin of a series alike.

        An origin has at least ``needs`` observations before it and, where the series is long enough, a whole
        horizon after it. Series of ``needs`` observations or fewer are passed over.
        """
        usable = torch.nonzero(self.lengths > needs).squeeze(1)
        rows = usable[torch.randint(len(usable), (count,), generator=generator)]
        choices = (self.lengths[rows] - horizon - needs).clamp(min=0) + 1
        origins = needs + (torch.rand(count, generator=generator, dtype=torch.float64) * choices).long()
        return rows, origins

    def gather(self, rows: Tensor, origins: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (0 outside the series), whether inside, and positions, each (B, len(offsets))."""
        positions = origins[:, None] + offsets
        inside = (positions >= 0) & (positions < self.lengths[rows, None])
        flat = torch.where(inside, self.starts[rows, None] + positions, 0)
        return torch.where(inside, self.values[flat], 0.0), inside, positions


@dataclass(frozen=True)
class SideBySide:
    """What else is known of series, laid end to end: columns (N, K) float32. starts, lengths: int64 (S,)."""

    columns: Tensor
    starts: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, encoding: Encoding, panel: Panel, horizon: int) -> SideBySide:
        """That of a panel, up to the horizon after the end of each series."""
        told = encoding.told(panel, horizon)
        lengths = torch.tensor([len(one) for one in told])
        return cls(torch.from_numpy(np.concatenate(told)), lengths.cumsum(0) - lengths, lengths)

    def windows(self, rows: Tensor, origins: Tensor, look_back: int, horizon: int) -> Beside:
        """That of windows; before the beginning of a series it is as it was there."""
        positions = (origins[:, None] + torch.arange(-look_back, horizon)).clamp(min=0)
        positions = self.starts[rows, None] + positions.minimum(self.lengths[rows, None] - 1)
        if positions.numel() >= len(self.columns):  # sizes that vary leave gigabytes of holes in memory
            return Beside(self.columns, positions)
        different, where = torch.unique(positions, return_inverse=True)
        return Beside(self.columns[different], where)


class Store(Laid):
    """All series of a panel in working space, which each has to itself, with its seasonal step.

    spaces: one per series. seasonal_steps: float64 (S,). typical_step: the mean seasonal step of the series read as
    logarithms. encoding, horizon: how covariates are told, and how far beyond the end of each series; None for none.
    """

    def __init__(self, panel: Panel, season: int, encoding: Encoding | None = None, horizon: int = 0) -> None:
        self.spaces = tuple(Space.of(values) for values in panel.values)
        working = [space.enter(values) for space, values in zip(self.spaces, panel.values, strict=True)]
        super().__init__(working)
        self.seasonal_steps = torch.tensor([seasonal_step(values, season) for values in working], dtype=torch.float64)
        self.logs = torch.tensor([space.log for space in self.spaces])
        in_logs = self.seasonal_steps[self.logs]
        self.typical_step = float(in_logs.mean()) if len(in_logs) else 0.0
        self._beside = None if encoding is None else SideBySide.of(encoding, panel, horizon)

    def windows(self, rows: Tensor, origins: Tensor, look_back: int, horizon: int) -> Windows:
        """The windows of these series (B,) at these origins (B,)."""
        past, seen, _ = self.gather(rows, origins, torch.arange(-look_back, 0))
        future, known, steps = self.gather(rows, origins, torch.arange(horizon))
        beside = self._beside and self._beside.windows(rows, origins, look_back, horizon)
        step, logs = self.seasonal_steps[rows, None], self.logs[rows, None]
        return Windows(rows, past, seen, future, known, steps, step, logs, beside=beside)

    def last(self, rows: Tensor, look_back: int, horizon: int) -> Windows:
        """The windows that end with the last observation of these series (B,)."""
        return self.windows(rows, self.lengths[rows], look_back, horizon)

    def leave(self, windows: Windows, forecast: Tensor) -> Floats:
        """Forecasts (B, ...) after these windows, in the units of the data."""
        spaces = [self.spaces[row] for row in windows.rows.tolist()]
        return np.stack([space.leave(one) for space, one in zip(spaces, forecast.numpy(), strict=True)])
