"""Where the windows of a backtest begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ...arguments import whole

FEWEST_WINDOWS, FEWEST_HORIZONS, WINDOWS_IN_HORIZON = 9, 3, 4
"""By default there are nine windows or more, over three horizons or more, four of which begin within one horizon."""


@dataclass(frozen=True)
class Design:
    """A rolling-origin design (Tashman 2000, doi:10.1016/S0169-2070(00)00065-0).

    horizon: steps of each window. windows: how many fit end to end into what is held back. step: steps from one origin
    to the next, so that windows overlap where it is shorter than the horizon. refit: whether networks are trained at
    each origin, and not only at the first.
    """

    horizon: int
    windows: int
    step: int
    refit: bool = False

    @classmethod
    def of(cls, horizon: int, windows: int | None = None, step: int | None = None, *, refit: bool = False) -> Self:
        """The design with these arguments, those that are None as usual.

        Raises InputError for windows below 1, and for a step that is longer than the horizon.
        """
        usual = max(1, horizon // WINDOWS_IN_HORIZON)
        step = usual if step is None else whole("step", step, most=horizon)
        enough = max(FEWEST_HORIZONS, -(-(horizon + (FEWEST_WINDOWS - 1) * usual) // horizon))
        return cls(horizon, enough if windows is None else whole("windows", windows), step, refit)

    @property
    def held_back(self) -> int:
        """Observations at the end of each series that are held back where there is room for it."""
        return self.windows * self.horizon

    def origins(self, room: int) -> range:
        """How many steps before the end each window begins, falling. room: observations that may be held back."""
        spare = min(self.held_back, room) - self.horizon
        return range(self.horizon + spare // self.step * self.step, self.horizon - 1, -self.step)
