"""Cells that a user might write, in a file outside the package."""

from __future__ import annotations

import torch
from torch import sigmoid, tanh

from gatewise import cell


@cell(gates="input forget candidate output", state="h c")
def no_output_activation(i, f, g, o, c):
    """Greff et al., arXiv:1503.04069, variant NOAF: the cell state leaves through the output gate as it is."""
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * c
    return h, c


@cell(
    gates={"decay": "W x + b", "inner": "W x + U(...) + b", "outer": "U(...) + b", "write": "W x + U h"},
    state="h s",
    per_unit="scale",
)
def deep(d, inner, outer, w, h, s, scale):
    """No paper: two products inside the step, one after the other, and every operation of the table."""
    d = torch.clamp(sigmoid(d), min=0.1, max=0.9)
    first = torch.relu(inner(d * h)) - torch.minimum(w, 0.5 * s)
    second = outer(tanh(first) + scale)
    s = d * s + (1 - d) * torch.where(second > first, second, torch.abs(first))
    h = torch.exp(torch.nn.functional.logsigmoid(s)) * torch.maximum(tanh(s), -w) / (1.5 + d)
    h = h + torch.log(1.5 + sigmoid(w)) * tanh(-s)
    h = h + torch.where(w <= s, torch.sin(w), torch.cos(s)) * (s - w) / (8.0 + torch.floor(d)) * (d != 2.0)
    return h, s


USER_CELLS = {cell.name: cell for cell in (no_output_activation, deep)}
