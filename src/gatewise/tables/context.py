"""A panel in the making: what every refusal and note needs to name things as the user does."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import stamps
from .columns import Roles
from .observations import Observations
from .options import ReadOptions
from .panel import Frequency
from .table import Table


@dataclass(frozen=True)
class Draft:
    """Where observations came from and what may be done to them.

    ids: the name of each series. calendar: False where times are a plain counter. notes: what has been said so
    far; what changes an observation appends to it. pace: the frequency, where it is known already; unlike for that of
    the options, no time is moved to fit.
    """

    table: Table
    roles: Roles
    options: ReadOptions
    ids: tuple[str, ...]
    calendar: bool
    notes: list[str]
    pace: Frequency | None = None

    def value_cell(self, found: Observations, index: int) -> str:
        """The place of one observation's value in the table."""
        target = int(found.codes[index]) if self.roles.wide else 0
        return self.table.where(int(found.rows[index]), self.roles.targets[target])

    def time_cell(self, found: Observations, index: int) -> str:
        """The place of one observation's time in the table."""
        return self.table.where(int(found.rows[index]), self.roles.time)

    def moment(self, found: Observations, index: int) -> str:
        """The time of one observation."""
        time = found.times[index : index + 1]
        return stamps(time.view("datetime64[ns]") if self.calendar else time)[0]

    def in_series(self, found: Observations, index: int) -> str:
        """The series of one observation, where there are several."""
        return f" in series {self.ids[int(found.codes[index])]!r}" if len(self.ids) > 1 else ""
