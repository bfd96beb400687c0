"""A pretrained forecaster in one file: from a history of a fixed length to the quantiles of the steps after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import InputError, argument
from ...export.c.recorded.program import Example, ProgramFile
from ...export.c.text import checked_name
from ...export.c.write import ExportedC
from ...export.onnx.write import Assembled, ExportedOnnx, allowed, check_installed, exported, proven
from ...files import atomic_write, check_writable
from ...tables.panel import Floats, Frequency, Panel
from .evaluation.contestants import forecast_all
from .model import Model, Setup
from .pretrained.model import PretrainedModel, longest, since_first
from .pretrained.recorded import INPUT, OUTPUT, TOLERANCE, Program
from .pretrained.tuned import TunedModel

WRITTEN = (PretrainedModel, TunedModel)
GONE = 0.2
"""The share of rows that are missing in a history with gaps by which a file is tested."""


def to_onnx(model: Model, setup: Setup, path: Path, history: int | None, tolerance: float | None) -> ExportedOnnx:
    """See `FittedForecaster.to_onnx`."""
    import torch

    check_writable(path)
    check_installed(checked=True)
    from ...export.onnx.check import Sample
    from ...export.onnx.recorded import model_of

    program, rows = _program(model, setup, history)
    proto = model_of(program.recording, {INPUT: program.history}, {OUTPUT: program.quantiles}, "forecaster")
    samples = [Sample({INPUT: values}, {OUTPUT: forecast}) for values, forecast in _samples(model, setup, rows)]
    made = Assembled(proto, {"experts": "Scan", "network": "Scan"}, samples)
    data, difference = proven(made, allowed(tolerance, torch.float32))
    atomic_write(path, data)
    return exported(path, made, difference, {})


def to_c(model: Model, setup: Setup, path: Path, name: str, history: int | None) -> ExportedC:
    """See `FittedForecaster.to_c`."""
    checked_name(name)
    files = path / f"{name}.c", path / f"{name}.h"
    for file in files:
        check_writable(file)
    program, rows = _program(model, setup, history)
    inputs, outputs = {INPUT: program.history}, {OUTPUT: program.quantiles}
    made = ProgramFile(program.recording, inputs, outputs, name=name, verb="forecast")
    examples = [Example({INPUT: values}, {OUTPUT: forecast}) for values, forecast in _samples(model, setup, rows)]
    difference = made.difference(examples)
    if not difference <= TOLERANCE:
        what = f"the file would differ from the forecaster by {difference:.1e}, where {TOLERANCE:g} is allowed"
        raise InputError(f"{what}, and nothing was written", hint="give another length of history, and report it")
    written = made.written(_about(setup, rows, model.needs), examples, TOLERANCE)
    for file, text in zip(files, (written.source, written.header), strict=True):
        atomic_write(file, text)
    return ExportedC(*files, written.sizes)


def _about(setup: Setup, rows: int, needs: int) -> str:
    levels = ", ".join(f"{level:g}" for level in setup.levels)
    season = "" if setup.season == 1 else f", with a season of {setup.season}"
    levels = f"Quantiles: {levels}. NaN stands for what is missing"
    return (
        f"A forecaster of {setup.horizon} steps after {rows} observations{season}. {levels}, and before the first "
        f"observation of a shorter history; of fewer than {needs} all is NaN."
    )


def _program(model: Model, setup: Setup, history: int | None) -> tuple[Program, int]:
    """The forecast as a program, and how many observations it reads."""
    network = _checked(model, setup, history)
    rows = longest(network.network, setup) if history is None else history
    return Program(network.network, network.weights, setup, rows, model.needs), rows


def _checked(model: Model, setup: Setup, history: int | None) -> PretrainedModel | TunedModel:
    """Raise InputError for what is not written."""
    if not isinstance(model, WRITTEN):
        hint = f"take {argument('model', 'pretrained')}; for an LSTM of a window, export a Chain, saved by Chain.save"
        raise InputError(f"it forecasts by {model.name}, and only the pretrained network is written", hint=hint)
    if setup.bounds.whole:
        raise InputError("forecasts of whole numbers are not written", hint="round what the file gives")
    if history is not None and (isinstance(history, bool) or history < model.needs):
        hint = f"give a whole number from {model.needs} on: how many observations the file reads"
        raise InputError(f"{argument('history')} is {history!r}", hint=hint)
    return model


def _samples(model: Model, setup: Setup, rows: int) -> Iterator[tuple[Floats, Floats]]:
    """Histories, and what the library forecasts after each.

    Of a walk, of a wave far from zero, of small numbers; of a walk that begins late, with gaps, the last rows missing;
    and of the shortest that there may be.
    """
    draw, time = np.random.default_rng(0), np.arange(rows)
    walk, noise = draw.normal(size=rows).cumsum(), draw.normal(size=rows)
    wave = 1000 + 50 * np.sin(2 * np.pi * time / max(setup.season, 3)) + noise
    begin, gone = rows // 4, draw.random(rows) < GONE
    holes = (time < begin) | gone & (time > begin) | (time >= rows - rows // 16)
    short = time < rows - model.needs
    whole = [walk, wave, draw.integers(0, 5, rows) / 4]
    for values in (*whole, np.where(holes, np.nan, walk), np.where(short, np.nan, wave)):
        yield values, forecast_all(model, _panel(values, setup), setup).values[0]


def _panel(values: Floats, setup: Setup) -> Panel:
    """One series of days, from its first observation on."""
    values = since_first(values)
    dates = np.datetime64("2000-01-01", "ns") + np.arange(len(values)) * np.timedelta64(1, "D")
    made = np.isnan(values)
    return Panel(("",), (dates,), (np.where(made, 0.0, values),), Frequency("D"), setup.season, made=(made,))
