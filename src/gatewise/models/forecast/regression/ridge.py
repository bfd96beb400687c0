"""Least squares with a penalty on the size of the weights (Hoerl & Kennard 1970), from sums that rows are added to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....tables.panel import Floats
from .layout import Rows

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""On each weight, beside columns of deviation 1, in shares of the number of rows."""


@dataclass(frozen=True)
class Sums:
    """What the weights depend on: products of columns (P, P), of columns and target (P,), their sums, and how many."""

    products: Floats
    targets: Floats
    columns: Floats
    target: float
    count: int

    @classmethod
    def none(cls, width: int) -> Sums:
        """Those of no rows."""
        return cls(np.zeros((width, width)), np.zeros(width), np.zeros(width), 0.0, 0)

    def plus(self, rows: Rows, target: Floats) -> Sums:
        """With rows (N, P) and their targets (N,); those of which the target is NaN are left out."""
        seen = ~np.isnan(target)
        rows, target = (rows, target) if seen.all() else (rows[seen], target[seen])
        return Sums(
            self.products + rows.T @ rows,
            self.targets + target @ rows,
            self.columns + rows.sum(axis=0, dtype=np.float64),
            self.target + float(target.sum()),
            self.count + len(rows),
        )

    def weights(self, penalty: float) -> tuple[Floats, float]:
        """The weights (P,), and what is added to their sum."""
        from scipy.linalg import cho_factor, cho_solve

        means, mean = self.columns / self.count, self.target / self.count
        products = self.products - np.outer(means, self.columns)
        products[np.diag_indices_from(products)] += penalty * self.count
        found = cho_solve(cho_factor(products, overwrite_a=True), self.targets - mean * self.columns)
        return found, mean - float(means @ found)
