"""``gatewise export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import DATA, JSON, READING, USAGE, WRITING, File, Text, app, failing, option
from .choices import DTYPES, FORMATS, TARGETS, listed
from .reading import APART, SORTED, Decimal, Delimiter, Encoding

OF = "A model saved by classify or generate, by an estimator, or by Chain.save."
INPUTS = "For int8: inputs like those the model will see, as a table, .ts or text."
CHIP = "The chip"


@app.command()
def export(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=OF, show_default=False)],
    to: Annotated[str, option(WRITING, "WORD", "c: one C99 file and its header; onnx.", choices=FORMATS)],
    out: Annotated[Path, option(WRITING, "FOLDER", "Where. Default: here.")] = Path(),
    name: Annotated[str, option(WRITING, "NAME", "Of files, and of functions of C. Default: model.")] = "model",
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
    dtype: Annotated[Text, option(CHIP, "WORD", f"{listed(DTYPES)}.", choices=DTYPES)] = None,
    target: Annotated[Text, option(CHIP, "WORD", f"{listed(TARGETS)}.", choices=TARGETS)] = None,
    calibration: Annotated[File, option(CHIP, "FILE", INPUTS)] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in such a table. Default: label.")] = "label",
    id: Annotated[Text, option(READING, "NAME", APART, "--id-col")] = None,
    time: Annotated[Text, option(READING, "NAME", SORTED, "--time-col")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
) -> None:
    """Write a model as C for any processor, or as ONNX, checked against what it computes here."""
    with failing(context, USAGE):
        from ..tables.options import ReadOptions
        from .export_run import Request, check

        reading = ReadOptions(id=id, time=time, encoding=encoding, delimiter=delimiter, decimal=decimal)
        request = Request(model, to, out, name, dtype, target, calibration, json)
        check(request)
    with failing(context, DATA):
        from .export_run import carry_out, show
        from .export_source import source_of

        source = source_of(model)
        inputs = source.read(calibration, reading, label) if calibration else None
        show(carry_out(request, source.chain, inputs), as_json=json)
