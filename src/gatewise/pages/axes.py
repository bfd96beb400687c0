"""The law of axes: how far a scale reaches, where it carries labels, and the turns of the calendar.

Pages that redraw a chart in the browser are sent scales and labels computed here; no script computes its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..words import numbers
from .figure import Floats, Tick

AIR = 0.06  # of the range of the values, left free at either end of a scale
_ROUND = (1, 2, 2.5, 5, 10)  # a step between labels is one of these times a power of ten
_ROUND_ENDS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)  # as is the end of a symmetric scale
_MOST_TIMES = 9
_LONG, _LONGEST = 12, 16  # letters of a label: with longer ones there are fewer, and the most that are written
_CALENDAR = (
    ("s", 1), ("s", 5), ("s", 15), ("m", 1), ("m", 5), ("m", 15), ("h", 1), ("h", 3), ("h", 6), ("h", 12),
    ("D", 1), ("D", 2), ("D", 7), ("D", 14), ("M", 1), ("M", 3), ("M", 6),
    ("Y", 1), ("Y", 2), ("Y", 5), ("Y", 10), ("Y", 20), ("Y", 50), ("Y", 100),
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """A linear map from ``low .. high`` to percent of the frame; ``rising`` upward, where 0 percent is the top."""

    low: float
    high: float
    rising: bool = False

    def __call__(self, values: ArrayLike) -> Floats:
        """Percent of the frame for each value, same shape."""
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        return 100 * (1 - share if self.rising else share)


def value_scale(parts: Iterable[ArrayLike], *, floor: float | None = None) -> Scale:
    """A rising scale that holds every finite value of the parts, with ``AIR``; ``floor`` fixes its low end."""
    flat = np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])
    flat = flat[np.isfinite(flat)]
    low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
    low = low if floor is None else floor
    air = AIR * (high - low) or abs(high) or 1.0
    return Scale(low - air if floor is None else floor, high + air, rising=True)


def rounded_up(number: float) -> float:
    """The next round number at or above a positive one: where a scale from ``-number`` to ``number`` ends."""
    power = 10.0 ** np.floor(np.log10(number))
    end = power * next(factor for factor in _ROUND_ENDS if factor * power >= number * (1 - 1e-6))
    return float(f"{end:.6g}")  # 0.3, not 3 * 0.1


def number_ticks(scale: Scale, most: int = 5) -> tuple[Tick, ...]:
    """At most ``most`` + 1 round numbers inside the scale, with their places."""
    return _placed(_round_numbers(scale.low, scale.high, most), scale)


def log_ticks(scale: Scale) -> tuple[Tick, ...]:
    """Labels at 1, 2 and 5 times the powers of ten inside a scale that runs over decimal logarithms.

    Where there are fewer than two of these, at round numbers; where none is a power of ten, none gives way.
    """
    powers = range(int(np.floor(scale.low)), int(np.ceil(scale.high)) + 1)
    logs = [(factor, np.log10(factor) + power) for power in powers for factor in (1, 2, 5)]
    inside = [(factor, log) for factor, log in logs if scale.low <= log <= scale.high]
    if len(inside) < 2:
        inside = [(1, np.log10(number)) for number in _round_numbers(10**scale.low, 10**scale.high, 3)]
    major = any(factor == 1 for factor, _ in inside)
    return tuple(Tick(float(scale(log)), f"{10**log:,.6g}", minor=major and factor != 1) for factor, log in inside)


def percent_ticks(scale: Scale, step: int) -> tuple[Tick, ...]:
    """Labels for every ``step`` of the hundred percent that lie on the scale, which runs over percent."""
    return tuple(Tick(float(scale(at)), f"{at} %") for at in range(0, 101, step) if scale.low <= at <= scale.high)


def step_ticks(horizon: int, scale: Scale) -> tuple[Tick, ...]:
    """Labels for the steps 1 .. horizon ahead."""
    values = _round_numbers(1, horizon, 8) if horizon > 8 else np.arange(1.0, horizon + 1)
    whole = values[(values == np.floor(values)) & (values >= 1)]
    return _placed(whole, scale)


def time_ticks(times: NDArray[np.generic], scale: Scale) -> tuple[Tick, ...]:
    """Labels for a run of time stamps, one per position 0 .. len - 1 of the scale."""
    if not np.issubdtype(times.dtype, np.datetime64):
        return _counter_ticks(times.astype(float), scale)
    calendar = ((unit, _turns(times, unit, multiple)) for unit, multiple in _CALENDAR)
    unit, turns = next((unit, turns) for unit, turns in calendar if len(turns) <= _MOST_TIMES)
    years = times.astype("datetime64[Y]")
    new_year = next((row for row, turn in enumerate(turns) if years[turn] != years[turn - 1]), 0)
    moments = times[turns].astype("datetime64[s]").tolist()
    return tuple(
        Tick(place, _calendar_label(moment, unit), minor=(row - new_year) % 2 == 1)
        for row, (place, moment) in enumerate(zip(scale(turns).tolist(), moments, strict=True))
    )


def text_ticks(texts: Sequence[str], scale: Scale, first: int = 0) -> tuple[Tick, ...]:
    """Labels for positions ``first ..`` that are named by texts: a few, none at the very edge, long ones shortened."""
    shown = texts[first:]
    if not shown:
        return ()
    count = min(3 if max(map(len, shown)) > _LONG else 6, len(shown))
    rows = [int((at + 0.5) * len(shown) / count) for at in range(count)]
    return tuple(
        Tick(float(scale(first + row)), _shortened(shown[row]), minor=at % 2 == 1) for at, row in enumerate(rows)
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\u2026"


def _round_numbers(low: float, high: float, most: int) -> NDArray[np.float64]:
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in _ROUND if factor * power >= rough * (1 - 1e-9))
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
