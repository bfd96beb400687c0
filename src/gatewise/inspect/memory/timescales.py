"""The forget path: what each state keeps of itself at every step, and how long each unit remembers by it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...compiler.signals import kept_and_written
from ...equation import Cell, Value
from ...errors import InputError
from ...transforms.rewrite import Rewriting, derived, memories
from ..intercept import Changed
from ..records import Record
from ..replay import LayerSteps, inside

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Timescales:
    """Time constants of one layer in one direction, in steps.

    Attributes:
        cell: Name of the cell.
        state: The state whose memory is looked at.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        tau: (H,) float64, after how many steps a unit's memory has fallen to 1/e.
        half_life: (H,) float64, after how many to a half.
        censored: (H,) bool: tau is longer than the longest sequence; tau and half-life are then what they exceed.
        survival: (K + 1, H) float64, the mean share left after 0 to K steps.
        steps: T, of the longest sequence.
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
        """A table of tau, half_life and censored, with a row for each unit."""
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

    tau = -1 / mean over steps of ln k, the geometric mean: -1 / ln of the mean k overstates it. Half-life is
    ln 2 * tau. Survival is the mean over all stretches of n steps of the product of k. What comes back through U is
    left out; `lag_norms` has all of it.

    Args:
        record: The record of a run, of every step.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        state: Name of the state. By default the cell's memory.
        lags: How far survival goes, in steps. By default up to 64.

    Returns:
        The time constants of every unit.

    Raises:
        CellError: No gate keeps the state.
        InputError: The record has no step or leaves some out, or no such layer, direction or state.
    """
    name = the_state(record.cell, state)
    running = inside(record.layer(layer, direction))
    if not running.any():
        raise InputError("the record holds no step")
    factors = keeping(record, layer, direction, name).double().abs().cpu()
    steps = int(record.lengths.max())
    tau = -1.0 / factors[running].log().mean(0)
    tau[~(tau > 0)] = math.inf  # it grows, or does not fall
    censored = tau > steps
    tau = tau.clamp(max=steps)
    lags = min(steps, 64) if lags is None else min(lags, steps)
    survival = _survival(factors, running, lags)
    place = (record.cell.name, name, layer, direction)
    return Timescales(*place, tau, math.log(2.0) * tau, censored, survival, steps)


def _survival(factors: Tensor, running: Tensor, lags: int) -> Tensor:
    """For 0 to ``lags`` steps, the mean product over all stretches of so many that lie in a sequence."""
    product = torch.ones_like(factors)
    means = [product.new_ones(factors.shape[2])]
    for lag in range(1, lags + 1):
        product = product[: len(factors) - lag + 1] * factors[lag - 1 :]
        means.append(product[running[lag - 1 :]].mean(0))
    return torch.stack(means)


def the_state(cell: Cell, state: str) -> str:
    """The state of that name, by default the cell's memory. Raises InputError for one that does not exist."""
    if state and state not in cell.state:
        raise InputError(f"{cell.name} has no state {state!r}", hint=f"its states: {', '.join(cell.state)}")
    return state or memories(cell)[0]


def keeping(record: Record, layer: int, direction: int, state: str) -> Tensor:
    """The factor with which each unit's state of the step before enters the new one, gates held: (T, B, H), zero
    beyond a sequence's end.

    Computed from the recorded states by the kernels that run the layer.
    Raises CellError for a state that has no such factor.
    """
    steps = LayerSteps(record, layer, direction)
    x = steps.record.x
    runner = Changed(lambda cell: _keeping(cell, state))
    steps.taken(x.flatten(0, 1), [state.flatten(0, 1) for state in steps.previous()], runner)
    heads = [factors for (factors,) in runner.more if len(factors)]  # of each head, where there are several
    width = steps.widths[steps.cell.state.index(state)] if steps.cell.widths else steps.units
    factors = torch.cat(heads, dim=-1).view(*x.shape[:2], steps.units)[..., :width]
    return factors.where(inside(steps.record).unsqueeze(2).to(factors.device), 0.0)


@lru_cache(maxsize=256)
def _keeping(cell: Cell, state: str) -> Cell:
    """The cell with the factor as a further state."""
    program = kept_and_written(cell, state)
    factor = program.values()[program.outputs["keep"]]
    state_of_its_own = factor if isinstance(factor, Value) else Value("add", factor, 0.0)
    new = Rewriting((*cell.outputs, state_of_its_own), dict(cell.values))
    names, starts = (*cell.state, f"keeps_{state}"), (*cell.initial, 0.0)
    return derived(cell, "keeping", new, (_keeping, (cell, state)), state=names, initial=starts)
