"""Large matrix products by the faster of torch's two libraries.

torch.mm goes to MKL, which on AMD processors runs at less than half of what oneDNN reaches; the operator through which
torch's own compiler calls oneDNN is used where it pays.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

# Below this many multiplications oneDNN's 15 microseconds a call cost more than they save, as do thin matrices.
_WORTH_IT = 1_500_000
_WIDE_ENOUGH = 16


@lru_cache(maxsize=1)
def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def times(a: Tensor, b: Tensor) -> Tensor:
    """a (N, K) times b (K, M)."""
    return _linear(a.contiguous(), b.contiguous().t()) if _pays(a, b.shape[1]) else a @ b


def transposed_times(a: Tensor, b: Tensor) -> Tensor:
    """The transpose of a (N, K) times b (N, M), a sum over all rows: (K, M)."""
    return _linear(b.contiguous().t(), a.contiguous().t()).t() if _pays(a, b.shape[1]) else a.t() @ b


def _pays(a: Tensor, width: int) -> bool:
    wide = min(*a.shape, width) >= _WIDE_ENOUGH
    return wide and a.numel() * width >= _WORTH_IT and a.dtype == torch.float32 and _has_onednn()


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """x (N, K) times the transpose of weight (M, K); each must be contiguous, or the transpose of what is."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
