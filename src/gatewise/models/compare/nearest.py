"""The most similar of many lines."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_AT_ONCE = 1 << 22  # numbers in the largest array


def nearest_rows(asked: Sequence[Sequence[int]], known: Sequence[Sequence[int]], size: int) -> list[int]:
    """Of each line asked about, the row of the known line that shares most: the cosine of counts of units, each
    weighted by the logarithm of how few lines have it (Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0).

    Lines are numbers of units below ``size``. Of several that are as near, the first.
    """
    present = torch.zeros(size)
    for line in known:
        present[list(set(line))] += 1
    weights = torch.log((1 + len(known)) / (1 + present))
    questions = _unit_length(asked, weights)
    best, rows = torch.full((len(asked),), -1.0), torch.zeros(len(asked), dtype=torch.int64)
    step = max(1, _AT_ONCE // max(size, len(asked)))
    for first in range(0, len(known), step):
        values, places = (questions @ _unit_length(known[first : first + step], weights).T).max(1)
        rows = torch.where(values > best, places + first, rows)
        best = torch.maximum(values, best)
    return rows.tolist()


def _unit_length(lines: Sequence[Sequence[int]], weights: Tensor) -> Tensor:
    counts = torch.stack(
        [torch.bincount(torch.tensor(line, dtype=torch.int64), minlength=len(weights)) for line in lines]
    )
    return torch.nn.functional.normalize(counts * weights, dim=1)
