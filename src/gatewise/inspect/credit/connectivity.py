"""Which steps of the input each step of the output depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import InputError, ShapeError
from ...nn.check import check_tensor
from ..intercept import first_tensor, the_layer

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_BYTES = 2**27
_KEPT = 12  # numbers kept for backward, for each of the model's units at each step: gates, states and their gradients


@dataclass(frozen=True)
class Connectivity:
    """How strongly each step of the output depends on each step of the input, in one sequence of T steps.

    Attributes:
        strength: (T, T) float64, the Frobenius norm of d y_t / d x_k in row t, column k. A readout that gives fewer
            steps has fewer rows.
    """

    strength: Tensor

    @property
    def reach(self) -> Tensor:
        """(T,) float64: how many steps away the input of each output lies, weighted by strength."""
        outputs, inputs = self.strength.shape
        first = inputs - outputs
        lag = (torch.arange(first, inputs).unsqueeze(1) - torch.arange(inputs)).abs().double()
        return (self.strength * lag).sum(1) / self.strength.sum(1).clamp_min(torch.finfo(torch.float64).tiny)

    def to_pandas(self) -> pd.DataFrame:
        """The matrix, with outputs as rows and inputs as columns."""
        import pandas as pd

        return pd.DataFrame(self.strength.numpy()).rename_axis(index="output", columns="input")

    def __str__(self) -> str:
        outputs, inputs = self.strength.shape
        apart = float(self.reach.mean())
        return f"connectivity of {outputs} outputs and {inputs} inputs: on average {apart:.3g} steps apart"


def connectivity(
    model: nn.Module,
    x: Tensor,
    hx: Any = None,
    lengths: Any = None,
    *,
    readout: Callable[[Any], Tensor] | None = None,
    batch: int = 0,
    of: str = "",
) -> Connectivity:
    """The norm of the gradient of every step of the output with respect to every step of the input.

    Many outputs are differentiated at once, each in a copy of the sequence, by the kernels that train the layer; a
    small readout costs less than a wide output. The model runs in the mode that it is in.

    Args:
        model: A recurrent layer, or a model around one whose sequences lie as that layer's do.
        x: The input, (T, B, I) or (B, T, I).
        hx: Initial states for the batch, if given.
        lengths: (B,), of the sequences, if given.
        readout: From what the model returns to (T, B, K), in the same order of dimensions as x. By default its first
            tensor.
        batch: Number of the sequence.
        of: The name of the recurrent layer in the model, where it has several.

    Returns:
        The strengths, for the one sequence.

    Raises:
        InputError: x has no gradients, or the sequence or layer does not exist.
        ShapeError: What is read of the output has no steps.

    Source:
        Madsen, Visualizing memorization in RNNs, Distill 2019, doi:10.23915/distill.00016; there of one logit, here
        the Frobenius norm over all numbers of an output.
    """
    layer: Any = the_layer(model, of)
    sequence = _one(x, lengths, batch, batch_first=layer.batch_first)
    read = _Differentiated(model, layer, sequence, _one_state(hx, batch), readout)
    with torch.enable_grad():
        return Connectivity(read.strengths())


class _Differentiated:
    """One sequence, (T, I), copied along the batch, and what the model makes of it."""

    def __init__(
        self, model: nn.Module, layer: Any, x: Tensor, hx: Any, readout: Callable[[Any], Tensor] | None
    ) -> None:
        self.model, self.batch_first, self.x, self.hx, self.readout = model, bool(layer.batch_first), x, hx, readout
        self.largest = _CHUNK_BYTES // max(1, _KEPT * len(x) * _numbers(layer, x) * x.itemsize)

    def strengths(self) -> Tensor:
        """The squares of the gradients' numbers are added up output by output."""
        outputs, width = self._read(self.x.unsqueeze(1)).shape[0::2]
        squares = torch.zeros(outputs * width, len(self.x), dtype=torch.float64)
        size = max(1, self.largest)
        for first in range(0, outputs * width, size):
            numbers = torch.arange(first, min(first + size, outputs * width))
            copies = self.x.unsqueeze(1).repeat(1, len(numbers), 1).requires_grad_()
            y = self._read(copies)[numbers // width, torch.arange(len(numbers)), numbers % width]
            (gradient,) = torch.autograd.grad(y.sum(), copies)
            squares[numbers] = gradient.double().square().sum(2).t().cpu()
        return squares.view(outputs, width, len(self.x)).sum(1).sqrt()

    def _read(self, copies: Tensor) -> Tensor:
        """(T, copies, K)."""
        x = copies.transpose(0, 1) if self.batch_first else copies
        hx = None if self.hx is None else _copied(self.hx, copies.shape[1])
        output = self.model(x) if hx is None else self.model(x, hx)
        y = first_tensor(output) if self.readout is None else self.readout(output)
        if y.dim() != 3 or y.shape[1 - self.batch_first] != copies.shape[1]:
            raise ShapeError(f"the output read is {tuple(y.shape)}", hint="give a readout to (T, B, K)")
        return y.transpose(0, 1) if self.batch_first else y


def _one(x: Tensor, lengths: Any, batch: int, *, batch_first: bool) -> Tensor:
    """(T, I), without padding."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.dim() != 3:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError("connectivity needs a batch of sequences of real numbers", hint="give a (T, B, I) tensor")
    x = x.transpose(0, 1) if batch_first else x
    if not 0 <= batch < x.shape[1]:
        raise InputError(f"there is no sequence {batch}", hint=f"there are 0 to {x.shape[1] - 1}")
    length = len(x) if lengths is None else int(torch.as_tensor(lengths)[batch])
    if not 1 <= length <= len(x):
        raise InputError(f"sequence {batch} has {length} steps of {len(x)}")
    return x[:length, batch].detach()


def _one_state(hx: Any, batch: int) -> Any:
    """The states of one sequence; their last dimension but one is that of the batch."""
    if isinstance(hx, tuple | list):
        return type(hx)(_one_state(state, batch) for state in hx)
    if hx is None:
        return None
    check_tensor("the initial state", hx)
    return hx.detach().narrow(-2, batch, 1)


def _copied(hx: Any, count: int) -> Any:
    if isinstance(hx, tuple | list):
        return type(hx)(_copied(state, count) for state in hx)
    return hx.expand(*hx.shape[:-2], count, hx.shape[-1])


def _numbers(layer: Any, x: Tensor) -> int:
    """How many units run at each step, in all layers and directions, and numbers of the input."""
    sizes = layer.hidden_size if isinstance(layer.hidden_size, list) else [layer.hidden_size] * layer.num_layers
    return x.shape[1] + sum(sizes) * (2 if layer.bidirectional else 1)
