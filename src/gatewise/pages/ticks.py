"""Where axes carry labels: round numbers, and the turns of the calendar."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ..words import numbers
from .figure import Scale, Tick

_MOST_TIMES = 9
_CALENDAR = (
    ("s", 1), ("s", 5), ("s", 15), ("m", 1), ("m", 5), ("m", 15), ("h", 1), ("h", 3), ("h", 6), ("h", 12),
    ("D", 1), ("D", 2), ("D", 7), ("D", 14), ("M", 1), ("M", 3), ("M", 6),
    ("Y", 1), ("Y", 2), ("Y", 5), ("Y", 10), ("Y", 20), ("Y", 50), ("Y", 100),
)  # fmt: skip


def number_ticks(scale: Scale, most: int = 5) -> tuple[Tick, ...]:
    """At most ``most`` + 1 round numbers inside the scale, with their places."""
    return _placed(_round_numbers(scale.low, scale.high, most), scale)


def step_ticks(horizon: int, scale: Scale) -> tuple[Tick, ...]:
    """Labels for the steps 1 .. horizon ahead."""
    values = _round_numbers(1, horizon, 8) if horizon > 8 else np.arange(1.0, horizon + 1)
    whole = values[(values == np.floor(values)) & (values >= 1)]
    return _placed(whole, scale)


def time_ticks(times: NDArray[np.generic], scale: Scale) -> tuple[Tick, ...]:
    """Labels for a run of time stamps, one per position 0 .. len - 1 of the scale."""
    if not np.issubdtype(times.dtype, np.datetime64):
        return _counter_ticks(times.astype(float), scale)
    found = ((unit, _turns(times, unit, multiple)) for unit, multiple in _CALENDAR)
    unit, turns = next((unit, turns) for unit, turns in found if len(turns) <= _MOST_TIMES)
    years = times.astype("datetime64[Y]")
    new_year = next((row for row, turn in enumerate(turns) if years[turn] != years[turn - 1]), 0)
    moments = times[turns].astype("datetime64[s]").tolist()
    return tuple(
        Tick(place, _calendar_label(moment, unit), minor=(row - new_year) % 2 == 1)
        for row, (place, moment) in enumerate(zip(scale(turns).tolist(), moments, strict=True))
    )


def _round_numbers(low: float, high: float, most: int) -> NDArray[np.float64]:
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step


def _placed(values: NDArray[np.float64], scale: Scale) -> tuple[Tick, ...]:
    places, texts = scale(values).tolist(), _trimmed(numbers(values))
    return tuple(Tick(place, text) for place, text in zip(places, texts, strict=True))


def _trimmed(texts: list[str]) -> list[str]:
    while texts and all("." in text and "e" not in text and text.endswith(("0", ".")) for text in texts):
        texts = [text[:-1] for text in texts]
    return texts


def _counter_ticks(times: NDArray[np.float64], scale: Scale) -> tuple[Tick, ...]:
    values = _round_numbers(times[0], times[-1], 7) if len(times) > 1 else times
    places = scale(np.interp(values, times, np.arange(len(times)))).tolist()
    return tuple(
        Tick(place, str(int(value)), minor=row % 2 == 1)
        for row, (place, value) in enumerate(zip(places, values.tolist(), strict=True))
        if value == int(value)
    )


def _turns(times: NDArray[np.generic], unit: str, multiple: int) -> NDArray[np.intp]:
    """Positions at which the calendar unit, taken ``multiple`` at a time, has just changed."""
    periods = times.astype(f"datetime64[{unit}]").astype(np.int64) + (1970 if unit == "Y" else 0)
    periods //= multiple
    return np.flatnonzero(np.diff(periods)) + 1


def _calendar_label(moment: datetime, unit: str) -> str:
    if unit == "Y":
        return f"{moment:%Y}"
    if unit == "M":
        return f"{moment:%Y-%m}"
    midnight = moment.hour == moment.minute == moment.second == 0
    if unit == "D" or midnight:
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if unit == "s" else f"{moment:%H:%M}"
