"""Numbers that are not finite, or too many: refused before they do harm."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..kernels.device import is_at_hand, memory_beside

# Inputs beyond this are computed, but every gate that reads them is likely to sit at one of its ends.
HUGE = 1e6


def check_values(
    x: Tensor, where: Callable[[int], str], running: Callable[[], int | None] = lambda: None, stacklevel: int = 5
) -> None:
    """Raises InputError where a number of the rows (N, I) is NaN or infinite; warns where one is huge.

    where: (row) -> how to say which row it is. running: how many rows count. Only where values are at hand.
    """
    if not is_at_hand(x) or not x.is_floating_point():
        return
    x = x.detach()[: running()]
    if x.numel() == 0:
        return
    low, high = torch.aminmax(x)
    size = max(-low.item(), high.item())
    if not math.isfinite(size) or math.isnan(low.item()):
        row, feature = (~torch.isfinite(x)).nonzero()[0].tolist()
        raise InputError(
            f"the input is {x[row, feature].item()} at {where(row)}, feature {feature}",
            hint="repair it (torch.nan_to_num), or set module.allow_nonfinite = True",
        )
    if size > HUGE:
        warnings.warn(
            f"the input has values up to {size:.0e}: gates that read them are saturated; scale it",
            stacklevel=stacklevel,
        )


def check_memory(
    name: str, count: int, x: Tensor, *, share: float = 1.0, hint: str = "run over chunks of time, passing the state on"
) -> None:
    """Raises InputError where so many numbers do not fit into this machine's memory, or a share of it."""
    memory = memory_beside(x)
    if memory is None:
        return
    needed = count * x.element_size()
    if needed > share * memory:
        machine = "this machine has" if share == 1.0 else f"which is more than {share:.0%} of this machine's"
        raise InputError(f"{name} would take {needed / 2**30:,.0f} GiB, {machine} {memory / 2**30:,.0f} GiB", hint=hint)


def refuse_nonfinite(
    module: nn.Module,
    state_dict: dict[str, Any],
    prefix: str,
    local_metadata: Any,
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """A hook before loading: names every weight with NaN or infinities, unless ``module.allow_nonfinite``."""
    for name in () if getattr(module, "allow_nonfinite", False) else dict(module.named_parameters()):
        weight = state_dict.get(prefix + name)
        if isinstance(weight, Tensor) and weight.is_floating_point() and not weight.is_meta:
            wrong = int((~torch.isfinite(weight)).sum())
            if wrong:
                state_dict[prefix + name] = module.get_parameter(name).detach()  # it keeps what it has
                error_msgs.append(
                    f"{prefix + name} has {wrong} of {weight.numel()} values that are not finite; "
                    "set allow_nonfinite = True on the module to load them"
                )
