"""``gatewise export``: what is asked for, checked, done and told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, argument
from ..export.c import DTYPE, TARGET
from ..files import check_writable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..export.c.write import ExportedC
    from ..export.onnx.write import ExportedOnnx

FORMS = ("c", "onnx")
_C, _WHOLE = "c", "int8"


@dataclass(frozen=True)
class Request:
    """One call. model: a file. to: one of `FORMS`. out: the folder. name: what files, and functions of C, are called.
    dtype, target: of C, None for what `to_c` takes. calibration: a file of inputs."""

    model: Path
    to: str
    out: Path
    name: str
    dtype: str | None
    target: str | None
    calibration: Path | None
    json: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written."""
        ends = (".c", ".h") if self.to == _C else (".onnx",)
        return tuple(self.out / f"{self.name}{end}" for end in ends)


@dataclass(frozen=True)
class Told:
    """What was written: files, what the model is, and facts by name. quality: words on how near the model it is."""

    files: tuple[Path, ...]
    facts: dict[str, Any]
    sentences: tuple[str, ...]


def check(request: Request) -> None:
    """Raise InputError for words that cannot be followed, whatever the files hold."""
    if request.to not in FORMS:
        raise InputError(f"{argument('to')} is {request.to!r}", hint=f"choose from {', '.join(FORMS)}")
    if request.to == _C:
        _check_c(request)
    else:
        _check_onnx(request)
    for file in request.files:
        check_writable(file)
        if file.resolve() in {each.resolve() for each in (request.model, request.calibration) if each}:
            raise InputError(
                "this file is read, and would be replaced", where=str(file), hint=f"give another {argument('name')}"
            )


def _check_c(request: Request) -> None:
    from ..export.c.write import check_choices

    dtype = request.dtype or DTYPE
    check_choices(request.name, request.target or TARGET, dtype)
    if dtype == _WHOLE and request.calibration is None:
        raise InputError(f"{_WHOLE} needs inputs like those the model will see", hint=f"add {argument('calibration')}")
    if dtype != _WHOLE and request.calibration is not None:
        raise InputError(f"{dtype} takes no calibration", hint=f"add {argument('dtype', _WHOLE)}")


def _check_onnx(request: Request) -> None:
    only = {"dtype": request.dtype, "target": request.target, "calibration": request.calibration}
    if given := [name for name, value in only.items() if value is not None]:
        raise InputError(f"{argument(given[0])} is of C alone", hint=f"use {argument('to', _C)}")
    if not request.name or Path(request.name).name != request.name:
        raise InputError(f"{argument('name')} is {request.name!r}", hint="give a file name without its ending")


def carry_out(request: Request, model: nn.Module, calibration: list[Tensor] | None) -> Told:
    """Write the files. Raises GatewiseError, and then writes nothing."""
    if request.to == _C:
        from ..export import to_c

        given = {"dtype": request.dtype or DTYPE, "target": request.target or TARGET}
        return _of_c(to_c(model, request.out, name=request.name, calibration=calibration, **given), given)
    from ..export import to_onnx

    return _of_onnx(to_onnx(model, request.files[0], name=request.name))


def _of_c(written: ExportedC, given: dict[str, str]) -> Told:
    sizes, quality = written.sizes, written.quality
    facts: dict[str, Any] = {**given, "inputs": sizes.inputs, "outputs": sizes.outputs}
    facts |= {"flash": sizes.flash, "ram": sizes.ram, "stack": sizes.stack, "macs": sizes.macs}
    sentences = [
        f"{given['dtype']} for {given['target']}, {_count(sizes.inputs, 'input')}, {_count(sizes.outputs, 'output')}",
        f"{sizes.flash:,} bytes of weights, {sizes.ram:,} of RAM for each state, {sizes.stack:,} of stack",
        f"{sizes.macs:,} multiplications a step",
    ]
    if quality is not None:
        facts |= {"snr_db": quality.ratio, "calibration_steps": quality.steps}
        sentences.append(f"signal to noise {quality.ratio:.1f} dB over {quality.steps:,} steps of calibration")
    return Told((written.source, written.header), facts, tuple(sentences))


def _of_onnx(written: ExportedOnnx) -> Told:
    facts = {
        "opset": written.opset,
        "operators": dict(written.operators),
        "inputs": {name: list(shape) for name, shape in written.inputs.items()},
        "outputs": {name: list(shape) for name, shape in written.outputs.items()},
        "difference": written.difference,
    }
    shapes = [
        f"{word}: {', '.join(f'{name} {_shape(shape)}' for name, shape in values.items())}"
        for word, values in (("inputs", written.inputs), ("outputs", written.outputs))
    ]
    operators = ", ".join(f"{place} {operator}" for place, operator in written.operators.items())
    sentences = (f"opset {written.opset}: {operators}", *shapes)
    return Told((written.path,), facts, (*sentences, f"ONNX Runtime and the model differ by {written.difference:.1e}"))


def _shape(sizes: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, sizes))})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def show(told: Told, *, as_json: bool) -> None:
    """Print what was written: lines, or one JSON document of ``files`` and the facts."""
    if as_json:
        print(json.dumps({"files": [str(file) for file in told.files], **told.facts}, allow_nan=False))
        return
    from ..escape import visible

    for line in (", ".join(str(file) for file in told.files), *told.sentences):
        print(visible(line))
