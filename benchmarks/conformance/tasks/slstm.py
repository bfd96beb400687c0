"""C14. The sLSTM, stabilised: the naive formula where that can be computed, and finite where it cannot.

Beck et al., xLSTM: Extended Long Short-Term Memory, arXiv:2405.04517: equations 8 to 14 are the naive form, 15 to 17
the stabilised one. Section 4.1 shows that sLSTM solves parity, which needs memory mixing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, exp, sigmoid, tanh

from gatewise.nn import SLSTM

from ..goals import EverySeed
from ..networks import size
from ..task import Found, Task
from .parity import ACCURACY, trained

STEPS, ROWS, INPUTS, UNITS, HUGE = 60, 6, 3, 16, 500.0
FAR, FINITE, RESET = "largest difference", "not finite", "difference after resets"


def naive(module: SLSTM, x: Tensor) -> Tensor:
    """h at every step by equations 8 to 14: plain exp, no stabiliser."""
    W, U = module.weight_ih_l0, module.weight_hh_l0
    b = module.bias_ih_l0 + module.bias_hh_l0
    h, c, n = (x.new_zeros(x.shape[1], UNITS) for _ in range(3))
    outputs: list[Tensor] = []
    for one in x:
        i, f, z, o = (one @ W.t() + h @ U.t() + b).chunk(4, dim=1)
        c = sigmoid(f) * c + exp(i) * tanh(z)
        n = sigmoid(f) * n + exp(i)
        h = sigmoid(o) * c / n
        outputs.append(h)
    return torch.stack(outputs)


def equal(dtype: torch.dtype) -> Found:
    """The largest difference from the naive form in float64, gates of the size of 1."""
    module = SLSTM(INPUTS, UNITS)
    x = torch.randn(STEPS, ROWS, INPUTS)
    with torch.no_grad():
        found = module.to(dtype)(x.to(dtype))[0]
        expected = naive(module.double(), x.double())
    return Found({FAR: (found - expected).abs().max().item()}, size(module))


def finite() -> Found:
    """How many outputs, last states and gradients are not finite where the input gate's argument swings to +-500."""
    module = SLSTM(INPUTS, UNITS)
    with torch.no_grad():
        module.weight_ih_l0[:UNITS] = HUGE
    x = torch.randn(STEPS, ROWS, INPUTS).clamp(-1, 1)
    y, last = module(x)
    y.sum().backward()
    gradients = [weight.grad for weight in module.parameters() if weight.grad is not None]
    wrong = sum(int((~torch.isfinite(part)).sum()) for part in (y, *last, *gradients))
    return Found({FINITE: wrong}, size(module))


def resets() -> Found:
    """Rows whose states are put back to the start in the middle of a batch, against the same rows alone."""
    module = SLSTM(INPUTS, UNITS)
    x = torch.randn(STEPS, ROWS, INPUTS)
    begins, rows = torch.tensor([0.0, 0.0, 0.0, -math.inf]), torch.tensor([0, 3, 4])
    with torch.no_grad():
        before, last = module(x[: STEPS // 2])
        states = tuple(state.index_fill(1, rows, begin) for state, begin in zip(last, begins, strict=True))
        after, _ = module(x[STEPS // 2 :], states)
        whole, _ = module(x)
        alone, _ = module(x[STEPS // 2 :, rows])
    kept = torch.tensor([row for row in range(ROWS) if row not in rows])
    found = torch.cat((before, after))[:, kept] - whole[:, kept], after[:, rows] - alone
    return Found({RESET: max(part.abs().max().item() for part in found)}, size(module))


def task(steps: int = 2000) -> Task:
    """The line."""
    return Task(
        "C14",
        "sLSTM, stabilised",
        "exponential gates neither overflow nor change what is computed",
        "parity solved by sLSTM, not by Transformers or Mamba (Beck et al. 2024, section 4.1)",
        {
            "SLSTM, float32, against naive float64": lambda _: equal(torch.float32),
            "SLSTM, float64, against naive float64": lambda _: equal(torch.float64),
            "SLSTM, input gate to +-500": lambda _: finite(),
            "SLSTM, some rows reset": lambda _: resets(),
            "SLSTM, parity": lambda seed: trained(SLSTM(1, 4), seed, steps),
        },
        [
            EverySeed("SLSTM, float32, against naive float64", FAR, high=1e-6),
            EverySeed("SLSTM, float64, against naive float64", FAR, high=1e-12),
            EverySeed("SLSTM, input gate to +-500", FINITE, 0, 0),
            EverySeed("SLSTM, some rows reset", RESET, 0, 0),
            EverySeed("SLSTM, parity", ACCURACY, 1.0, 1.0),
        ],
    )
