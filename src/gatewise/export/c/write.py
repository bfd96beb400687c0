"""Models as C files that are known to compute what the module computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, argument
from ...files import atomic_write, check_writable
from ...nn.chain import Chain
from ...nn.recurrent import Recurrent
from ..accept import Limit, accepted
from .arrays import Array, Numbers
from .builder import Draft, Precision
from .calibration import Batches, checked, said, seen, signal_to_noise, steps_of
from .files import Golden, Quality, Sizes, golden_inputs, header, source
from .floats import Float
from .int_layouts import INT_LAYOUTS
from .ints import Int8
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

_GOLDEN_STEPS, _GOLDEN_TOLERANCE = 16, {"float32": 4e-6, "int8": 2e-4}


@dataclass(frozen=True)
class Exported:
    """What was written, and what it takes: bytes of weights, of one state and of a step's arrays, and operations.
    quality: of int8, how near the model it is."""

    source: Path
    header: Path
    sizes: Sizes
    quality: Quality | None = None


def write(
    model: nn.Module,
    path: str | Path,
    *,
    name: str,
    target: str,
    dtype: str,
    calibration: Tensor | Sequence[Tensor] | None,
) -> Exported:
    """See :func:`gatewise.export.to_c`."""
    check_choices(name, target, dtype)
    files = Path(path) / f"{name}.c", Path(path) / f"{name}.h"
    for file in files:
        check_writable(file)
    chain, _ = accepted(model, LIMIT)
    inputs = chain.input_size
    if dtype == "float32" and calibration is not None:
        raise InputError(
            "float32 takes no calibration", where=argument("calibration"), hint=f"use {argument('dtype', 'int8')}"
        )
    written = drafted(chain, f"{name}_", Float(LAYOUTS[target]), inputs)
    golden, quality = _golden(chain, inputs), None
    if dtype == "int8":
        written, golden, quality = in_whole_numbers(chain, written, target, checked(calibration, inputs))
    draft, y = written
    sizes = Sizes.of(draft, inputs, y.size)
    texts = (
        source(name, draft, y, golden, inputs),
        header(name, _about(chain), draft, sizes, FLAGS[target], quality),
    )
    for file, text in zip(files, texts, strict=True):
        atomic_write(file, text)
    return Exported(*files, sizes, quality)


def check_choices(name: str, target: str, dtype: str) -> None:
    """Raises InputError for words that `to_c` does not take."""
    checked_name(name)
    _check_choice(target, LAYOUTS, "target")
    _check_choice(dtype, _GOLDEN_TOLERANCE, "dtype")


def _check_choice(given: str, choices: Iterable[str], what: str) -> None:
    if given not in choices:
        raise InputError(f"there is no {what} {given!r}", where=what, hint=f"one of {', '.join(choices)}")


class Drafted(NamedTuple):
    """A draft, and where the output of a step is found."""

    draft: Draft
    y: Array


def drafted(chain: Chain, prefix: str, precision: Precision, inputs: int) -> Drafted:
    """Every part of a chain."""
    draft = Draft(prefix, precision)
    return Drafted(draft, add_chain(draft, chain, inputs))


def in_whole_numbers(chain: Chain, floats: Drafted, target: str, batches: Batches) -> tuple[Drafted, Golden, Quality]:
    """The same again in int8, with what the draft in floats sees on these."""
    inputs = batches[0].shape[2]
    precision = Int8(INT_LAYOUTS[target], seen(*floats, batches))
    found = drafted(chain, floats.draft.prefix, precision, inputs)
    run = found.draft.twin.run
    ratio = signal_to_noise([said(chain, x) for x in batches], [run(x, found.y)[0] for x in batches])
    given = golden_inputs(_GOLDEN_STEPS, inputs).numpy()
    golden = _golden_of(run(given[:, None], found.y)[0][:, 0], "int8")
    return found, golden, Quality(ratio, steps_of(batches), precision.largest)


def _golden(chain: Chain, inputs: int) -> Golden:
    """What the module says in evaluation mode."""
    return _golden_of(said(chain, golden_inputs(_GOLDEN_STEPS, inputs).numpy()[:, None])[:, 0], "float32")


def _golden_of(y: Numbers, dtype: str) -> Golden:
    largest = float(np.abs(y).max())
    return Golden(torch.from_numpy(y), _GOLDEN_TOLERANCE[dtype] * max(1.0, largest))


def _about(chain: Chain) -> list[str]:
    lines = [f"{number}. {_named(part)}" for number, part in enumerate(chain.parts, 1)]
    return lines or ["nothing"]


def _named(part: nn.Module) -> str:
    if isinstance(part, Recurrent):
        return f"{type(part).__name__}({part.extra_repr()}) of cell {part.cell.name}"
    return f"{type(part).__name__}({part.extra_repr()})"
