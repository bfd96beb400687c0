"""C1. The constant error carousel: what the cell's state passes back in time is what it got, to the last bit.

Hochreiter, Schmidhuber, Long Short-Term Memory, 1997, section 3.2 and appendix A.1. Truncated as there: no error
leaves a cell through the net input of a gate, so h is cut from the graph before it is fed back. Then dc_T / dc_0 is
the product of the forget gates, and the cell of 1997 has none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gatewise.cells import CELLS
from gatewise.nn import RecurrentCell

from ..goals import EverySeed
from ..networks import size
from ..task import Found, Task

STEPS, ROWS, INPUTS, UNITS = 2000, 2, 4, 8
FAR = "largest |dc_T/dc_0 - 1|"


def _same(h: Tensor) -> Tensor:
    return h


def carried(step: nn.Module, cut: Callable[[Tensor], Tensor] = Tensor.detach) -> Found:
    """How far the gradient of the last cell state by the first is from one, over all units and rows."""
    x = torch.randn(STEPS, ROWS, INPUTS)
    first = torch.randn(ROWS, UNITS, requires_grad=True)
    h, c = torch.zeros(ROWS, UNITS), first
    for one in x:
        h, c = step(one, (cut(h), c))
    (gradient,) = torch.autograd.grad(c.sum(), first)
    return Found({FAR: (gradient - 1).abs().max().item(), "largest": gradient.abs().max().item()}, size(step))


def task() -> Task:
    """The line, the same in both forms."""
    return Task(
        "C1",
        "constant error carousel",
        f"error flows back through the cell of 1997 unchanged, over {STEPS} steps",
        "1, exactly (Hochreiter & Schmidhuber 1997, section 3.2)",
        {
            "LSTM 1997, truncated": lambda _: carried(RecurrentCell(CELLS["lstm_1997"], INPUTS, UNITS)),
            "LSTM 1997, not truncated": lambda _: carried(RecurrentCell(CELLS["lstm_1997"], INPUTS, UNITS), _same),
            "torch.nn.LSTMCell, truncated": lambda _: carried(nn.LSTMCell(INPUTS, UNITS)),
        },
        [EverySeed("LSTM 1997, truncated", FAR, 0.0, 0.0)],
    )
