"""Weights that are not numbers are refused when they are loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


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
    for name in () if getattr(module, "allow_nonfinite", False) else dict(module.named_parameters(recurse=False)):
        weight = state_dict.get(prefix + name)
        if isinstance(weight, Tensor) and weight.is_floating_point() and weight.device.type != "meta":
            wrong = int((~torch.isfinite(weight)).sum())
            if wrong:
                error_msgs.append(
                    f"{prefix + name} has {wrong} of {weight.numel()} values that are not finite; "
                    "set allow_nonfinite = True on the module to load them"
                )
