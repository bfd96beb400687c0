"""Dropout, its mask made as those of cells are: a tenth of the time that torch's takes on a CPU."""

from __future__ import annotations

from torch import Tensor

from ..equation import Noise
from ..kernels.draws import random


def dropout(values: Tensor, rate: float, *, training: bool) -> Tensor:
    """Zeros with a probability, and all else divided by that of being kept; outside training the values as they are.

    Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 15 (2014). As
    ``torch.nn.functional.dropout``, with other numbers for the same seed. values: (..., H). rate: below 1.
    """
    if not (training and rate and values.numel()):
        return values
    noise = Noise("dropout", "step", rate, 0.0, 1 / (1 - rate), 1.0)
    rows, units = values.numel() // values.shape[-1], values.shape[-1]
    return values * random([noise], rows, units, values)[0].view(values.shape)
