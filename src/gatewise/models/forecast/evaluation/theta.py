"""AutoTheta with the variance that its equations give, in place of 200 simulated paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats

DYNAMIC = ("DSTM", "DOTM")


@dataclass(frozen=True)
class Level:
    """A fitted theta model after n observations (Fiorucci et al. 2016, doi:10.1016/j.ijforecast.2016.02.005).

    alpha, theta: its parameters. dynamic: whether the line through the data is fitted again with each observation.
    """

    n: int
    alpha: float
    theta: float
    dynamic: bool

    def spread(self, horizon: int) -> Floats:
        """The standard deviation at each step ahead for errors of deviation 1, shape (horizon,).

        The state is level, mean and slope of the data, and linear in the errors (their equations 7 to 12).
        """
        covariance, spreads = np.zeros((3, 3)), np.empty(horizon)
        for ahead in range(horizon):
            seen, moved, gain = self._step(self.n + ahead)
            spreads[ahead] = np.sqrt(seen @ covariance @ seen + 1)
            covariance = moved @ covariance @ moved.T + np.outer(gain, gain)
        return spreads

    def _step(self, i: int) -> tuple[Floats, Floats, Floats]:
        """How observation i + 1 depends on the state, the next state on the state, and on the error."""
        seen = np.array([1.0, 0.0, 0.0])
        gain = np.array([self.alpha, 1 / (i + 1), 6 / ((i + 1) * (i + 2))])
        kept = np.diag([1 - self.alpha, i / (i + 1), (i - 1) / (i + 2)])
        if self.dynamic:
            past = (1 - self.alpha) ** i
            slope = (1 - past * (1 - self.alpha)) / self.alpha if self.alpha > 0 else i + 1
            seen[1:] = (1 - 1 / self.theta) * np.array([past, slope - past * (i + 1) / 2])
            kept[2, 1] = -gain[2]
        else:
            gain[1:] = 0
        return seen, kept + np.outer(gain, seen), gain


def theta_quantiles(fitted: Mapping[str, Any], horizon: int, probits: NDArray[np.float64]) -> Floats:
    """Quantiles of a fitted model of statsforecast's, (horizon, Q), normal about its mean. probits: (Q,)."""
    from statsforecast.theta import forecast_theta

    mean = np.asarray(forecast_theta(fitted, horizon)["mean"], np.float64)[:, None]
    residuals = fitted["residuals"][3:] if len(fitted["residuals"]) > 4 else fitted["residuals"]
    parameters = fitted["par"]
    level = Level(fitted["n"], parameters["alpha"], parameters["theta"], fitted["modeltype"] in DYNAMIC)
    departure = np.std(residuals, ddof=1) * level.spread(horizon)[:, None] * probits
    if not fitted.get("decompose", False):
        return mean + departure
    season = np.asarray(fitted["seas_forecast"]["mean"])
    index = np.resize(season, horizon)[:, None]
    return mean + departure * (np.abs(index) if fitted["decomposition_type"] == "multiplicative" else 1.0)
