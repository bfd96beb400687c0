"""A panel in the making: what every refusal and note needs to name things as the user does."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..words import stamps
from .columns import Roles
from .observations import Observations
from .options import ReadOptions
from .panel import Frequency
from .table import Table


@dataclass(frozen=True)
class Draft:
    """Where observations came from and what may be done to them.

    ids: the name of each series. calendar: False where times are a plain counter. notes: what was
    inferred or changed so far; whatever changes an observation appends to it. pace: the frequency, where it is known
    already; unlike for that of the options, no time is moved to fit.
    """

    table: Table
    roles: Roles
    options: ReadOptions
    ids: tuple[str, ...]
    calendar: bool
    notes: list[str]
    pace: Frequency | None = None

    def value_error(self, observed: Observations, index: int, what: str, hint: str) -> InputError:
        """An error about the cell of one observation's value."""
        target = int(observed.codes[index]) if self.roles.wide else 0
        return self.table.error(what, row=int(observed.rows[index]), column=self.roles.targets[target], hint=hint)

    def time_error(self, observed: Observations, index: int, what: str, hint: str) -> InputError:
        """An error about the cell of one observation's time."""
        return self.table.error(what, row=int(observed.rows[index]), column=self.roles.time, hint=hint)

    def moment(self, observed: Observations, index: int) -> str:
        """The time of one observation."""
        time = observed.times[index : index + 1]
        return stamps(time.view("datetime64[ns]") if self.calendar else time)[0]

    def in_series(self, observed: Observations, index: int) -> str:
        """The series of one observation, where there are several."""
        return f" in series {self.ids[int(observed.codes[index])]!r}" if len(self.ids) > 1 else ""
