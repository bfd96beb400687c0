"""Arrays of a step, and the forms in which they hold their numbers: as floats, or in fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...compiler.render.c import number

Numbers = NDArray[Any]

NARROW, WIDE = 32767, 2147483520
"""The largest number of an int16, and the largest of an int32 that is a float."""

_NEAREST = np.float32(12582912.0)


class Form(Protocol):
    """How the numbers of an array are held. c: their type. width: bytes of each. dtype: numpy's."""

    @property
    def c(self) -> str: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def dtype(self) -> type[Any]: ...  # noqa: D102

    def read(self, held: str) -> str:
        """C: the float of what is held."""
        ...

    def write(self, value: str, prefix: str) -> str:
        """C: what is held of a float."""
        ...

    def decoded(self, held: Numbers) -> Numbers:
        """The same as :meth:`read`, of numpy, to the bit."""
        ...

    def encoded(self, values: Numbers) -> Numbers:
        """The same as :meth:`write`."""
        ...

    def about(self) -> str:
        """In words."""
        ...


@dataclass(frozen=True)
class Floats:
    """float32."""

    c: str = "float"
    width: int = 4
    dtype: type[Any] = np.float32

    def read(self, held: str) -> str:
        """As it is."""
        return held

    def write(self, value: str, prefix: str) -> str:
        """As it is."""
        return value

    def decoded(self, held: Numbers) -> Numbers:
        """As it is."""
        return held

    def encoded(self, values: Numbers) -> Numbers:
        """As it is."""
        return values

    def about(self) -> str:
        """Nothing to say."""
        return ""


@dataclass(frozen=True)
class Narrow:
    """int16, from -32767 to 32767 for what lies from -reach to reach, rounded to the nearest.

    proven: nothing computed lies outside, so that a step need not look; what comes from outside is cut off always.
    """

    reach: float
    proven: bool = False
    c: str = "int16_t"
    width: int = 2
    dtype: type[Any] = np.int16

    @property
    def unit(self) -> np.float32:
        """What 1 stands for."""
        return np.float32(self.reach / NARROW)

    @property
    def _per_one(self) -> np.float32:
        return np.float32(NARROW / self.reach)

    def read(self, held: str) -> str:
        """One product."""
        return f"(float){held} * {number(float(self.unit))}"

    def write(self, value: str, prefix: str) -> str:
        """Rounded by an addition."""
        return f"{prefix}{'nearest' if self.proven else 'narrow'}({value} * {number(float(self._per_one))})"

    def decoded(self, held: Numbers) -> Numbers:
        """One product."""
        return held.astype(np.float32) * self.unit

    def encoded(self, values: Numbers) -> Numbers:
        """Rounded by an addition."""
        rounded = _within(np.asarray(values, np.float32) * self._per_one, NARROW) + _NEAREST
        return (rounded.view(np.int32) - 0x4B400000).astype(np.int16)

    def about(self) -> str:
        """What 1 stands for."""
        return f"int16, 1 is {self.unit:.6g}"


@dataclass(frozen=True)
class Wide:
    """int32 in steps of a power of two, so that every float that fits and is no smaller than a step is held exactly."""

    reach: float
    c: str = "int32_t"
    width: int = 4
    dtype: type[Any] = np.int32

    @property
    def unit(self) -> np.float32:
        """What 1 stands for."""
        return np.float32(2.0 ** (math.ceil(math.log2(self.reach)) - 31))

    def read(self, held: str) -> str:
        """One product."""
        return f"(float){held} * {number(float(self.unit))}"

    def write(self, value: str, prefix: str) -> str:
        """Rounded towards zero."""
        return f"{prefix}wide({value} * {number(float(1 / self.unit))})"

    def decoded(self, held: Numbers) -> Numbers:
        """One product."""
        return held.astype(np.float32) * self.unit

    def encoded(self, values: Numbers) -> Numbers:
        """Rounded towards zero."""
        return _within(np.asarray(values, np.float32) * np.float32(1 / self.unit), WIDE).astype(np.int32)

    def about(self) -> str:
        """What 1 stands for."""
        return f"int32, 1 is {self.unit:.6g}"


def _within(values: Numbers, most: int) -> Numbers:
    """From -most to most, where NaN goes to the least."""
    low, high = np.float32(-most), np.float32(most)
    return np.where(values > low, np.where(values < high, values, high), low)


FLOATS = Floats()


@dataclass(frozen=True)
class Array:
    """Numbers while a step runs.

    text: a C expression of where they begin. size: how many there are. key: its name in the twin. item: C text of
    what is held at {}. begin: where it begins in the twin's.
    """

    text: str
    size: int
    key: str
    item: str
    form: Form = FLOATS
    begin: int = 0

    @classmethod
    def named(cls, text: str, size: int, form: Form = FLOATS) -> Array:
        """One whose numbers follow each other."""
        return cls(text, size, text, f"{text}[{{}}]", form)

    def at(self, index: str) -> str:
        """One of its numbers."""
        return self.form.read(self.held(index))

    def held(self, index: str) -> str:
        """What is held of one of its numbers."""
        return self.item.format(index)

    def part(self, begin: int, size: int) -> Array:
        """Some of them."""
        if size == self.size:
            return self
        text = f"({self.text} + {begin})"
        return replace(self, text=text, item=f"{text}[{{}}]", size=size, begin=self.begin + begin)
