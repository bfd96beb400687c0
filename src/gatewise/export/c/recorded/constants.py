"""How numbers that never change are stored in a file: in the fewest bytes from which they come back exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....compiler.render.c import number
from ..text import wrapped

_WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
HALVES = 64
"""Numbers from which on a table of half precision is worth a function that reads it."""


class Table(NamedTuple):
    """Stored numbers. c: their type. values: as text. read: C that makes a number of ``{}``, one of them."""

    c: str
    width: int
    values: Iterable[str]
    read: str = "{}"


C_TYPES = {"float64": "double", "float32": "float", "int64": "int64_t", "int32": "int32_t", "bool": "uint8_t"}
"""C's types by NumPy's, of whatever a program may compute with."""


def table_of(array: NDArray[Any]) -> Table:
    """Numbers (N,) of one of `C_TYPES` in the fewest bytes."""
    kind = array.dtype.name
    if kind in ("bool", "int64", "int32"):
        return _whole(array, "{}")
    to = f"({C_TYPES[kind]})"
    if _is_whole(array):
        return _whole(array, f"{to}{{}}")
    if not np.isfinite(array).all():
        return _bits(array)
    if len(array) >= HALVES and _fits(array, np.float16):
        read = "@half({})" if kind == "float32" else f"{to}@half({{}})"
        return Table("uint16_t", 2, map(str, array.astype(np.float16).view(np.uint16).tolist()), read)
    if kind == "float32" or _fits(array, np.float32):
        texts = (number(float(value)).strip("()") for value in array)
        return Table("float", 4, texts, "{}" if kind == "float32" else f"{to}{{}}")
    return Table("double", 8, (repr(float(value)) for value in array))


def text_of(value: Any) -> str:
    """One number as a C expression."""
    match value.dtype.name:
        case "bool" | "int32" | "int64":
            text = str(int(value))
        case "float32" if np.isfinite(value):
            return number(float(value))
        case "float64" if np.isfinite(value):
            text = repr(float(value))
        case _:
            table = _bits(value.reshape(1))
            return table.read.format(*table.values)
    return f"({text})" if text.startswith("-") else text


def indices_of(indices: NDArray[np.int64]) -> Table:
    """A table of places (N,), none below 0."""
    return _whole(indices, "{}")


def _whole(array: NDArray[Any], read: str) -> Table:
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kind = next(name for name in _WHOLE if np.iinfo(name).min <= low and high <= np.iinfo(name).max)
    return Table(f"{kind}_t", np.dtype(kind).itemsize, map(str, array.astype(np.int64).tolist()), read)


def _is_whole(array: NDArray[Any]) -> bool:
    if not (np.isfinite(array).all() and np.abs(array).max(initial=0) <= np.iinfo(np.int32).max):
        return False
    return bool((array == np.rint(array)).all() and not (np.signbit(array) & (array == 0)).any())


def _fits(array: NDArray[Any], dtype: Any) -> bool:
    with np.errstate(over="ignore"):
        return bool((array.astype(dtype).astype(array.dtype) == array).all())


def _bits(array: NDArray[Any]) -> Table:
    """By their bits, since a constant of C is finite; every NaN is the same."""
    array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    if array.dtype == np.float32:
        return Table("uint32_t", 4, (f"0x{bits:08x}u" for bits in array.view(np.uint32)), "@bits({})")
    return Table("uint64_t", 8, (f"UINT64_C(0x{bits:016x})" for bits in array.view(np.uint64)), "@bits64({})")


def table_text(name: str, table: Table, length: int) -> str:
    """A constant array."""
    return f"static const {table.c} {name}[{length}] = {{\n{wrapped(table.values)}\n}};\n"
