"""Kernel ridge regression of all steps of a season together (Saunders, Gammerman & Vovk 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....tables.panel import Floats

_TINY = 1e-9


@dataclass(frozen=True)
class Kernel:
    """How alike two rows of features of deviation 1 are: their mean product, and a bell of their mean squared distance.

    linear, bell: how much each counts. width: of the bell, in mean squared distances. penalty: on the size of what is
    learned.
    """

    linear: float
    bell: float
    width: float
    penalty: float

    def between(self, rows: Floats, others: Floats) -> Floats:
        """(N, P) and (M, P) to (N, M)."""
        products = rows @ others.T / rows.shape[1]
        if not self.bell:
            return self.linear * products
        sizes, other_sizes = ((one**2).mean(axis=1) for one in (rows, others))
        distances = np.maximum(sizes[:, None] + other_sizes - 2 * products, 0)
        return self.linear * products + self.bell * np.exp(-distances / self.width)


@dataclass(frozen=True)
class Learned:
    """What a kernel learned of rows (N, P) whose targets are (N, H).

    rows: standardised by centre and spread. weights: (N, H), added to the ``mean`` of the targets.
    """

    kernel: Kernel
    rows: Floats
    centre: Floats
    spread: Floats
    weights: Floats
    mean: Floats
    factor: Floats

    @classmethod
    def of(cls, kernel: Kernel, features: Floats, target: Floats) -> Learned:
        """From features (N, P) and targets (N, H)."""
        from scipy.linalg import cho_factor, cho_solve

        centre, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread > _TINY, spread, np.inf)
        rows, mean = (features - centre) / spread, target.mean(axis=0)
        alike = kernel.between(rows, rows)
        alike[np.diag_indices_from(alike)] += kernel.penalty
        factor, lower = cho_factor(alike, lower=True, overwrite_a=True)
        return cls(kernel, rows, centre, spread, cho_solve((factor, lower), target - mean), mean, factor)

    def values(self, features: Floats) -> Floats:
        """For features (M, P) the targets expected, (M, H)."""
        rows = (features - self.centre) / self.spread
        return self.mean + self.kernel.between(rows, self.rows) @ self.weights

    def left_out(self) -> Floats:
        """The error at each row of what would have been learned without it, (N, H), in closed form."""
        from scipy.linalg import solve_triangular

        inverse = solve_triangular(self.factor, np.eye(len(self.factor)), lower=True, check_finite=False)
        return self.weights / (inverse**2).sum(axis=0)[:, None]
