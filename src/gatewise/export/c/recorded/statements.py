"""What a program does, one loop nest after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...recording import Value
from .expressions import Along, Expression, Load, Places, whole


@dataclass(frozen=True, eq=False)
class Each:
    """Every entry of the target."""

    target: Load
    source: Expression

    @property
    def reads(self) -> Iterator[Load]:
        """All that is read."""
        yield from self.source.loads

    @property
    def writes(self) -> Load:
        """What is written."""
        return self.target


OVER: Mapping[str, Callable[..., Any]] = {"sum": np.sum, "cumsum": np.cumsum, "least": np.min}
"""What is taken over an axis."""


@dataclass(frozen=True, eq=False)
class Over(Each):
    """One of `OVER`, over the last axis of the source, which the target of a ``cumsum`` has too."""

    op: str = "sum"


@dataclass(frozen=True, eq=False)
class Pick(Each):
    """Every entry of the target, out of a table that is stored as a whole, from the place that the source says."""

    table: Load

    @property
    def reads(self) -> Iterator[Load]:
        """All that is read."""
        yield from (self.table, *self.source.loads)


@dataclass(frozen=True, eq=False)
class Product:
    """Matrices (..., M, K) times (..., K, N)."""

    target: Load
    left: Load
    right: Load

    @property
    def reads(self) -> Iterator[Load]:
        """All that is read."""
        yield from (self.left, self.right)

    @property
    def writes(self) -> Load:
        """What is written."""
        return self.target

    @property
    def count(self) -> int:
        """Multiplications."""
        return int(np.prod(self.target.shape)) * self.left.shape[-1]


@dataclass(frozen=True, eq=False)
class Keep:
    """The rows of a scan's result that are read later. source: a row. rows: which, increasing, of so many, count."""

    value: Value
    source: Load
    scan: int
    rows: Places
    count: int

    @property
    def reads(self) -> Iterator[Load]:
        """All that is read."""
        yield self.source

    @property
    def writes(self) -> Load:
        """The first row; the others follow."""
        return whole(self.value, self.source.shape, self.source.dtype)

    @property
    def tail(self) -> int | None:
        """The first row that is kept where all after it are, too."""
        first = int(self.rows[0])
        return first if len(self.rows) == self.count - first else None


@dataclass(frozen=True, eq=False)
class Scan:
    """Statements that are carried out ``count`` times, the number of the step at hand by the scan's own number."""

    number: int
    count: int
    body: list[Statement] = field(default_factory=list["Statement"])


Statement = Each | Over | Product | Keep | Scan


def flat(statements: list[Statement]) -> Iterator[Each | Over | Product | Keep]:
    """All statements, those of bodies in their place."""
    for one in statements:
        if isinstance(one, Scan):
            yield from flat(one.body)
        else:
            yield one


def products(statements: list[Statement]) -> int:
    """Multiplications of all matrix products."""
    total = 0
    for one in statements:
        if isinstance(one, Scan):
            total += one.count * products(one.body)
        elif isinstance(one, Product):
            total += one.count
    return total


def row_of(load: Load, scan: int) -> Load | None:
    """The row of an array that a step of a scan is at; None where the rows are not evenly apart."""
    steps = np.diff(load.places, axis=0)
    stride = int(steps.flat[0]) if steps.size else 0
    if load.along is not None or (steps != stride).any():
        return None
    return Load(load.value, load.places[0], load.dtype, Along(scan, stride))
