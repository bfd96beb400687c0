"""The parts of the regression's forecasts as a table, whose sums are checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ....errors import ExplanationError, InputError, argument
from ....tables.panel import Floats, Panel
from ..bounds import Bounds, bounded, floors
from ..model import Predictor
from ..results import Quantiles, forecast_frame
from .credits import REST, Credits
from .model import Regression

BOUNDS = "(bounds)"
"""By how much bounds moved a sum."""
_SLACK = 1e-9
"""By how much a sum may miss the forecast, in shares of its largest part."""


def regression_of(model: Predictor, panel: Panel) -> Regression:
    """The model; InputError where it is no regression, or a series is too short for it."""
    if not isinstance(model, Regression):
        what = f"the model is {model.name}, whose forecast is no sum of what covariates add"
        raise InputError(what, hint=f"take one that is: {argument('model', 'regression')}")
    if (panel.lengths < model.needs).any():
        name = panel.ids[int(np.argmin(panel.lengths))]
        what = f"series {name!r} is too short for the regression, which needs {model.needs:,} observations"
        raise InputError(what, hint="leave it out of the history")
    return model


def credit_frame(credits: Sequence[Credits], forecast: Quantiles, panel: Panel, bounds: Bounds) -> pd.DataFrame:
    """A row for each series and step, a column for each part, and the forecast that they add up to.

    bounds: what it is kept within. Raises ExplanationError where the parts, kept within them, are not the forecast.
    """
    names = (*dict.fromkeys(name for one in credits for name in one.names if name != REST), REST)
    parts = np.concatenate([_under(names, one) for one in credits])
    sums, median = np.nansum(parts, axis=1), forecast.median.ravel()
    made = Quantiles(forecast.model, (0.5,), sums.reshape(*forecast.median.shape, 1))
    kept = bounded(made, floors(panel), bounds).median.ravel()
    slack = _SLACK * np.nanmax(np.abs(parts), axis=1)
    if (np.abs(median - kept) > slack).any():
        raise ExplanationError("what makes the forecast does not add up to it")
    moved = np.where(np.abs(median - sums) <= slack, 0.0, median - sums)
    frame = forecast_frame(forecast, panel, ())
    columns = {name: parts[:, at] for at, name in enumerate(names)}
    return frame[["unique_id", "ds"]].assign(**columns, **{BOUNDS: moved, forecast.model: median})


def _under(names: Sequence[str], credits: Credits) -> Floats:
    """The parts (horizon, P) under these names, NaN where there is none."""
    found = np.full((len(credits.parts), len(names)), np.nan)
    found[:, [names.index(name) for name in credits.names]] = credits.parts
    return found
