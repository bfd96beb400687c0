"""``gatewise classify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import DATA, JSON, MODEL, READING, USAGE, WRITING, File, Text, app, failing, option
from .reading import APART, SORTED, Decimal, Delimiter, Encoding

FORMS = "Labelled sequences: .ts, or a long table in CSV or Parquet; .ts and CSV also as .gz."

ONE_WAY = "Read forwards only, so that the model can be exported."


@app.command()
def classify(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=FORMS, show_default=False)],
    test: Annotated[File, option(MODEL, "FILE", "Sequences to judge the model on.")] = None,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over DATA, at most.", min=1)] = None,
    seed: Annotated[int, option(MODEL, "N", "Same seed, same model. Default: 0.", min=0)] = 0,
    bidirectional: Annotated[bool, option(MODEL, None, ONE_WAY, " /--one-way")] = True,
    load: Annotated[File, option(MODEL, "FILE", "Judge a saved model on DATA, training nothing.")] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in a table. Default: label.")] = "label",
    id: Annotated[str, option(READING, "NAME", f"{APART} Default: id.", "--id-col")] = "id",
    time: Annotated[Text, option(READING, "NAME", SORTED, "--time-col")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
) -> None:
    """Learn the labels of sequences, and tell how well others are labelled."""
    with failing(context, USAGE):
        from ..tables.options import ReadOptions
        from .classify_run import Request, check, run

        reading = ReadOptions(id=id, time=time, encoding=encoding, delimiter=delimiter, decimal=decimal)
        request = Request(data, test, reading, label, seed, epochs, not bidirectional, save, load, json)
        check(request)
    with failing(context, DATA):
        run(request)
