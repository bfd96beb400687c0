"""``gatewise export``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument, located
from ..escape import json_ascii
from ..export.boards import BOARDS, KIB, BoardMemory, smallest
from ..files import refuse_file_for_folder
from .app import app
from .command import Command, carry_out, check_files
from .options import (
    APART,
    DTYPES,
    FORMATS,
    MODEL,
    READING,
    SORTED,
    TARGETS,
    WRITING,
    Decimal,
    Delimiter,
    Encoding,
    File,
    Json,
    Missing,
    Text,
    listed,
    option,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ..export.c.write import ExportedC
    from ..export.onnx.write import ExportedOnnx
    from ..models.kind import Action, Kind
    from ..models.translation.exported import ExportedTranslator
    from ..nn.chain import Chain
    from ..tables.options import ReadOptions
    from .console import Screen

OF = "A model saved by forecast, detect, classify or generate, by an estimator, or by Chain.save."
OWN_CELLS = "A cell of your own that the file names: module:cell, or path/to/file.py:cell. May be given again."
INPUTS = "For int8: inputs like those the model will see, as a table, .ts or text."
HISTORY = "Observations that the file of a forecaster reads, NaN where missing. Default: as many as it looks back on."
CHIP = "The chip"

_C, _INT8 = "c", "int8"
_OWN: dict[str, Action] = {_C: "device", "onnx": "onnx"}
"""By what is written, how a model that is no chain becomes it."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise export``.

    model: a file. to: ``c`` or ``onnx``. out: the folder. name: what files, and functions of C, are called. dtype,
    target: of C, None for the defaults of `to_c`. calibration: a file of inputs; ``read`` and ``label`` say how a
    table is read. series: of a detector. history: observations that the file of a forecaster reads. cells: the
    user's own that the model's file names, in words.
    """

    model: Path
    to: str
    read: ReadOptions
    out: Path = Path()
    name: str = "model"
    dtype: str | None = None
    target: str | None = None
    calibration: Path | None = None
    label: str = "label"
    series: str | None = None
    history: int | None = None
    cells: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written, or may be: which files of ONNX there are depends on the model."""
        from ..models.translation.files import files_of

        if self.to == _C:
            return self.out / f"{self.name}.c", self.out / f"{self.name}.h"
        return self.out / f"{self.name}.onnx", *files_of(self.out, self.name)

    @property
    def chip(self) -> dict[str, str]:
        """``dtype`` and ``target``, with their defaults."""
        from ..export.c import DTYPE, TARGET

        return {"dtype": self.dtype or DTYPE, "target": self.target or TARGET}


