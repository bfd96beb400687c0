"""What is known of series besides their past: columns beside the target, on the same steps, in part ahead of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["known", "past", "static"]
"""Whether a covariate is known ahead, known only in the past, or the same at every step of a series."""
ROLES: dict[str, str] = {"known": "known ahead", "past": "known only in the past", "static": "static"}
"""The roles, and how they are called in sentences."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Covariate:
    """One column. words: the categories that its values number, by code; empty where it holds numbers.

    role: None until it is settled. source: where its later values come from, in errors. country: whose holidays it
    holds, empty for all else.
    """

    name: str
    words: tuple[str, ...] = ()
    role: Role | None = None
    source: str = ""
    country: str = ""


@dataclass(frozen=True)
class Covariates:
    """The covariates of S series.

    columns: C of them. values: S arrays (T + ahead, C), the first row at the first step of the series, NaN where
    nothing is known. series: what the table called the column that names the series, empty where it had none.
    """

    columns: tuple[Covariate, ...]
    values: tuple[Matrix, ...]
    series: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(column.name for column in self.columns)

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> Covariates:
        """Those of the series at these positions."""
        return replace(self, values=tuple(self.values[row] for row in rows))

    def alone(self, row: int) -> Covariates:
        """Those of one series, with only the words that it has itself, in their order: whichever company it is in."""
        values, columns = self.values[row], list(self.columns)
        for at, column in enumerate(columns):
            if column.words:
                codes = np.unique(values[~np.isnan(values[:, at]), at]).astype(np.int64)
                present = sorted(column.words[code] for code in codes.tolist())
                own, _ = recoded(values[:, [at]], column.words, present)
                values = np.hstack((values[:, :at], own, values[:, at + 1 :]))
                columns[at] = replace(column, words=tuple(present))
        return replace(self, columns=tuple(columns), values=(values,))

    def reaching(self, lengths: NDArray[np.int64]) -> Covariates:
        """With at least so many rows for each series, the new ones empty."""
        return replace(self, values=tuple(map(longer, self.values, lengths.tolist())))

    def joined(self, other: Covariates) -> Covariates:
        """With those of another table for the same series beside them."""
        lengths = np.array([max(map(len, both)) for both in zip(self.values, other.values, strict=True)])
        left, right = self.reaching(lengths).values, other.reaching(lengths).values
        return replace(
            self,
            columns=(*self.columns, *other.columns),
            values=tuple(np.hstack(both) for both in zip(left, right, strict=True)),
        )


def longer(values: Matrix, length: int) -> Matrix:
    """The values (T, C) with empty rows behind them, up to so many."""
    lacking = max(length - len(values), 0)
    return np.concatenate((values, np.full((lacking, values.shape[1]), np.nan))) if lacking else values


def recoded(values: Matrix, words: Sequence[str], known: Sequence[str]) -> tuple[Matrix, tuple[str, ...]]:
    """Codes of ``words`` as codes of the ``known`` ones, to which new ones are added."""
    if not words:
        return values, tuple(known)
    every = tuple(dict.fromkeys((*known, *words)))
    codes = np.array([every.index(word) for word in words], np.float64)
    seen = ~np.isnan(values)
    renamed = values.copy()
    renamed[seen] = codes[values[seen].astype(np.int64)]
    return renamed, every


def followed(old: Covariates, new: Covariates, rows: Sequence[int], lengths: Sequence[int]) -> Covariates:
    """The covariates ``old`` with those of new rows behind them.

    rows: which series of the old each of the new ones is. lengths: how many steps of those went before. What the new
    rows do not have keeps what was known of it.
    """
    columns, values = list(old.columns), list(old.values)
    for place, column in enumerate(new.columns):
        if column.name not in old.names:
            continue
        at = old.names.index(column.name)
        for row, length, fresh in zip(rows, lengths, new.values, strict=True):
            own, words = recoded(fresh[:, [place]], column.words, columns[at].words)
            columns[at] = replace(columns[at], words=words)
            joined = longer(values[row], length + len(own)).copy()
            joined[length : length + len(own), at] = np.where(
                np.isnan(own[:, 0]), joined[length : length + len(own), at], own[:, 0]
            )
            values[row] = joined
    return replace(old, columns=tuple(columns), values=tuple(values))
