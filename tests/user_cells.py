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
    h = h + (w <= 40.0) * torch.sin(w) / (8.0 + torch.floor(d)) + (d != 2.0) * torch.cos(s) / 8.0
    return h, s


@cell(
    gates={"rate": "W x + U h + b", "inner": "U(...) + b", "mix": "W x + U(...)"},
    state="h s",
    per_unit={"scale": 0.5},
    scalars={"leak": 0.3, "share": 0.2},
    inputs="elapsed keep",
)
def versatile(r, inner, mix, h, s, scale, leak, share, elapsed, keep):
    """No paper: one gate called three times, weights of one number, numbers of each row, reductions over units."""
    rate = sigmoid(r - torch.relu(leak * elapsed))
    for _ in range(3):
        s = s + share * tanh(inner(s) + scale)
    attention = torch.exp(s - s.amax(-1, keepdim=True))
    attention = attention / attention.sum(-1, keepdim=True)
    s = s * torch.sigmoid(keep) / torch.sqrt(1.0 + (s * s).sum(-1, keepdim=True))
    h = rate * h + (1 - rate) * tanh(mix(tanh(h))) + attention * torch.where(keep > 0.0, keep, 0.5 * keep)
    return h, s


@cell(gates={"gate": "W x + U h + b", "inside": "U(...)"}, state="h", inputs="x fresh")
def reads_itself(g, inside, h, x, fresh):
    """No paper: the step reads x itself, and multiplies it with a matrix of its own."""
    attended = sigmoid(g) * x
    h = h * torch.where(fresh > 0.0, 0.0, 1.0)
    h = tanh(inside(attended) + x) + 0.5 * h
    return h


USER_CELLS = {cell.name: cell for cell in (no_output_activation, deep, versatile)}
# Those that read x itself need as many features as units, which tests over all cells do not have.
