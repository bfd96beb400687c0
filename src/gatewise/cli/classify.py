"""``gatewise classify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import DATA, JSON, MODEL, READING, USAGE, WRITING, File, Text, app, failing, option

FORMS = "Labelled sequences: .ts, or a long table in CSV or Parquet; .ts and CSV also as .gz."

ONE_WAY = "Read forwards only, so that the model can be exported."


@app.command()
def classify(
    data: Annotated[Path, typer.Argument(metavar="DATA", help=FORMS, show_default=False)],
    test: Annotated[File, option(MODEL, "FILE", "Sequences to judge the model on.")] = None,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over DATA, at most.", min=1)] = None,
    seed: Annotated[int, option(MODEL, "N", "Same seed, same model. Default: 0.", min=0)] = 0,
    one_way: Annotated[bool, typer.Option("--one-way", help=ONE_WAY, rich_help_panel=MODEL)] = False,
    load: Annotated[File, option(MODEL, "FILE", "Judge a saved model on DATA, training nothing.")] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in a table. Default: label.")] = "label",
    id_col: Annotated[str, option(READING, "NAME", "Column that tells sequences apart. Default: id.")] = "id",
    time_col: Annotated[Text, option(READING, "NAME", "Column to sort each sequence by.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
) -> None:
    """Learn the labels of sequences, and tell how well others are labelled."""
    with failing(USAGE):
        from .classify_run import Columns, Request, check, run

        request = Request(data, test, Columns(label, id_col, time_col), seed, epochs, one_way, save, load, json)
        check(request)
    with failing(DATA):
        run(request)
