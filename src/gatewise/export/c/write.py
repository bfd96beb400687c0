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
from ...files import atomic_write, check_writable, path_of, refuse_file_for_folder
from ...nn.chain import Chain
from ...nn.recurrent import Recurrent
from ..accept import SizeLimit, accepted
from . import DTYPE, TARGET
from .arithmetic import FloatArithmetic, Int8Arithmetic
from .arrays import CArray, Numbers
from .builder import Arithmetic, FileBuilder
from .calibration import Batches, checked, outputs_of, signal_to_noise, statistics_of, steps_of
from .files import Footprint, Golden, Quality, golden_inputs, header, source
from .int_layouts import INT8_LAYOUTS
from .layouts import LAYOUTS
from .parts import add_chain
from .text import checked_name

LIMIT = SizeLimit("a C file", 64 << 20)
FLAGS = {
    "generic": "-O2",
    "simd": "-O3 -march=native",
    "cortex-m4": "-Os, for size and few instructions, or -O2",
    "cortex-m55": "-O3",
}
"""Good compiler flags for each target."""

_GOLDEN_STEPS, _GOLDEN_TOLERANCE = 16, {"float32": 4e-6, "int8": 2e-4}


@dataclass(frozen=True)
class ExportedC:
    """What `to_c` has written.

    Attributes:
        source: The ``.c`` file.
        header: The ``.h`` file.
        sizes: Inputs, outputs and states as counts of numbers; bytes of weights, of one state and of a step's arrays;
            and multiplications of one step.
        quality: How near an int8 file is to the model on the calibration data; None for float32.
    """

    source: Path
    header: Path
    sizes: Footprint
    quality: Quality | None = None


def to_c(
    model: nn.Module,
    path: str | Path,
    *,
    name: str = "model",
    dtype: str = DTYPE,
    target: str = TARGET,
    calibration: Tensor | Sequence[Tensor] | None = None,
) -> ExportedC:
    """Write a model as ``name.c`` and ``name.h``, C99, which compute step by step what the module computes.

    The files need no library and no heap. Their functions are ``name_reset(name_state *)``,
    ``name_step(name_state *, const float *x, float *y)``, ``name_run(..., size_t steps)``, ``name_get_state``,
    ``name_set_state``, and with ``NAME_SELFTEST`` defined ``int name_selftest(void)``. The y of a recurrent module is
    the output of its last layer.

    Args:
        model: A `gatewise.nn.Chain`, a recurrent module in one direction, or ``torch.nn.LSTM``, ``GRU`` or
            ``RNN``. Weights of float64 are rounded to float32.
        path: The folder in which to write; it must exist.
        name: What the files, types and functions are called.
        dtype: ``"float32"``, or ``"int8"``: weights of int8 with a scale for each row, outputs of layers in int16,
            memories in int32, sums in int32 that are proven not to overflow, gates in float.
        target: ``"generic"``; ``"simd"`` for processors with wide vectors; ``"cortex-m4"`` for scalar cores with a
            float unit; ``"cortex-m55"`` for Helium. They differ in the order of weights in memory and in speed, not
            in results.
        calibration: For int8, inputs like those the model will see, (T, I) or (T, B, I), or a list of such tensors,
            from which inputs and states get their ranges.

    Returns:
        The files, their sizes and, for int8, the signal-to-noise ratio on the calibration data in dB.

    Raises:
        InputError: For a part that cannot be exported, a weight that is empty or not finite, more than 64 MiB of
            weights, a row of int8 weights whose sum could overflow, calibration that is missing, not finite or of
            another shape, a name that C does not allow, or a folder that cannot be written. Nothing is written then.
    """
    check_choices(name, target, dtype)
    refuse_file_for_folder(path, (".c", ".h"))
    files = path_of(path) / f"{name}.c", path_of(path) / f"{name}.h"
    for file in files:
        check_writable(file)
    chain, _ = accepted(model, LIMIT)
    inputs = chain.input_size
    if dtype == "float32" and calibration is not None:
        raise InputError(
            "float32 takes no calibration", where=argument("calibration"), hint=f"use {argument('dtype', 'int8')}"
        )
    model_in_c = built(chain, f"{name}_", FloatArithmetic(LAYOUTS[target]), inputs)
    golden, quality = _golden_of(chain, inputs), None
    if dtype == "int8":
        model_in_c, golden, quality = built_in_int8(chain, model_in_c, target, checked(calibration, inputs))
    builder, y = model_in_c
    sizes = Footprint.of(builder, inputs, y.size)
    texts = (
        source(name, builder, y, golden, inputs),
        header(name, _about(chain), builder, sizes, FLAGS[target], quality),
    )
    for file, text in zip(files, texts, strict=True):
        atomic_write(file, text)
    return ExportedC(*files, sizes, quality)


