"""What if: a gate, a state or any other number of the step is set to something else, and the model runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .clamp import Clamp, Clamped, Patch, check_clamps
from .intercept import first_tensor, the_layer, watched

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Effect:
    """What the intervention did. before, after: the output read, without and with it. change: after - before."""

    before: Tensor
    after: Tensor
    change: Tensor

    def to_pandas(self) -> pd.DataFrame:
        """A row for each number of the output, by its place in the tensor."""
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

    model: a recurrent layer of ours or of torch.nn, or any model around one, named by ``of`` where it has several. x,
    hx, lengths: what it is called with. changes: each replaces what there was; where two set the same number, the
    later does. A gate that is set takes its complement with it, where the step writes 1 - gate as sigmoid(-a).
    readout: from what the model returns to a tensor; by default its first tensor.
    Both runs draw the same random numbers, are made by the kernels that run the layer, and without changes are the
    same bits. Raises InputError for names, steps, units, sequences and layers that there are not.
    """
    layer = the_layer(model, of)
    clamps = [change.clamp() if isinstance(change, Patch) else change for change in changes]
    more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
    arguments = (x,) if hx is None else (x, hx)
    read = readout or first_tensor
    with torch.no_grad():
        drawn = torch.get_rng_state()
        watch = Clamped(clamps)
        with watched(model, watch, layer) as ours:
            check_clamps(ours[layer], clamps)
            after = read(model(*arguments, **more))
        torch.set_rng_state(drawn)
        with watched(model, Clamped([]), layer):
            before = read(model(*arguments, **more))
    return Effect(before, after, after - before)
