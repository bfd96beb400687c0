"""On which devices torch's own kernels are right, and for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..layer import Layer
from .calls import Calls, Composite, Cudnn

_MOST_STEPS = 65_535  # pytorch#133751
_MOST_ROWS = 65_535  # pytorch#177834
_BFLOAT16_SINCE = 91_300  # cuDNN 9.13, pytorch#164411


@dataclass(frozen=True)
class Place:
    """A kind of device. name: of the kernels. dtypes: in which they are right. refusal: why they do not run a layer
    there, as a clause, empty where they do."""

    name: str
    calls: Calls
    dtypes: frozenset[torch.dtype]
    refusal: Callable[[Layer], str]


def kind_of(tensor: Tensor) -> str:
    """The kind of device that a tensor is on: torch calls AMD's cuda too."""
    kind = tensor.device.type
    return "rocm" if kind == "cuda" and torch.version.hip else kind


CUDNN = Cudnn()
_FLOAT32 = frozenset({torch.float32})
_HALF = frozenset({torch.float16, torch.bfloat16})


def _cudnn(layer: Layer) -> str:
    cudnn = torch.backends.cudnn
    if not (cudnn.enabled and cudnn.is_available()):
        return "cuDNN is switched off or missing"
    if not CUDNN.is_known:
        return f"torch {torch.__version__} calls cuDNN otherwise than this was written for"
    if torch.are_deterministic_algorithms_enabled():
        return "deterministic algorithms are asked for, which cuDNN does not promise"
    if layer.x.dtype == torch.bfloat16 and (cudnn.version() or 0) < _BFLOAT16_SINCE:
        return "bfloat16 needs cuDNN 9.13 (pytorch#164411)"
    return f"more than {_MOST_STEPS} steps fail in cuDNN (pytorch#133751)" if layer.steps > _MOST_STEPS else ""


def _miopen(layer: Layer) -> str:
    wrong = layer.steps * layer.rows > _MOST_ROWS
    return f"MIOpen is wrong beyond {_MOST_ROWS} steps times sequences (pytorch#177834)" if wrong else ""


def _never(layer: Layer) -> str:
    return ""


PLACES: Mapping[str, Place] = {
    "cuda": Place("cuDNN", CUDNN, _HALF | _FLOAT32 | {torch.float64}, _cudnn),
    # MIOpen in half precision is off by a sixth (pytorch#177834).
    "rocm": Place("MIOpen", Composite(), _FLOAT32, _miopen),
    # bfloat16 is broken there (torch-xpu-ops#4066), float16 not known to be right.
    "xpu": Place("torch's layers for XPU", Composite(), _FLOAT32, _never),
}

WRONG: Mapping[str, str] = {
    "mps": "gradients of torch's layers are wrong or NaN there (pytorch#190056, #190057, #94691)",
}
"""Kinds of device where they are not used, and why."""
