"""Numbers and names put into sentences."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, singular: str, plural: str = "") -> str:
    """``"1 window"``, ``"5,000 windows"``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def few(names: Sequence[str], shown: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


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
