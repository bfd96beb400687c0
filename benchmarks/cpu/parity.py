"""No figure without the same result: what a peer gives is compared with ours before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..tolerance import PEER, PEER_BFLOAT16
from .workload import Call

_NAMES = ("outputs", "gradient of x", "gradient of W", "gradient of U")


class ParityError(Exception):
    """Two contenders do not compute the same."""


def check_parity(what: str, ours: Call, peers: Mapping[str, Call]) -> None:
    """Raises ParityError where a peer's results are not ours, within rounding."""
    mine = [_as_tensor(part) for part in ours()]
    most = PEER_BFLOAT16 if mine[0].dtype == torch.bfloat16 else PEER
    for peer, call in peers.items():
        for name, a, b in zip(_NAMES, mine, call(), strict=False):
            scale = max(1e-30, _largest(a))
            error = _largest(a - _as_tensor(b)) / scale
            if not error <= most:
                raise ParityError(f"{what}: {name} of {peer} differ from ours by {error:.1e} of the largest")


def _as_tensor(numbers: Any) -> torch.Tensor:
    """Whatever a library gives; NumPy has no bfloat16."""
    return numbers if isinstance(numbers, torch.Tensor) else torch.as_tensor(np.asarray(numbers))


def _largest(numbers: torch.Tensor) -> float:
    return float(numbers.abs().max()) if numbers.numel() else 0.0