def footprint(model: nn.Module) -> Footprint:
    """What the files of a model in float32 would need; nothing is written.

    Raises InputError for a model that `to_c` does not take.
    """
    chain, _ = accepted(model, LIMIT)
    builder, y = built(chain, "model_", FloatArithmetic(LAYOUTS[TARGET]), chain.input_size)
    return Footprint.of(builder, chain.input_size, y.size)


def check_choices(name: str, target: str, dtype: str) -> None:
    """Raises InputError for a name, target or dtype that `to_c` does not take."""
    checked_name(name)
    _check_choice(target, LAYOUTS, "target")
    _check_choice(dtype, _GOLDEN_TOLERANCE, "dtype")


def _check_choice(value: str, choices: Iterable[str], what: str) -> None:
    if value not in choices:
        raise InputError(f"there is no {what} {value!r}", where=what, hint=f"one of {', '.join(choices)}")


class BuiltModel(NamedTuple):
    """A file's contents, and the array in which a step leaves its output."""

    builder: FileBuilder
    y: CArray


def built(chain: Chain, prefix: str, arithmetic: Arithmetic, inputs: int) -> BuiltModel:
    """Every part of a chain in one arithmetic."""
    builder = FileBuilder(prefix, arithmetic)
    return BuiltModel(builder, add_chain(builder, chain, inputs))


def built_in_int8(
    chain: Chain, floats: BuiltModel, target: str, batches: Batches
) -> tuple[BuiltModel, Golden, Quality]:
    """The same chain in int8, with the ranges that the file in floats has on the batches."""
    inputs = batches[0].shape[2]
    arithmetic = Int8Arithmetic(INT8_LAYOUTS[target], statistics_of(*floats, batches))
    model_in_c = built(chain, floats.builder.prefix, arithmetic, inputs)
    run = model_in_c.builder.numpy_model.run
    ratio = signal_to_noise([outputs_of(chain, x) for x in batches], [run(x, model_in_c.y)[0] for x in batches])
    x = golden_inputs(_GOLDEN_STEPS, inputs).numpy()
    golden = _golden(run(x[:, None], model_in_c.y)[0][:, 0], "int8")
    return model_in_c, golden, Quality(ratio, steps_of(batches), arithmetic.largest)


def _golden_of(chain: Chain, inputs: int) -> Golden:
    """The module's own outputs in evaluation mode."""
    return _golden(outputs_of(chain, golden_inputs(_GOLDEN_STEPS, inputs).numpy()[:, None])[:, 0], "float32")


def _golden(y: Numbers, dtype: str) -> Golden:
    largest = float(np.abs(y).max())
    return Golden(torch.from_numpy(y), _GOLDEN_TOLERANCE[dtype] * max(1.0, largest))


def _about(chain: Chain) -> list[str]:
    lines = [f"{number}. {_description(part)}" for number, part in enumerate(chain.parts, 1)]
    return lines or ["nothing"]


def _description(part: nn.Module) -> str:
    if isinstance(part, Recurrent):
        return f"{type(part).__name__}({part.extra_repr()}) of cell {part.cell.name}"
    return f"{type(part).__name__}({part.extra_repr()})"
