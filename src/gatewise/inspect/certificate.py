"""The sum behind an explanation, beside what it must equal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import notebook
from ..errors import ExplanationError

# What rounding may leave open, relative to the largest of the lines and the value: float32 keeps 24 bits, float64 53,
# and a recurrence rounds at every step.
TOLERANCES = {torch.float32: 1e-6, torch.float64: 1e-13}


@dataclass(frozen=True)
class Certificate:
    """A sum that explains a number, checked against that number.

    Where many sums are checked at once, total and value are those of the one with the largest gap.

    Attributes:
        what: What was added up, in words.
        total: The sum.
        value: The number that the sum must equal.
        gap: The largest difference, relative to the largest of the lines and the value.
        tolerance: The largest gap at which the sum holds.
    """

    what: str
    total: float
    value: float
    gap: float
    tolerance: float

    @classmethod
    def of(cls, what: str, lines: Tensor, value: Tensor, tolerance: float, dim: int = 0) -> Certificate:
        """Check that lines add up to a value, in float64, at every place of the value.

        Args:
            what: What is added up, in words.
            lines: The parts, any shape.
            value: What they must add up to: the shape of ``lines`` without dimension ``dim``.
            tolerance: The largest relative gap at which the sum holds.
            dim: The dimension of ``lines`` to add up over.

        Returns:
            The certificate of the sum with the largest gap.
        """
        lines, value = lines.detach().double(), value.detach().double()
        total = lines.sum(dim)
        largest = lines.abs().amax(dim) if lines.shape[dim] else torch.zeros_like(total)
        size = torch.maximum(largest, value.abs()).clamp_min(torch.finfo(torch.float64).tiny)
        gaps = ((total - value).abs() / size).flatten()
        if not len(gaps):
            return cls(what, 0.0, 0.0, 0.0, tolerance)
        worst = int(gaps.nan_to_num(torch.inf).argmax())
        return cls(what, float(total.flatten()[worst]), float(value.flatten()[worst]), float(gaps[worst]), tolerance)

    @property
    def holds(self) -> bool:
        """Whether the gap is within the tolerance; never where it is not a number."""
        return self.gap <= self.tolerance

    def require(self) -> None:
        """Check that the sum holds.

        Raises:
            ExplanationError: The gap is larger than the tolerance.
        """
        if not self.holds:
            raise ExplanationError(f"{self.what} does not add up: {self._figures()}", hint="nothing is shown of it")

    def _repr_html_(self) -> str:
        """The sum beside what it must equal, as a notebook shows it."""
        figures = (f"{self.total:.9g}", f"{self.value:.9g}", f"{self.gap:.1e}", f"{self.tolerance:.0e}")
        return notebook.table(
            (self.what, "sum", "value", "gap", "tolerance"), [("holds" if self.holds else "does not hold", *figures)]
        )

    def _figures(self) -> str:
        return f"sum {self.total:.9g}, value {self.value:.9g}, gap {self.gap:.1e}, tolerance {self.tolerance:.0e}"

    def __str__(self) -> str:
        return f"{self.what}: {self._figures()}: {'holds' if self.holds else 'does not hold'}"
