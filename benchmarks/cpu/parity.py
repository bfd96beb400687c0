"""No figure without the same result: what a peer gives is compared with ours before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..tolerance import PEER
from .workload import Call

_NAMES = ("outputs", "gradient of x", "gradient of W", "gradient of U")


class ParityError(Exception):
    """Two contenders do not compute the same."""


def check_parity(what: str, ours: Call, peers: Mapping[str, Call]) -> None:
    """Raises ParityError where a peer's results are not ours, within rounding."""
    mine = [torch.as_tensor(np.asarray(part)) for part in ours()]
    for peer, call in peers.items():
        for name, a, b in zip(_NAMES, mine, call(), strict=False):
            theirs = torch.as_tensor(np.asarray(b))
            scale = max(1e-30, _largest(a))
            error = _largest(a - theirs) / scale
            if not error <= PEER:
                raise ParityError(f"{what}: {name} of {peer} differ from ours by {error:.1e} of the largest")


def _largest(numbers: torch.Tensor) -> float:
    return float(numbers.abs().max()) if numbers.numel() else 0.0