@dataclass(frozen=True)
class Outcome:
    """What was written: the files, facts by the names that JSON has, and the facts in sentences."""

    files: tuple[Path, ...]
    facts: dict[str, Any]
    sentences: tuple[str, ...]


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the files hold."""
    if request.to not in FORMATS:
        raise InputError(f"{argument('to')} is {request.to!r}", hint=f"choose from {', '.join(FORMATS)}")
    if request.to == _C:
        _check_c(request)
    else:
        _check_onnx(request)
    refuse_file_for_folder(request.out, (".c", ".h", ".onnx"))
    check_files(
        reads=(request.model, request.calibration),
        writes=request.files,
        what="this file is read, and would be replaced",
        hint=f"give another {argument('name')}",
    )


def _check_c(request: Request) -> None:
    from ..export.c.write import check_choices

    chip = request.chip
    dtype = chip["dtype"]
    check_choices(request.name, chip["target"], dtype)
    if dtype == _INT8 and request.calibration is None:
        raise InputError(f"{_INT8} needs inputs like those the model will see", hint=f"add {argument('calibration')}")
    if dtype != _INT8 and request.calibration is not None:
        raise InputError(f"{dtype} takes no calibration", hint=f"add {argument('dtype', _INT8)}")


def _check_onnx(request: Request) -> None:
    for name in ("dtype", "target", "calibration"):
        if getattr(request, name) is not None:
            raise InputError(f"{argument(name)} applies to C only", hint=f"use {argument('to', _C)}")
    if not request.name or Path(request.name).name != request.name:
        raise InputError(f"{argument('name')} is {request.name!r}", hint="give a file name without its ending")


def run(request: Request) -> Outcome:
    """Load the model and write the files. Raises GatewiseError, and then writes nothing."""
    from ..lookup import cell_at
    from ..models.kind import Supplied, refuse_history, refuse_series
    from ..models.registry import kind_of

    kind = kind_of(request.model)
    own = _OWN[request.to]
    kind.check(own if kind.can(own) else "chain", request.model)
    model = kind.load(request.model, Supplied(tuple(map(cell_at, request.cells))))
    with located(request.model):
        if kind.can("device") and request.to == _C:
            return _on_device(kind, model, request)
        refuse_series(request.series)
        if kind.can("onnx") and request.to != _C:
            return _as_models(kind.onnx(model, request.out, request.name, request.history))
        refuse_history(request.history)
        chain = kind.chain(model)
    if request.to != _C:
        return _as_onnx(chain, request)
    if request.calibration is None:
        return _as_c(chain, request, None)
    with located(request.calibration):
        data = kind.read(request.calibration, request.read, label=request.label)
        inputs = kind.steps(model, data)
    return _as_c(chain, request, inputs)


def _on_device(kind: Kind, model: Any, request: Request) -> Outcome:
    """What is no chain, for any processor."""
    for name in ("dtype", "target", "calibration"):
        if getattr(request, name) is not None:
            raise InputError(f"{argument(name)} applies to chains of layers only", hint="leave it out")
    written = kind.device(model, request.out, request.name, request.series, request.history)
    sizes = written.sizes
    facts: dict[str, Any] = {"inputs": sizes.inputs, "outputs": sizes.outputs}
    facts |= {"flash": sizes.flash, "ram": sizes.ram}
    board = smallest(sizes.flash, sizes.ram)
    facts |= {"stack": sizes.stack, "macs": sizes.macs, "board": board}
    sentences = (
        f"{_count(sizes.inputs, 'input')}, {_count(sizes.outputs, 'output')}",
        f"{sizes.flash:,} bytes of flash and the code, {sizes.ram:,} of RAM, {sizes.stack:,} of stack",
        f"{sizes.macs:,} multiplications a call at most",
        _fit(board),
    )
    return Outcome((written.source, written.header), facts, sentences)


def _fit(board: str) -> str:
    """Whether boards hold it."""
    if not board:
        largest = max(BOARDS.values())
        return f"none of the boards that files are tested on holds it: {_memory(largest)} at most"
    return f"of the boards that files are tested on, {board} is the smallest that holds it: {_memory(BOARDS[board])}"


def _memory(board: BoardMemory) -> str:
    return f"{board.flash // KIB:,} KiB of flash and {board.ram // KIB:,} KiB of RAM"


def _as_c(chain: Chain, request: Request, calibration: list[Tensor] | None) -> Outcome:
    from ..export import to_c

    chip = request.chip
    written: ExportedC = to_c(chain, request.out, name=request.name, calibration=calibration, **chip)
    sizes, quality = written.sizes, written.quality
    facts: dict[str, Any] = {**chip, "inputs": sizes.inputs, "outputs": sizes.outputs}
    facts |= {"flash": sizes.flash, "ram": sizes.ram, "stack": sizes.stack, "macs": sizes.macs}
    sentences = [
        f"{chip['dtype']} for {chip['target']}, {_count(sizes.inputs, 'input')}, {_count(sizes.outputs, 'output')}",
        f"{sizes.flash:,} bytes of weights, {sizes.ram:,} of RAM for each state, {sizes.stack:,} of stack",
        f"{sizes.macs:,} multiplications a step",
    ]
    if quality is not None:
        facts |= {"snr_db": quality.ratio, "calibration_steps": quality.steps}
        sentences.append(f"signal to noise {quality.ratio:.1f} dB over {quality.steps:,} steps of calibration")
    return Outcome((written.source, written.header), facts, tuple(sentences))


def _as_onnx(chain: Chain, request: Request) -> Outcome:
    from ..export import to_onnx

    return _as_models(to_onnx(chain, request.files[0], name=request.name))


def _as_models(written: ExportedOnnx | ExportedTranslator) -> Outcome:
    """One model of ONNX, or several that have names."""
    facts = {name: _facts(part) for name, part in written.parts.items()}
    sentences = [f"{name}: {line}" if name else line for name, one in written.parts.items() for line in _sentences(one)]
    return Outcome(written.files, facts.get("", facts), tuple(sentences))


def _facts(written: ExportedOnnx) -> dict[str, Any]:
    return {
        "opset": written.opset,
        "operators": dict(written.operators),
        "inputs": {name: list(shape) for name, shape in written.inputs.items()},
        "outputs": {name: list(shape) for name, shape in written.outputs.items()},
        "difference": written.difference,
    }


def _sentences(written: ExportedOnnx) -> Iterator[str]:
    operators = ", ".join(f"{place} {operator}" for place, operator in written.operators.items())
    yield f"opset {written.opset}: {operators}"
    yield f"inputs: {_shapes(written.inputs)}"
    yield f"outputs: {_shapes(written.outputs)}"
    yield f"ONNX Runtime and the model differ by {written.difference:.1e}"


def _shapes(shapes: Mapping[str, tuple[int | str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(map(str, sizes))})" for name, sizes in shapes.items())


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def present(outcome: Outcome, screen: Screen) -> None:
    """Print which files were written, and what they hold."""
    for line in (", ".join(map(str, outcome.files)), *outcome.sentences):
        screen.line(line)


def as_json(outcome: Outcome) -> str:
    """One line of JSON: ``files`` and the facts.

    Of C: ``dtype``, ``target``, ``inputs``, ``outputs``, ``flash``, ``ram``, ``stack``, ``macs``, of int8 ``snr_db``
    and ``calibration_steps``; of what is no chain ``board``, the smallest that holds it, without ``dtype`` and
    ``target``. Of ONNX: ``opset``, ``operators``, ``inputs``, ``outputs``, ``difference``, of a translator in
    ``encoder`` and ``decoder``.
    """
    return json_ascii({"files": [str(file) for file in outcome.files], **outcome.facts})


COMMAND = Command(run, present, as_json, check)


@app.command()
def export(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=OF, show_default=False)],
    to: Annotated[str, option(WRITING, "WORD", "c: one C99 file and its header; onnx.", choices=FORMATS)],
    out: Annotated[Path, option(WRITING, "FOLDER", "Where to. Default: the current folder.")] = Path(),
    name: Annotated[str, option(WRITING, "NAME", "Of files, and of functions of C. Default: model.")] = "model",
    json: Json = False,
    dtype: Annotated[Text, option(CHIP, "WORD", f"{listed(DTYPES)}.", choices=DTYPES)] = None,
    target: Annotated[Text, option(CHIP, "WORD", f"{listed(TARGETS)}.", choices=TARGETS)] = None,
    calibration: Annotated[File, option(CHIP, "FILE", INPUTS)] = None,
    series: Annotated[Text, option(MODEL, "ID", "Which series of a detector. Not needed where there is one.")] = None,
    history: Annotated[int | None, option(MODEL, "ROWS", HISTORY)] = None,
    cells: Annotated[list[str] | None, option(MODEL, "MODULE:CELL", OWN_CELLS, "--cell")] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in such a table. Default: label.")] = "label",
    id: Annotated[Text, option(READING, "NAME", APART, "--id-col")] = None,
    time: Annotated[Text, option(READING, "NAME", SORTED, "--time-col")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    missing: Missing = None,
) -> None:
    """Write a model as C for any processor, or as ONNX, checked against what it computes here."""

    def ask() -> Request:
        from ..tables.options import ReadOptions

        read = ReadOptions(id=id, time=time, encoding=encoding, delimiter=delimiter, decimal=decimal, missing=missing)
        return Request(
            model, to, read, out, name, dtype, target, calibration, label, series, history, tuple(cells or ())
        )

    carry_out(context, COMMAND, ask, json=json)
