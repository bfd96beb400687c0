"""How much snow there should be: the degree-day rule of thumb, which the network never saw."""

from __future__ import annotations

import torch
from torch import Tensor

MELT = 0.3  # of a standard deviation of daily precipitation, for each degree above freezing and day


def snowpack(rain: Tensor, degrees: Tensor) -> Tensor:
    """(T,) for daily precipitation and mean temperature in degrees Celsius: it gathers in frost and melts in warmth."""
    lying, found = 0.0, []
    for fallen, warmth in zip(rain.tolist(), degrees.tolist(), strict=True):
        lying = max(0.0, lying + (fallen if warmth < 0 else 0.0) - MELT * max(warmth, 0.0))
        found.append(lying)
    return torch.tensor(found)


def likeness(units: Tensor, one: Tensor) -> Tensor:
    """The correlation of each unit (T, H) with one series (T,), (H,)."""
    return torch.corrcoef(torch.cat((one[None], units.T.to(one))))[0, 1:]
