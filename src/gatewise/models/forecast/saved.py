"""What can be done with the file of a forecaster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import InputError, ModelFileError, advised, argument
from ...export.c.write import ExportedC
from ...export.onnx.write import ExportedOnnx
from ...inspect.subject import Subject
from ...tables.options import DEFAULTS, NO_COVARIATES, ReadOptions
from ...tables.panel import Panel
from ...tables.reading import load_panel
from ..kind import Question, Supplied, refuse_series
from .ahead import panel_for
from .estimator import Forecaster
from .inside.subject import check_memory


def load(path: str | Path, supplied: Supplied) -> Forecaster:
    """The forecaster in a file."""
    return Forecaster.load(path)


def read(path: Path, options: ReadOptions | None, label: str, forecaster: Forecaster | None = None) -> Panel:
    """A table of series, with the covariates that the forecaster takes: those known ahead in rows without a target."""
    known = NO_COVARIATES if forecaster is None else forecaster.known_covariates
    if forecaster is None or not known.named:
        return load_panel(path, options or DEFAULTS)
    try:
        return panel_for(known, path, options or DEFAULTS, forecaster.horizon, source=str(path))
    except InputError as error:
        if argument("future") not in error.hint:
            raise
        raise advised(error, "give its values there in rows of the data whose target is empty") from error


def onnx(forecaster: Forecaster, folder: Path, name: str, history: int | None) -> ExportedOnnx:
    """The pretrained network with all that it is told, written there."""
    return forecaster.to_onnx(folder / f"{name}.onnx", history=history)


def device(forecaster: Forecaster, path: str | Path, name: str, series: str | None, history: int | None) -> ExportedC:
    """The same as C."""
    refuse_series(series)
    return forecaster.to_c(path, name=name, history=history)


def explain(forecaster: Forecaster, panel: Panel, question: Question, source: str) -> Subject:
    """The LSTM behind the forecast of one series."""
    if question.output is not None and not question.output.isdecimal():
        raise InputError(f"{argument('output')} is {question.output!r}", hint="give the number of a step ahead, from 1")
    try:
        check_memory(forecaster.model_)
    except InputError as error:
        raise ModelFileError(error.what, hint=error.hint) from error
    step = None if question.output is None else int(question.output)
    subject = forecaster.subject(panel, series=question.series, step=step)
    names = [source] if len(panel) == 1 and source else [source, subject.title]
    return replace(subject, title=": ".join(filter(None, names)))
