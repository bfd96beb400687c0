"""What is computed of every entry: functions of numbers that are loaded from where they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...recording import Value

Places = NDArray[np.int64]


class Along(NamedTuple):
    """A place moves by ``stride`` entries with each step of a scan of that number."""

    scan: int
    stride: int


@dataclass(frozen=True, eq=False)
class Load:
    """Entries of a stored value, by their places in it, in the shape in which they are read."""

    value: Value
    places: Places
    dtype: np.dtype[Any]
    along: Along | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is read."""
        return self.places.shape

    @property
    def loads(self) -> Iterator[Load]:
        """Itself."""
        yield self

    def moved(self, move: Callable[[Places], Places]) -> Load:
        """The same entries in another shape or order, as ``move`` arranges their places."""
        return replace(self, places=move(self.places))


@dataclass(frozen=True, eq=False)
class Apply:
    """A function of entries that all have one shape."""

    op: str
    inputs: tuple[Expression, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is computed."""
        return self.inputs[0].shape

    @property
    def loads(self) -> Iterator[Load]:
        """All that is read."""
        for one in self.inputs:
            yield from one.loads

    def moved(self, move: Callable[[Places], Places]) -> Apply:
        """The same entries in another shape or order."""
        return replace(self, inputs=tuple(one.moved(move) for one in self.inputs))


Expression = Load | Apply


def whole(value: Value, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Load:
    """All of a stored value, in order."""
    return Load(value, np.arange(int(np.prod(shape))).reshape(shape), dtype)


def broadcast(expression: Expression, shape: tuple[int, ...]) -> Expression:
    """See numpy."""
    if expression.shape == shape:
        return expression
    return expression.moved(lambda places: np.broadcast_to(places, shape))


class Affine(NamedTuple):
    """Places as an offset, a stride for each axis, and a table over the axes (``rest``) that no stride tells of."""

    offset: int
    strides: tuple[int, ...]
    table: Places
    rest: tuple[int, ...]


def affine(places: Places) -> Affine:
    """How places are found from the indices of their axes."""
    strides = [0] * places.ndim
    rest: list[int] = []
    for axis in range(places.ndim):
        first = places.take([0], axis)
        if places.strides[axis] == 0 or places.shape[axis] == 1:
            places = first
            continue
        steps = np.diff(places, axis=axis)
        step = int(steps.flat[0])
        if (steps == step).all():
            strides[axis], places = step, first
        else:
            rest.append(axis)
    offset = int(places.min())
    return Affine(offset, tuple(strides), places - offset, tuple(rest))


def reduced(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, ...]]:
    """An array without the axes along which nothing changes, and for each axis the stride in what is left, or 0."""
    kept: list[int] = []
    for axis in range(array.ndim):
        first = array.take([0], axis)
        same = array == first
        if array.dtype.kind == "f":
            same = (same & (np.signbit(array) == np.signbit(first))) | (np.isnan(array) & np.isnan(first))
        if same.all():
            array = first
        else:
            kept.append(axis)
    strides, stride = [0] * array.ndim, 1
    for axis in reversed(kept):
        strides[axis], stride = stride, stride * array.shape[axis]
    return array, tuple(strides)
