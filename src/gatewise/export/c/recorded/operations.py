"""NumPy's functions of entries as C expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .constants import C_TYPES

_SIGNS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "negative": "-{}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "logical_and": "{} && {}",
    "logical_not": "!{}",
    "where": "{} ? {} : {}",
    "copy": "{}",
    "absolute": "{0} < 0 ? -{0} : {0}",
}
"""Those that are the same for every type."""
_ALSO_NAN = {"maximum": "{0} >= {1} || {0} != {0} ? {0} : {1}", "minimum": "{0} <= {1} || {0} != {0} ? {0} : {1}"}
_WITHOUT_NAN = {"maximum": "{0} >= {1} ? {0} : {1}", "minimum": "{0} <= {1} ? {0} : {1}"}
_DOUBLES = ("floor", "ceil", "rint", "sqrt", "exp", "log", "log1p", "expm1", "arcsinh", "tanh")
"""Functions on double that the file has, see `doubles`; those of floats are rounded."""
_FLOATS = {"tanh": "{0} != {0} ? {0} : @tanh({0})"}
"""Those that it has on float, since a network computes many of them."""

OPERATIONS = frozenset([*_SIGNS, *_ALSO_NAN, *_DOUBLES, "divide", "cast"])
"""All that there are."""


def operation(op: str, arguments: Sequence[str], inputs: Sequence[np.dtype[Any]], result: np.dtype[Any]) -> str:
    """A function of numbers, which are names or constants of C."""
    special = _SPECIAL.get(op)
    if special is not None:
        return special(arguments, inputs[0], result)
    if op in _ALSO_NAN:
        return (_ALSO_NAN if result.kind == "f" else _WITHOUT_NAN)[op].format(*arguments)
    if op in _DOUBLES:
        return _function(op, arguments[0], result)
    text = _SIGNS[op].format(*arguments)
    return f"({text}) != 0" if result.kind == "b" and op in ("add", "multiply") else text


def _function(op: str, argument: str, result: np.dtype[Any]) -> str:
    if result == np.float64:
        return f"@{op}64({argument})"
    return _FLOATS[op].format(argument) if op in _FLOATS else f"(float)@{op}64((double){argument})"


def _divide(arguments: Sequence[str], dtype: np.dtype[Any], result: np.dtype[Any]) -> str:
    to = "" if dtype.kind == "f" else f"({C_TYPES[result.name]})"
    return " / ".join(f"{to}{one}" for one in arguments)


def _cast(arguments: Sequence[str], dtype: np.dtype[Any], result: np.dtype[Any]) -> str:
    (one,), to = arguments, C_TYPES[result.name]
    if result.kind == "b":
        return f"{one} != 0"
    if dtype.kind == "f" and result.kind == "i":  # C leaves open what becomes of others
        most = 2.0 ** (8 * result.itemsize - 1)
        return f"{one} > -{most} && {one} < {most} ? ({to}){one} : 0"
    return f"({to}){one}"


_SPECIAL: Mapping[str, Callable[[Sequence[str], np.dtype[Any], np.dtype[Any]], str]] = {
    "divide": _divide,
    "cast": _cast,
}
