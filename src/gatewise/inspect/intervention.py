"""What if: a gate, a state or any other number of the step is set to something else, and the model runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .clamp import Clamp, Clamped, Patch, check_clamps
from .intercept import first_tensor, intercepted, the_layer

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Effect:
    """What an intervention did to the output.

    Attributes:
        before: The output read, without the changes.
        after: The output read, with them.
        change: after - before.
    """

    before: Tensor
    after: Tensor
    change: Tensor

    def to_pandas(self) -> pd.DataFrame:
        """A table of before, after and change, with a row for each number of the output, by its place in the tensor."""
        import pandas as pd

        levels = [range(size) for size in self.before.shape]
        names = [f"dim {at}" for at in range(self.before.dim())]
        index = pd.MultiIndex.from_product(levels, names=names) if levels else None
        columns = {"before": self.before, "after": self.after, "change": self.change}
        return pd.DataFrame({name: numbers.flatten().cpu().numpy() for name, numbers in columns.items()}, index=index)

    def __str__(self) -> str:
        size = self.change.abs()
        if not size.numel() or not float(size.max()):
            return f"no number of the output {tuple(size.shape)} changed"
        where = tuple(int(at) for at in torch.unravel_index(size.argmax(), size.shape))
        changed = int((size > 0).sum())
        return (
            f"{changed:,} of {size.numel():,} numbers of the output changed, most at {where}: "
            f"{float(self.before[where]):.4g} became {float(self.after[where]):.4g}"
        )


def intervene(
    model: nn.Module,
    x: Any,
    changes: Sequence[Clamp | Patch],
    hx: Any = None,
    lengths: Any = None,
    *,
    of: str = "",
    readout: Callable[[Any], Tensor] | None = None,
) -> Effect:
    """Run a model as it is, and again with some numbers of its recurrent layer set; what changed in its output.

    Both runs draw the same random numbers and are made by the kernels that run the layer; without changes they are the
    same bits. A gate that is set takes its complement with it, where the step writes 1 - gate as sigmoid(-a).

    Args:
        model: A recurrent layer of ``gatewise.nn`` or ``torch.nn``, or any model that holds one.
        x: The input that the model is called with.
        changes: Each replaces what the run computed; where two set the same number, the later one does.
        hx: Initial states that the model is called with, if given.
        lengths: Lengths of the sequences that the model is called with, if given.
        of: The name of the layer in the model, where it has several.
        readout: From what the model returns to a tensor. By default its first tensor.

    Returns:
        The output without and with the changes.

    Raises:
        InputError: A name, step, unit, sequence or layer does not exist, or a value does not broadcast.
    """
    layer = the_layer(model, of)
    clamps = [change.clamp() if isinstance(change, Patch) else change for change in changes]
    more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
    arguments = (x,) if hx is None else (x, hx)
    read = readout or first_tensor
    with torch.no_grad():
        drawn = torch.get_rng_state()
        watch = Clamped(clamps)
        with intercepted(model, watch, layer) as ours:
            check_clamps(ours[layer], clamps)
            after = read(model(*arguments, **more))
        torch.set_rng_state(drawn)
        with intercepted(model, Clamped([]), layer):
            before = read(model(*arguments, **more))
    return Effect(before, after, after - before)
