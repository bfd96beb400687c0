"""A NumPy program written down: what it does to an array of a fixed shape, as nodes that any target can be made of.

The program runs once, on an example, with arrays that note what is done to them. Whatever it decides by is taken from
the example: shapes, and indices that it knows, must be the same for every array that it is to be used on. Where values
are missing (NaN), the program looks for itself. Reshaping, slicing, gathering and broadcasting are one node, ``take``:
entries of an array in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[Any]
Value = int
"""The number of a value in a recording."""


class Node(NamedTuple):
    """One operation. op: see `ONE_BY_ONE` and `Recording`. attributes: numbers, or the body of a ``scan``."""

    op: str
    inputs: tuple[Value, ...]
    results: tuple[Value, ...]
    attributes: Mapping[str, Any] = {}


_ARITHMETIC = ("add", "subtract", "multiply", "divide", "negative", "absolute", "floor", "ceil", "rint")
_TRANSCENDENTAL = ("sqrt", "exp", "log", "log1p", "expm1", "arcsinh", "tanh")
_COMPARING = ("maximum", "minimum", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
ONE_BY_ONE = frozenset([*_ARITHMETIC, *_TRANSCENDENTAL, *_COMPARING, "logical_and", "logical_not"])
"""The functions of entries that can be recorded, by NumPy's names; shapes are broadcast."""
_SAME = {"bitwise_and": "logical_and", "invert": "logical_not"}
_PRESENT = {"fmin": "less_equal", "fmax": "greater_equal"}
"""What takes the better of two numbers, and when the first is."""
_MOVES = ("moveaxis", "take_along_axis", "broadcast_to", "reshape", "transpose", "copy")
_JOINS = ("concatenate", "stack")


class Recording:
    """Nodes in order, and constants.

    Beside `ONE_BY_ONE`: ``where``; ``matmul``; ``sum``, ``cumsum`` and ``least`` over an ``axis``; ``cast`` to a
    ``dtype``; ``reshape``; ``join`` of flat arrays; ``take`` of entries at flat ``indices``, in their shape; ``pick``
    of entries at flat indices that are computed; ``scan`` of a ``body`` over the rows of an array, whose ``inner``
    inputs become ``ends``.

    Args:
        outer: What this is the body of a scan of.
    """

    def __init__(self, outer: Recording | None = None) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[Value, Array] = {} if outer is None else outer.constants
        self._count: list[int] = [0] if outer is None else outer._count
        self._known: dict[Any, Value] = {} if outer is None else outer._known
        self._results: dict[Any, Value] = {}

    def input(self, example: Array) -> Recorded:
        """A further input of the program, with what it is run on."""
        return Recorded(self, self._new(), np.asarray(example))

    def constant(self, array: Any) -> Value:
        """The value of an array that does not depend on inputs; equal ones are one."""
        array = np.asarray(array)
        key = _key(array)
        if key not in self._known:
            self._known[key] = self._new()
            self.constants[self._known[key]] = array
        return self._known[key]

    def value(self, array: Any) -> Value:
        """The value of a recorded array or of a constant."""
        return array.value if isinstance(array, Recorded) else self.constant(array)

    def add(self, op: str, inputs: Sequence[Any], example: Array, **attributes: Any) -> Recorded:
        """A node of one result; what was computed before is not computed again."""
        values = tuple(self.value(one) for one in inputs)
        key = op, values, *((name, _key(one)) for name, one in attributes.items())
        if key not in self._results:
            self._results[key] = self._new()
            self.nodes.append(Node(op, values, (self._results[key],), attributes))
        return Recorded(self, self._results[key], example)

    def take(self, source: Recorded, indices: Array) -> Any:
        """Entries of an array at flat indices, in their shape; none of them are plain."""
        if not indices.size:
            return source.example.ravel()[indices]
        if indices.shape == source.shape and (indices.ravel() == np.arange(indices.size)).all():
            return source
        if indices.size == source.example.size and (indices.ravel() == np.arange(indices.size)).all():
            return self.add("reshape", [source], source.example.reshape(indices.shape), shape=indices.shape)
        return self.add("take", [source], source.example.ravel()[indices], indices=indices)

    def picked(self, array: Any, indices: Recorded, axis: int) -> Recorded:
        """See `numpy.take_along_axis`, where the indices are computed."""
        source, axis = _of(array), axis % _of(array).ndim
        begins = np.arange(source.size).reshape(source.shape).take([0], axis)
        flat = indices * int(np.prod(source.shape[axis + 1 :])) + begins
        return self.add("pick", [array, flat], np.take_along_axis(source, indices.example, axis))

    def scan(self, advance: Callable[..., tuple[Any, ...]], states: Sequence[Any], rows: Recorded) -> list[Recorded]:
        """The states after each of the rows (N, ...) of an array, each (N, ...)."""
        body = Recording(self)
        before = [body.input(_of(state)) for state in states]
        row = body.input(rows.example[0])
        after = advance(*before, row)
        examples = _scanned(advance, [_of(state) for state in states], rows.example)
        results = [self._new() for _ in states]
        inner = tuple(one.value for one in (*before, row))
        attributes: dict[str, Any] = {
            "body": body.nodes,
            "inner": inner,
            "ends": tuple(body.value(one) for one in after),
        }
        attributes["shapes"] = tuple((one.shape, one.dtype) for one in (*before, row))
        inputs = tuple(self.value(one) for one in (*states, rows))
        self.nodes.append(Node("scan", inputs, tuple(results), attributes))
        return [Recorded(self, result, example) for result, example in zip(results, examples, strict=True)]

    def _new(self) -> Value:
        self._count[0] += 1
        return self._count[0]


