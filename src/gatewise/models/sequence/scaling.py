"""Features on one scale, learned from the training data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import InputError
from ...nn.maps import Standardize, Unstandardize
from ...nn.stored import check_floats


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

    @classmethod
    def restored(cls, columns: Mapping[str, Tensor], width: int) -> Standard:
        """From a file, for so many columns. Raises InputError for what `of` cannot have given."""
        if set(columns) != set(cls._fields):
            raise InputError("the scale has a mean and a deviation")
        for name, column in columns.items():
            check_floats(name, column)
            if column.shape != (width,):
                raise InputError(f"the {name} has shape {tuple(column.shape)}, expected {(width,)}")
        mean, deviation = (columns[name].double().numpy() for name in cls._fields)
        if not (np.isfinite(mean).all() and (deviation > 0).all() and np.isfinite(deviation).all()):
            raise InputError("a mean is not finite, or a deviation not above 0")
        return cls(mean, deviation)

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
