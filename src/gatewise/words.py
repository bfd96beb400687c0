"""Numbers, names, times and steps put into words, the same in the terminal and on a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray


def count(number: int, singular: str, plural: str = "") -> str:
    """``"1 window"``, ``"5,000 windows"``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def few(names: Sequence[str], shown: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def ordinal(number: int) -> str:
    """Such as ``2nd``."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"


def apart(first: float, second: float, most: int = 6) -> tuple[str, str]:
    """Two figures with two decimals, or with as many as it takes to tell them apart."""
    for digits in range(2, most + 1):
        texts = f"{first:.{digits}f}", f"{second:.{digits}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{first:.2f}", f"{second:.2f}"


def capital(sentence: str) -> str:
    """The sentence with its first letter, and no other, made a capital."""
    return sentence[:1].upper() + sentence[1:]


UNDEFINED = "n/a"
_SIGNIFICANT = 4
_Fineness = Literal["D", "m", "s", "ms", "us", "ns"]
_FINENESS: tuple[_Fineness, ...] = ("D", "m", "s", "ms", "us", "ns")
_UNITS = {
    "Y": "year", "YS": "year", "YE": "year", "A": "year", "AS": "year",
    "Q": "quarter", "QS": "quarter", "QE": "quarter",
    "M": "month", "MS": "month", "ME": "month", "BMS": "month", "BME": "month",
    "W": "week", "D": "day", "B": "business day",
    "h": "hour", "H": "hour", "min": "minute", "T": "minute", "s": "second", "S": "second", "ms": "millisecond",
}  # fmt: skip


def numbers(values: ArrayLike) -> list[str]:
    """Each value in one common format with four significant digits for the largest; NaN as ``n/a``."""
    flat = np.asarray(values, dtype=float).ravel()
    spec = _format(flat)
    return [format(value + 0.0, spec) if np.isfinite(value) else UNDEFINED for value in flat]


def number(value: float) -> str:
    """One value with four significant digits; NaN as ``n/a``."""
    return numbers([value])[0]


def percent(value: float, decimals: int = 0) -> str:
    """A share given in percent, such as ``83 %``; NaN as ``n/a``."""
    return f"{value:.{decimals}f} %" if np.isfinite(value) else UNDEFINED


def stamps(times: NDArray[np.generic]) -> list[str]:
    """Each time stamp in ISO form, no finer than all of them need; a counter as it is."""
    if not np.issubdtype(times.dtype, np.datetime64):
        return [str(time) for time in times.tolist()]
    exact = times.astype("datetime64[ns]")
    unit: _Fineness = next(unit for unit in _FINENESS if (exact.astype(f"datetime64[{unit}]") == exact).all())
    return [text.replace("T", " ") for text in np.datetime_as_string(exact, unit=unit).tolist()]


def steps(number: int, alias: str) -> str:
    """That many steps of a pandas alias in words: ``12 months``, ``48 steps of 15 minutes``, ``10 steps``."""
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-\w+)?", alias)
    unit = match and _UNITS.get(match[2])
    if not (match and unit):
        return count(number, "step")
    size = int(match[1] or 1)
    return count(number, unit) if size == 1 else f"{count(number, 'step')} of {count(size, unit)}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def unaccented(text: str) -> str:
    """The text without the accents of its letters."""
    if text.isascii():
        return text
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", plain)  # syllables of Korean, which came apart


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return capital(text if text.endswith((".", "!", "?")) else f"{text}.")


def _format(values: NDArray[np.float64]) -> str:
    largest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    if largest == 0:
        return ".0f"
    digits = _SIGNIFICANT - 1 - int(np.floor(np.log10(largest)))
    plain = -8 <= digits <= 8
    return f",.{max(digits, 0)}f" if plain else f".{_SIGNIFICANT}g"
