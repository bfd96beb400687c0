"""What ``gatewise inspect`` looks into where the model is a forecaster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..inspect.subject import Subject
from ..models.forecast.estimator import Forecaster
from ..models.forecast.subject import check_memory
from ..tables.options import ReadOptions
from ..tables.reading import load_panel


def subject_of(model: Path, data: Path, reading: ReadOptions, series: str | None, output: str | None) -> Subject:
    """The saved forecaster on the last window of one series. output: the step ahead, counted from 1."""
    if output is not None and not output.isdecimal():
        raise InputError(f"--output is {output!r}", hint="give the number of a step ahead, from 1")
    forecaster = Forecaster.load(model)
    check_memory(forecaster.model_, str(model))
    panel = load_panel(data, reading)
    try:
        found = forecaster.subject(panel, series=series, step=None if output is None else int(output))
    except InputError as error:
        raise InputError(error.what, where=error.where or str(data), hint=error.hint) from error
    title = data.name if len(panel) == 1 else f"{data.name}: {found.title}"
    return replace(found, title=title)
