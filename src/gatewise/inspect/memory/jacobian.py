"""How far back a state reaches: the true Jacobian over lags, beside what the forget path alone would say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import InputError
from ...nn.check import check_memory
from ..records import Record, check_sequence
from ..replay import LayerSteps, PlainLoop
from .timescales import keeping, the_state

if TYPE_CHECKING:
    import pandas as pd

NORMS = ("spectral", "frobenius", "memory_spectral", "memory_frobenius", "forget_spectral", "forget_frobenius")
_CHUNK_BYTES = 2**26
_COPIES = 4  # of a chunk's matrices that are there at once


@dataclass(frozen=True)
class LagNorms:
    """Norms of d states(at) / d states(at - lag), of one sequence in one layer and direction, for lags 1 to K.

    Attributes:
        cell: Name of the cell.
        state: The state whose memory is looked at.
        at: The step looked back from, in the input's time.
        spectral: (K,) float64, largest singular value, of all states together.
        frobenius: (K,) float64, root of the sum of squares, of all states together.
        memory_spectral: (K,) float64, largest singular value, of ``state`` to itself.
        memory_frobenius: (K,) float64, root of the sum of squares, of ``state`` to itself.
        forget_spectral: (K,) float64, largest factor of the forget path alone, a diagonal of products.
        forget_frobenius: (K,) float64, root of the sum of squares, of the forget path alone.
    """

    cell: str
    state: str
    at: int
    spectral: Tensor
    frobenius: Tensor
    memory_spectral: Tensor
    memory_frobenius: Tensor
    forget_spectral: Tensor
    forget_frobenius: Tensor

    @property
    def ratio(self) -> Tensor:
        """(K,) float64: how many times further the state reaches than by its forget path alone."""
        return self.memory_spectral / self.forget_spectral

    def to_pandas(self) -> pd.DataFrame:
        """A table with a row for each lag, and a column for each norm and the ratio."""
        import pandas as pd

        table = pd.DataFrame({name: getattr(self, name).numpy() for name in (*NORMS, "ratio")})
        return table.set_axis(range(1, len(table) + 1)).rename_axis("lag")

    def __str__(self) -> str:
        lags = len(self.spectral)
        true, forget, ratio = (float(norms[-1]) for norms in (self.memory_spectral, self.forget_spectral, self.ratio))
        return (
            f"{self.state} of {self.cell} at step {self.at}, {lags} steps back: its Jacobian has norm {true:.3g}, "
            f"the forget path alone says {forget:.3g}, {ratio:.3g} times"
        )


def step_jacobians(
    record: Record, span: tuple[int, int] | None = None, *, layer: int = 0, direction: int = 0, batch: int = 0
) -> Tensor:
    """d states(t) / d states(t - 1) at every recorded step of a sequence, by torch.func.jacrev of the plain step.

    t - 1 is the step that ran before; in a backward direction that is the next in time.

    Args:
        record: The record of a run, of every step.
        span: (first, end) in time, ``end`` not in it. By default the whole sequence.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Number of the sequence.

    Returns:
        (T, K, K), K the widths of all states together, in the cell's order; dtype of the record.

    Raises:
        InputError: The span, layer, direction or sequence does not exist; or the result would take more than a
            quarter of the machine's memory, which is checked before anything is allocated.
    """
    steps = LayerSteps(record, layer, direction)
    first, end = _span(steps, span, batch)
    size = sum(steps.widths)
    what = f"{end - first:,} Jacobians of {size} x {size}"
    check_memory(what, (end - first) * size**2, steps.record.x, share=0.25, hint="give a shorter span=(first, end)")
    return torch.cat(list(_chunks(steps, list(range(first, end)), batch)) or [steps.record.x.new_zeros(0, size, size)])


def lag_norms(
    record: Record,
    lags: int | None = None,
    *,
    at: int | None = None,
    state: str = "",
    layer: int = 0,
    direction: int = 0,
    batch: int = 0,
) -> LagNorms:
    """Norms of the product of the steps' Jacobians over 1 to ``lags`` steps, beside those of the forget path alone.

    Args:
        record: The record of a run, of every step.
        lags: How many steps to look back. By default as many as there are.
        at: The step to look back from, in the input's time. By default the last that ran.
        state: The state whose memory is looked at. By default the cell's memory.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Number of the sequence.

    Returns:
        The norms, of products taken in float64.

    Raises:
        CellError: No gate keeps the state.
        InputError: A step, state, layer, direction or sequence does not exist, or a Jacobian would be too large.
    """
    steps = LayerSteps(record, layer, direction)
    name = the_state(record.cell, state)
    times = _back(steps, at, lags, batch)
    _check_product(steps)
    forget = keeping(record, layer, direction, name)[times, batch].double().cumprod(0)
    block = _block(steps, name)
    rows: list[tuple[Tensor, ...]] = []
    product = torch.eye(sum(steps.widths), dtype=torch.float64, device=forget.device)
    for chunk in _chunks(steps, times, batch):
        for matrix in chunk.double():
            product = product @ matrix
            memory = product[block, block]
            rows.append((*_norms(product), *_norms(memory)))
    norms = [torch.stack(lag).cpu() for lag in zip(*rows, strict=True)]
    norms += [forget.abs().amax(1).cpu(), forget.square().sum(1).sqrt().cpu()]
    return LagNorms(record.cell.name, name, times[0], **dict(zip(NORMS, norms, strict=True)))


def _norms(matrix: Tensor) -> tuple[Tensor, Tensor]:
    return torch.linalg.matrix_norm(matrix, 2), torch.linalg.matrix_norm(matrix)


def _block(steps: LayerSteps, name: str) -> slice:
    index = steps.cell.state.index(name)
    begin = sum(steps.widths[:index])
    return slice(begin, begin + steps.widths[index])


def _span(steps: LayerSteps, span: tuple[int, int] | None, batch: int) -> tuple[int, int]:
    check_sequence(steps.record, batch)
    length = int(steps.record.lengths[batch])
    first, end = (0, length) if span is None else span
    if not 0 <= first <= end <= length:
        raise InputError(f"the span {span} does not lie in sequence {batch}", hint=f"it has steps 0 to {length - 1}")
    return first, end


def _back(steps: LayerSteps, at: int | None, lags: int | None, batch: int) -> list[int]:
    """The steps whose Jacobians are multiplied, the latest to run first."""
    length = _span(steps, None, batch)[1]
    reverse = steps.record.reverse
    at = (0 if reverse else length - 1) if at is None else at
    if not 0 <= at < length:
        raise InputError(f"sequence {batch} has no step {at}", hint=f"it has {length} steps")
    times = list(range(at, length)) if reverse else list(range(at, -1, -1))
    if lags is not None and not 1 <= lags <= len(times):
        raise InputError(f"{lags} steps back from step {at}", hint=f"there are 1 to {len(times)}")
    return times[:lags]


def _check_product(steps: LayerSteps) -> None:
    size = sum(steps.widths)
    hint = "take a smaller layer: the matrix has a row and a column for each number of the state"
    check_memory(f"a Jacobian of {size} x {size}", 2 * _COPIES * size**2, steps.record.x, share=0.25, hint=hint)


def _chunks(steps: LayerSteps, times: list[int], batch: int):
    """The Jacobians of these steps in turn, as many at once as memory is set aside for."""
    size = sum(steps.widths)
    count = max(1, _CHUNK_BYTES // (_COPIES * size**2 * steps.record.x.itemsize))
    x = steps.record.x[times, batch]
    states = torch.cat([state[times, batch] for state in steps.previous()], dim=-1)

    def step(x: Tensor, states: Tensor) -> Tensor:
        before = [state.unsqueeze(0) for state in states.split(steps.widths)]
        return torch.cat(steps.taken(x.unsqueeze(0), before, PlainLoop()), dim=-1).squeeze(0)

    one = torch.func.vmap(torch.func.jacrev(step, argnums=1))
    for begin in range(0, len(times), count):
        part = slice(begin, begin + count)
        yield one(x[part], states[part]).detach()
