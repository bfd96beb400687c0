"""Models as C files that are known to compute what the module computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...files import atomic_write, check_writable
from ...nn.chain import Chain
from ...nn.recurrent import Recurrent
from ..accept import Limit, accepted
from ..width import width_of
from .draft import Draft
from .files import Golden, Sizes, golden_inputs, header, source
from .layouts import LAYOUTS
from .parts import add_chain
from .text import checked_name

LIMIT = Limit("a C file", 64 << 20)
FLAGS = {
    "generic": "-O2",
    "simd": "-O3 -march=native",
    "cortex-m4": "-Os, for size and few instructions, or -O2",
    "cortex-m55": "-O3",
}
"""By target, for the compiler."""

_GOLDEN_STEPS, _GOLDEN_TOLERANCE = 16, 4e-6


@dataclass(frozen=True)
class Exported:
    """What was written, and what it takes: bytes of weights, of one state and of a step's arrays, and operations."""

    source: Path
    header: Path
    sizes: Sizes


def write(model: nn.Module, path: str | Path, *, name: str, target: str) -> Exported:
    """See :func:`gatewise.export.to_c`."""
    checked_name(name)
    if target not in LAYOUTS:
        raise InputError(f"there is no target {target!r}", where="target", hint=f"one of {', '.join(LAYOUTS)}")
    files = Path(path) / f"{name}.c", Path(path) / f"{name}.h"
    for file in files:
        check_writable(file)
    chain, _ = accepted(model, LIMIT)
    draft, inputs = Draft(f"{name}_", LAYOUTS[target]), width_of(chain)
    y = add_chain(draft, chain, inputs)
    sizes = Sizes.of(draft, inputs, y.size)
    texts = (
        source(name, draft, y, _golden(chain, inputs), inputs),
        header(name, _about(chain), draft, sizes, FLAGS[target]),
    )
    for file, text in zip(files, texts, strict=True):
        atomic_write(file, text)
    return Exported(*files, sizes)


@torch.no_grad()
def _golden(chain: Chain, inputs: int) -> Golden:
    """What the module says in evaluation mode."""
    parameter = next(iter(chain.parameters()), None)
    x = golden_inputs(_GOLDEN_STEPS, inputs)
    training = chain.training
    try:
        y = _run(chain.eval(), x if parameter is None else x.to(parameter))
    finally:
        chain.train(training)
    return Golden(y.float().cpu(), _GOLDEN_TOLERANCE * max(1.0, float(y.abs().max())))


def _run(chain: Chain, x: Tensor) -> Tensor:
    y, _ = chain(x)
    return y


def _about(chain: Chain) -> list[str]:
    lines = [f"{number}. {_named(part)}" for number, part in enumerate(chain.parts, 1)]
    return lines or ["nothing"]


def _named(part: nn.Module) -> str:
    if isinstance(part, Recurrent):
        return f"{type(part).__name__}({part.extra_repr()}) of cell {part.cell.name}"
    return f"{type(part).__name__}({part.extra_repr()})"
