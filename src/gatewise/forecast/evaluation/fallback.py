"""A forecast for every series, also for those too short for the model chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..model import Predictor, Setup
from ..panel import Panel
from ..results import Quantiles
from ..words import count, few
from .registry import KINDS, plainest


def forecast_all(model: Predictor, panel: Panel, setup: Setup) -> Quantiles:
    """The model's forecast; series shorter than it needs get the plainest baseline's, which the notes say."""
    enough = panel.lengths >= model.needs
    if enough.all():
        return model.predict(panel)
    stand_in = KINDS[plainest(setup)].make(setup)
    short = panel.select(np.flatnonzero(~enough))
    values = np.empty((len(panel), setup.horizon, len(setup.levels)))
    plain = stand_in.predict(short)
    values[~enough] = plain.values
    note = (
        f"{count(len(short), 'series is', 'series are')} too short for {model.name}, which needs "
        f"{model.needs:,} observations ({few(short.ids)}): {plain.model} stands in."
    )
    if not enough.any():
        return Quantiles(model.name, setup.levels, values, (note, *plain.notes))
    forecast = model.predict(panel.select(np.flatnonzero(enough)))
    values[enough] = forecast.values
    return replace(forecast, values=values, notes=(*forecast.notes, note, *plain.notes))
