"""How long each unit remembers along its forget path."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import InputError
from ..record import Record
from ..replay import inside
from .forgetting import keeping, the_state

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Timescales:
    """Time constants of one layer in one direction, in steps.

    tau: (H,) float64, after how many steps a unit's memory has fallen to 1/e. half_life: (H,), to a half. censored:
    (H,) bool, tau is longer than the longest sequence; tau and half-life are then what that length says they exceed.
    survival: (K + 1, H), the mean share left after 0 to K steps. steps: T, of the longest sequence.
    """

    cell: str
    state: str
    layer: int
    direction: int
    tau: Tensor
    half_life: Tensor
    censored: Tensor
    survival: Tensor
    steps: int

    def written(self, unit: int) -> str:
        """A unit's time constant, ``>T`` where the sequences are too short to tell."""
        return f">{self.steps}" if self.censored[unit] else f"{float(self.tau[unit]):.3g}"

    def to_pandas(self) -> pd.DataFrame:
        """A row for each unit."""
        import pandas as pd

        columns = {"tau": self.tau, "half_life": self.half_life, "censored": self.censored}
        table = pd.DataFrame({name: column.numpy() for name, column in columns.items()})
        return table.rename_axis("unit")

    def __str__(self) -> str:
        order = self.tau.argsort(stable=True).tolist()
        shortest, middle, longest = (self.written(order[at]) for at in (0, (len(order) - 1) // 2, -1))
        text = f"time constants of {self.state} in {self.cell}, layer {self.layer}, direction {self.direction}: "
        text += f"{shortest} to {longest} steps, median {middle}"
        return text + (f"; {int(self.censored.sum())} units beyond the data" if self.censored.any() else "")


def timescales(
    record: Record, *, layer: int = 0, direction: int = 0, state: str = "", lags: int | None = None
) -> Timescales:
    """Time constants from the forget path: the factor k with which a unit's memory enters its next value.

    tau = -1 / mean over steps of ln k, the geometric mean: -1 / ln of the mean k overstates it. Half-life ln 2 * tau.
    Survival: the mean over all stretches of n steps of the product of k. state: by default the memory. lags: how far
    survival goes, by default up to 64. What comes back through U is left out; see :func:`.lag_norms` for all of it.
    Raises CellError for a state that no gate keeps, InputError for a record without steps or one that leaves some out.
    """
    name = the_state(record.cell, state)
    running = inside(record.layer(layer, direction))
    if not running.any():
        raise InputError("the record holds no step")
    kept = keeping(record, layer, direction, name).double().abs().cpu()
    steps = int(record.lengths.max())
    tau = -1.0 / kept[running].log().mean(0)
    tau[~(tau > 0)] = math.inf  # it grows, or does not fall
    censored = tau > steps
    tau = tau.clamp(max=steps)
    lags = min(steps, 64) if lags is None else min(lags, steps)
    survival = _survival(kept, running, lags)
    place = (record.cell.name, name, layer, direction)
    return Timescales(*place, tau, math.log(2.0) * tau, censored, survival, steps)


def _survival(kept: Tensor, running: Tensor, lags: int) -> Tensor:
    """For 0 to ``lags`` steps, the mean product over all stretches of so many that lie in a sequence."""
    product = torch.ones_like(kept)
    found = [product.new_ones(kept.shape[2])]
    for lag in range(1, lags + 1):
        product = product[: len(kept) - lag + 1] * kept[lag - 1 :]
        found.append(product[running[lag - 1 :]].mean(0))
    return torch.stack(found)
