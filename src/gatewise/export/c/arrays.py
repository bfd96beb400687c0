"""Arrays of a step, and how their numbers are stored: as floats, or in fixed point."""

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


class Storage(Protocol):
    """How the numbers of an array are stored. c: their C type. width: bytes of each. dtype: numpy's."""

    @property
    def c(self) -> str: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def dtype(self) -> type[Any]: ...  # noqa: D102

    def read(self, stored: str) -> str:
        """The C expression of the float that a stored number stands for."""
        ...

    def write(self, value: str, prefix: str) -> str:
        """The C expression of what is stored for a float."""
        ...

    def decoded(self, stored: Numbers) -> Numbers:
        """What :meth:`read` computes, in numpy, to the bit."""
        ...

    def encoded(self, values: Numbers) -> Numbers:
        """What :meth:`write` computes, in numpy, to the bit."""
        ...

    def about(self) -> str:
        """What the header says of it."""
        ...


@dataclass(frozen=True)
class FloatStorage:
    """float32."""

    c: str = "float"
    width: int = 4
    dtype: type[Any] = np.float32

    def read(self, stored: str) -> str:
        """As it is."""
        return stored

    def write(self, value: str, prefix: str) -> str:
        """As it is."""
        return value

    def decoded(self, stored: Numbers) -> Numbers:
        """As it is."""
        return stored

    def encoded(self, values: Numbers) -> Numbers:
        """As it is."""
        return values

    def about(self) -> str:
        """Nothing: a float needs no explanation."""
        return ""


@dataclass(frozen=True)
class Int16Storage:
    """int16 in fixed point: -reach to reach as -32767 to 32767, rounded to the nearest.

    proven: nothing that a step computes lies outside, so it need not clip; what comes from outside is always clipped.
    """

    reach: float
    proven: bool = False
    c: str = "int16_t"
    width: int = 2
    dtype: type[Any] = np.int16

    @property
    def unit(self) -> np.float32:
        """The float that a stored 1 stands for."""
        return np.float32(self.reach / NARROW)

    @property
    def _per_one(self) -> np.float32:
        return np.float32(NARROW / self.reach)

    def read(self, stored: str) -> str:
        """The stored number times the unit."""
        return f"(float){stored} * {number(float(self.unit))}"

    def write(self, value: str, prefix: str) -> str:
        """Rounded to the nearest, by adding a large float."""
        return f"{prefix}{'nearest' if self.proven else 'narrow'}({value} * {number(float(self._per_one))})"

    def decoded(self, stored: Numbers) -> Numbers:
        """The stored number times the unit."""
        return stored.astype(np.float32) * self.unit

    def encoded(self, values: Numbers) -> Numbers:
        """Rounded to the nearest, by adding a large float."""
        rounded = _clipped(np.asarray(values, np.float32) * self._per_one, NARROW) + _NEAREST
        return (rounded.view(np.int32) - 0x4B400000).astype(np.int16)

    def about(self) -> str:
        """The float that a stored 1 stands for."""
        return f"int16, 1 is {self.unit:.6g}"


@dataclass(frozen=True)
class Int32Storage:
    """int32 in units of a power of two: every float that fits and is no smaller than a unit is stored exactly."""

    reach: float
    c: str = "int32_t"
    width: int = 4
    dtype: type[Any] = np.int32

    @property
    def unit(self) -> np.float32:
        """The float that a stored 1 stands for."""
        return np.float32(2.0 ** (math.ceil(math.log2(self.reach)) - 31))

    def read(self, stored: str) -> str:
        """The stored number times the unit."""
        return f"(float){stored} * {number(float(self.unit))}"

    def write(self, value: str, prefix: str) -> str:
        """Rounded towards zero."""
        return f"{prefix}wide({value} * {number(float(1 / self.unit))})"

    def decoded(self, stored: Numbers) -> Numbers:
        """The stored number times the unit."""
        return stored.astype(np.float32) * self.unit

    def encoded(self, values: Numbers) -> Numbers:
        """Rounded towards zero."""
        return _clipped(np.asarray(values, np.float32) * np.float32(1 / self.unit), WIDE).astype(np.int32)

    def about(self) -> str:
        """The float that a stored 1 stands for."""
        return f"int32, 1 is {self.unit:.6g}"


def _clipped(values: Numbers, bound: int) -> Numbers:
    """Clipped to -bound and bound; NaN becomes -bound."""
    low, high = np.float32(-bound), np.float32(bound)
    return np.where(values > low, np.where(values < high, values, high), low)


FLOAT_STORAGE = FloatStorage()


@dataclass(frozen=True)
class CArray:
    """Numbers while a step runs.

    text: a C expression of where they begin. size: how many there are. key: the array's name in the numpy model.
    item: C text of the number stored at {}. begin: the index at which it begins in the numpy model's array.
    """

    text: str
    size: int
    key: str
    item: str
    storage: Storage = FLOAT_STORAGE
    begin: int = 0

    @classmethod
    def named(cls, text: str, size: int, storage: Storage = FLOAT_STORAGE) -> CArray:
        """An array of that C name, whose numbers are contiguous."""
        return cls(text, size, text, f"{text}[{{}}]", storage)

    def at(self, index: str) -> str:
        """The C expression of one of its numbers, as a float."""
        return self.storage.read(self.stored(index))

    def stored(self, index: str) -> str:
        """The C expression of one of its numbers, as it is stored."""
        return self.item.format(index)

    def part(self, begin: int, size: int) -> CArray:
        """The ``size`` numbers from index ``begin`` on."""
        if size == self.size:
            return self
        text = f"({self.text} + {begin})"
        return replace(self, text=text, item=f"{text}[{{}}]", size=size, begin=self.begin + begin)