class Recorded(NDArrayOperatorsMixin):
    """An array of a program that is being recorded. example: what it is where the program runs now."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recording: Recording, value: Value, example: Array) -> None:
        self.recording, self.value, self.example = recording, value, np.asarray(example)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.example.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.example.dtype

    @property
    def size(self) -> int:
        """Entries."""
        return self.example.size

    def __len__(self) -> int:
        return len(self.example)

    def __bool__(self) -> bool:
        raise InputError("the program decides by values, and cannot be recorded")

    def __array__(self, *_: object, **__: object) -> Array:
        raise InputError("the program makes a plain array of a recorded one")

    def __getitem__(self, key: Any) -> Any:
        return self._moved(lambda array: array[key])

    def reshape(self, *shape: Any) -> Any:
        """See numpy."""
        return self._moved(lambda array: array.reshape(*shape))

    def astype(self, dtype: Any, order: str = "K") -> Recorded:
        """See numpy; the order in memory says nothing here."""
        if self.dtype == dtype:
            return self
        return self.recording.add("cast", [self], self.example.astype(dtype), dtype=np.dtype(dtype))

    def sum(self, axis: int) -> Recorded:
        """See numpy."""
        return self._over("sum", np.sum, axis)

    def cumsum(self, axis: int) -> Recorded:
        """See numpy."""
        return self._over("cumsum", np.cumsum, axis)

    def min(self, axis: int) -> Recorded:
        """See numpy."""
        return self._over("least", np.min, axis)

    def over_time(self, advance: Callable[..., tuple[Any, ...]], start: Sequence[Any]) -> tuple[Any, ...]:
        """States (F, B) after each column (...,) of values (..., T), each (F, B, T)."""
        found: Any = self.recording.scan(advance, start, self._along(-1, 0))
        return tuple(np.moveaxis(one, 0, -1) for one in found)

    def missing(self) -> Any:
        """Where values are missing; nowhere among numbers that cannot be."""
        return np.not_equal(self, self) if self.dtype.kind == "f" else np.zeros(self.shape, np.bool_)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = _SAME.get(ufunc.__name__, ufunc.__name__)
        if method == "accumulate" and name in ("minimum", "maximum", *_PRESENT):
            return self._accumulated(ufunc, options["axis"])
        if method != "__call__":
            raise InputError(f"numpy.{ufunc.__name__}.{method} cannot be recorded")
        if name == "isnan":
            return self.missing()
        if name == "floor_divide":
            return np.floor(inputs[0] / inputs[1]).astype(ufunc(*map(_of, inputs)).dtype)
        if name in _PRESENT:
            return _present(_PRESENT[name], *inputs)
        if name == "power" and np.ndim(inputs[1]) == 0 and inputs[1] == 2:
            return inputs[0] * inputs[0]
        if "where" in options:
            return self._partial(ufunc, inputs, **options)
        if name not in ONE_BY_ONE | {"matmul"} or options:
            raise InputError(f"numpy.{ufunc.__name__} cannot be recorded")
        given = _alike(name, inputs)
        with np.errstate(all="ignore"):
            example = ufunc(*(_of(one) for one in given))
        return self.recording.add(
            "logical_and" if name == "multiply" and example.dtype == bool else name, given, example
        )

    def __array_function__(self, function: Any, _: Any, arguments: Any, options: Any) -> Any:
        name = function.__name__
        if name == "take_along_axis" and isinstance(arguments[1], Recorded):
            return arguments[1].recording.picked(*arguments, **options)
        if name in _MOVES:
            source, *rest = arguments
            return source._moved(lambda array: function(array, *rest, **options))
        if name in _JOINS:
            return self._joined(function, arguments[0], *arguments[1:], **options)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](self.recording, *arguments, **options)
        if name in ("zeros_like", "ones_like"):
            return function(arguments[0].example, *arguments[1:], **options)
        raise InputError(f"numpy.{name} cannot be recorded")

    def _moved(self, function: Callable[[Array], Array]) -> Any:
        return self.recording.take(self, function(np.arange(self.size).reshape(self.shape)))

    def _joined(self, function: Any, parts: Sequence[Any], *rest: Any, **options: Any) -> Recorded:
        dtype = np.result_type(*(_of(part) for part in parts))
        parts = [_cast(part, dtype) for part in parts]
        starts = np.cumsum([0, *(part.size for part in parts)])
        places = [np.arange(part.size).reshape(part.shape) + start for part, start in zip(parts, starts, strict=False)]
        flat = [part.reshape(-1) for part in parts]
        whole = self.recording.add("join", flat, np.concatenate([_of(part) for part in flat]))
        return self.recording.take(whole, function(places, *rest, **options))

    def _over(self, op: str, function: Any, axis: int) -> Recorded:
        axis = axis % self.example.ndim
        source = self.astype(np.int64) if self.dtype == bool else self
        return self.recording.add(op, [source], function(source.example, axis=axis), axis=axis)

    def _partial(self, ufunc: np.ufunc, inputs: Sequence[Any], *, where: Any, out: Any) -> Any:
        """A quotient where it is asked for, and what was there elsewhere."""
        above, below = inputs
        return np.where(where, ufunc(above, np.where(where, below, 1.0)), out[0])

    def _accumulated(self, ufunc: np.ufunc, axis: int) -> Any:
        """The least or largest so far, in ever larger strides."""
        found, stride = self._along(axis, -1), 1
        while stride < found.shape[-1]:
            shifted = np.concatenate([found[..., :stride], found[..., :-stride]], axis=-1)
            found, stride = ufunc(found, shifted), 2 * stride
        return found._along(-1, axis)

    def _along(self, axis: int, other: int) -> Any:
        return self._moved(lambda array: np.moveaxis(array, axis, other))


def _key(one: Any) -> Any:
    """What equal arrays have in common."""
    return (one.dtype.str, one.shape, one.tobytes()) if isinstance(one, np.ndarray) else one


def _of(array: Any) -> Array:
    return array.example if isinstance(array, Recorded) else np.asarray(array)


def _cast(array: Any, dtype: Any) -> Any:
    return array.astype(dtype) if isinstance(array, Recorded) else np.asarray(array, dtype)


def _alike(name: str, inputs: Sequence[Any]) -> list[Any]:
    """The inputs of an operation in one type; plain numbers take that of the arrays."""
    if name.startswith("logical"):
        return list(inputs)
    dtype = np.result_type(*(one if isinstance(one, int | float) else _of(one) for one in inputs))
    if name in ("divide", *_TRANSCENDENTAL) and dtype.kind != "f":
        dtype = np.dtype(np.float64)
    return [_cast(one, dtype) for one in inputs]


def _scanned(advance: Callable[..., tuple[Any, ...]], states: Sequence[Array], rows: Array) -> list[Array]:
    found: list[Sequence[Array]] = []
    for row in rows:
        states = advance(*states, row)
        found.append(states)
    return [np.stack(one) for one in zip(*found, strict=True)]


def _where(recording: Recording, condition: Any, yes: Any, no: Any) -> Any:
    if not isinstance(condition, Recorded):
        condition = np.asarray(condition)
        if condition.all() or not condition.any():
            shape = np.broadcast_shapes(_of(yes).shape, _of(no).shape, condition.shape)
            return np.broadcast_to(yes if condition.all() else no, shape)
    dtype = np.result_type(*(one if isinstance(one, int | float) else _of(one) for one in (yes, no)))
    example = np.where(_of(condition), _of(yes), _of(no)).astype(dtype)
    return recording.add("where", [condition, _cast(yes, dtype), _cast(no, dtype)], example)


def _nan_to_num(recording: Recording, array: Recorded) -> Any:
    return _where(recording, array.missing(), 0.0, array)


def _present(better: str, one: Any, other: Any) -> Any:
    """The better of two numbers; where one is missing, the other."""
    return np.where(getattr(np, better)(one, other), one, np.where(np.isnan(other), one, other))


def _first(recording: Recording, flags: Recorded, axis: int) -> Any:
    """The place of the first flag that is set, 0 where none is."""
    before = (flags.astype(np.int64).cumsum(axis) == 0).sum(axis)
    return before * (before < flags.shape[axis])


def _clip(recording: Recording, array: Recorded, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(array, low), high)


def _broadcast_arrays(recording: Recording, *arrays: Any) -> list[Any]:
    shape = np.broadcast_shapes(*(np.shape(_of(one)) for one in arrays))
    return [np.broadcast_to(one, shape) for one in arrays]


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "argmax": _first,
    "where": _where,
    "nan_to_num": _nan_to_num,
    "clip": _clip,
    "broadcast_arrays": _broadcast_arrays,
    "cumsum": lambda recording, array, axis: array.cumsum(axis),
    "sum": lambda recording, array, axis: array.sum(axis),
    "nansum": lambda recording, array, axis: _nan_to_num(recording, array).sum(axis),
    "shape": lambda recording, array: array.shape,
    "ndim": lambda recording, array: array.example.ndim,
}
