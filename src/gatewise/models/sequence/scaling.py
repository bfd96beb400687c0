"""Features on one scale, learned from the training data alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...nn.maps import Standardize, Unstandardize


class Standard(NamedTuple):
    """Mean and standard deviation of each column, (I,) each; where a column is constant, it is divided by 1."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> Standard:
        """From rows (N, I), each as heavy as another."""
        largest = np.abs(rows).max(axis=0)
        largest[largest == 0] = 1  # squares of what is divided by it can neither overflow nor vanish
        mean, deviation = (rows / largest).mean(axis=0) * largest, (rows / largest).std(axis=0) * largest
        constant = deviation <= 1e-12 * largest
        return cls(mean, np.where(constant, 1.0, deviation))

    def applied(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows with mean 0 and deviation 1, (N, I)."""
        return _through(self.module(torch.float64), rows)

    def undone(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows as they were before `applied`."""
        return _through(self.inverse_module(torch.float64), rows)

    def module(self, dtype: torch.dtype = torch.float32) -> Standardize:
        """`applied` as a module that computes in this dtype."""
        return Standardize(*self._tensors(dtype))

    def inverse_module(self, dtype: torch.dtype = torch.float32) -> Unstandardize:
        """`undone` as a module that computes in this dtype."""
        return Unstandardize(*self._tensors(dtype))

    def _tensors(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.mean).to(dtype), torch.from_numpy(self.deviation).to(dtype)


def _through(module: nn.Module, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return module(torch.from_numpy(np.require(rows, requirements=["C", "W"]))).numpy()
