"""How many alerts a reader wants, as a rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, argument
from ...tables.panel import Frequency
from ..arguments import number

USUAL = 0.001
"""Alerts a row, where nothing is said."""
HOURS = {"hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.5, "year": 8766.0}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/|per|a|an)\s*([a-z]+|\d+)\s*")
_STEPS = 1000
"""Steps by whose mean a row's length is told: a step of a month is not always as long."""
_HINT = f'write how many in what time, such as "5/month", of {", ".join(HOURS)}, or in how many rows: "1/1000"'


@dataclass(frozen=True)
class Budget:
    """count: alerts in one ``period``, a word of `HOURS`, or a number of rows."""

    count: float
    period: str | int

    @classmethod
    def of(cls, alerts: object, rate: object) -> Budget:
        """What the two arguments of a detector say, of which one is given at most. Raises InputError."""
        if alerts is None:
            return cls(USUAL if rate is None else number("rate", rate, 0, 1, open_low=True, open_high=True), 1)
        if rate is not None:
            what = f"{argument('alerts')} and {argument('rate')} say the same"
            raise InputError(what, hint="give one of them")
        found = _WRITTEN.fullmatch(alerts.lower()) if isinstance(alerts, str) else None
        period = found[2].removesuffix("s") if found else ""
        if found is None or not (period in HOURS or period.isdigit()) or not float(found[1]) or period.strip("0") == "":
            raise InputError(f"{argument('alerts')} is {alerts!r}", hint=_HINT)
        return cls(float(found[1]), int(period) if period.isdigit() else period)

    def rate(self, frequency: Frequency, start: Any) -> float:
        """Alerts a row, of rows of this frequency. start: a time. Raises InputError where it is no rate."""
        rate = self.count / (self.period if isinstance(self.period, int) else self._rows(frequency, start))
        if rate >= 1:
            what = f"{self} is one a row or more: there would be nothing to choose"
            raise InputError(what, where=argument("alerts"), hint="ask for fewer alerts")
        return rate

    def _rows(self, frequency: Frequency, start: Any) -> float:
        """How many rows there are in a period."""
        if frequency.counts:
            what = f"the times are a plain counter, which knows no {self.period}"
            raise InputError(what, where=argument("alerts"), hint='say it in rows, such as "1/1000"')
        times = frequency.future(start, _STEPS).astype("datetime64[ns]")
        hours = (times[-1] - times[0]) / np.timedelta64(1, "h") / (_STEPS - 1)
        return HOURS[str(self.period)] / float(hours)

    def __str__(self) -> str:
        alerts = f"{self.count:g} {'alert' if self.count == 1 else 'alerts'}"
        if self.period == 1:
            return f"one alert in {1 / self.count:,.0f} rows"
        return f"{alerts} in {self.period:,} rows" if isinstance(self.period, int) else f"{alerts} a {self.period}"
