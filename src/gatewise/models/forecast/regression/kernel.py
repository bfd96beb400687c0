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

    def of(self, products: Floats, sizes: Floats, other_sizes: Floats) -> Floats:
        """From the mean products of N rows and M others, (N, M), and the mean squares of both."""
        if not self.bell:
            return self.linear * products
        distances = np.maximum(sizes[:, None] + other_sizes - 2 * products, 0)
        return self.linear * products + self.bell * np.exp(-distances / self.width)


@dataclass(frozen=True)
class Rows:
    """N rows of features, standardised by centre and spread, with their mean products (N, N)."""

    rows: Floats
    centre: Floats
    spread: Floats
    products: Floats

    @classmethod
    def of(cls, features: Floats) -> Rows:
        """From features (N, P)."""
        centre, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread > _TINY, spread, np.inf)
        rows = (features - centre) / spread
        return cls(rows, centre, spread, rows @ rows.T / rows.shape[1])

    def alike(self, kernel: Kernel) -> Floats:
        """How alike they are, (N, N)."""
        sizes = np.diagonal(self.products)
        return kernel.of(self.products, sizes, sizes)

    def like(self, kernel: Kernel, features: Floats) -> Floats:
        """How alike others (M, P) are to them, (M, N)."""
        others = (features - self.centre) / self.spread
        products = others @ self.rows.T / self.rows.shape[1]
        return kernel.of(products, (others**2).mean(axis=1), np.diagonal(self.products))


@dataclass(frozen=True)
class Learned:
    """What a kernel learned of rows whose targets are (N, H). weights: (N, H), added to the ``mean`` of the targets."""

    kernel: Kernel
    rows: Rows
    weights: Floats
    mean: Floats
    factor: Floats

    @classmethod
    def of(cls, kernel: Kernel, rows: Rows, target: Floats) -> Learned:
        """From rows and targets (N, H)."""
        from scipy.linalg import cho_factor, cho_solve

        alike, mean = rows.alike(kernel), target.mean(axis=0)
        alike[np.diag_indices_from(alike)] += kernel.penalty
        factor, lower = cho_factor(alike, lower=True, overwrite_a=True)
        return cls(kernel, rows, cho_solve((factor, lower), target - mean), mean, factor)

    def values(self, features: Floats) -> Floats:
        """For features (M, P) the targets expected, (M, H)."""
        return self.mean + self.rows.like(self.kernel, features) @ self.weights

    def left_out(self) -> Floats:
        """The error at each row of what would have been learned without it, (N, H), in closed form."""
        from scipy.linalg import solve_triangular

        inverse = solve_triangular(self.factor, np.eye(len(self.factor)), lower=True, check_finite=False)
        return self.weights / (inverse**2).sum(axis=0)[:, None]
