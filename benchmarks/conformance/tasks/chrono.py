"""C2. Chrono initialisation: however long the horizon T, the same share of a gradient comes through.

Tallec & Ollivier, Can Recurrent Neural Networks Warp Time?, arXiv:1804.11188, section 2: b_f = log U(1, T - 1), b_i =
-b_f. With W = U = 0 a forget gate is u / (1 + u), and f^T goes to exp(-T / u): the root of the mean square of
dc_T / dc_0 is that of exp(-1 / x) over x in (0, 1), 0.1937, whatever T.
"""

from __future__ import annotations

import math

import torch
from scipy.integrate import quad
from torch import Tensor, nn

from gatewise.nn import GRU, LSTM, RNN, Recurrent

from ..goals import EverySeed
from ..networks import size, with_chrono, with_forget_bias, with_orthogonal
from ..task import Found, Task

UNITS, INPUTS, ROWS, LONG = 64, 4, 8, 1000
DRAWS = 60  # of UNITS each: the root mean square of so many differs from its limit by 1 %, one standard deviation
LAW = math.sqrt(quad(lambda x: math.exp(-2 / x), 0, 1)[0])
SHARE, PASSED = "RMS dc_T/dc_0", "|dL/dc_0| / |dL/dc_T|"


def law(steps: int) -> Found:
    """RMS over many units of dc_T / dc_0 without input and recurrence."""
    squares = [_gradient(_bare(steps), steps).square().mean() for _ in range(DRAWS)]
    return Found({f"{SHARE}, T={steps}": torch.stack(squares).mean().sqrt().item()}, DRAWS * UNITS)


def laws(lengths: tuple[int, ...]) -> Found:
    """The same for several T."""
    found = [law(steps) for steps in lengths]
    return Found({name: value for one in found for name, value in one.figures.items()}, found[0].parameters)


def _bare(steps: int) -> Recurrent:
    module = with_chrono(LSTM(INPUTS, UNITS), steps)
    with torch.no_grad():
        module.weight_ih_l0.zero_()  # pyright: ignore[reportCallIssue]
        module.weight_hh_l0.zero_()  # pyright: ignore[reportCallIssue]
    return module


def _gradient(module: Recurrent, steps: int) -> Tensor:
    """d sum(c_T) / dc_0; units do not see each other, so that is each one's own."""
    first = torch.zeros(1, 1, UNITS, requires_grad=True)
    _, (_, c) = module(torch.zeros(steps, 1, INPUTS), (torch.zeros(1, 1, UNITS), first))
    return torch.autograd.grad(c.sum(), first)[0]


def ratio(module: nn.Module) -> Found:
    """What is left after T = 1000 steps of the gradient by the state that carries it, weights as they are drawn."""
    x = torch.randn(LONG, ROWS, INPUTS)
    first = torch.zeros(1, ROWS, UNITS, requires_grad=True)
    both = isinstance(module, LSTM | nn.LSTM)
    _, last = module(x, (torch.zeros_like(first), first) if both else first)
    direction = torch.randn(1, ROWS, UNITS)
    state = last[1] if both else last
    (gradient,) = torch.autograd.grad((state * direction).sum(), first)
    return Found({PASSED: (gradient.norm() / direction.norm()).item()}, size(module))


def task(lengths: tuple[int, ...] = (100, 1000, 10_000)) -> Task:
    """The line; the quick form leaves out the longest."""
    vanishing = {
        "LSTM, forget bias 1, T=1000": lambda _: ratio(with_forget_bias(LSTM(INPUTS, UNITS), 1.0)),
        "GRU, T=1000": lambda _: ratio(GRU(INPUTS, UNITS)),
        "RNN, orthogonal U, T=1000": lambda _: ratio(with_orthogonal(RNN(INPUTS, UNITS))),
    }
    return Task(
        "C2",
        "chrono law",
        "with chrono initialisation a gradient comes through any number of steps; without, 1000 steps extinguish it",
        f"sqrt(int_0^1 exp(-2/x) dx) = {LAW:.4f} for all T (from Tallec & Ollivier 2018)",
        {
            "LSTM, chrono, W = U = 0": lambda _: laws(lengths),
            "LSTM, chrono, T=1000": lambda _: ratio(with_chrono(LSTM(INPUTS, UNITS), LONG)),
            **vanishing,
            "torch.nn.LSTM, T=1000": lambda _: ratio(nn.LSTM(INPUTS, UNITS)),
        },
        [
            *(EverySeed("LSTM, chrono, W = U = 0", f"{SHARE}, T={T}", LAW - 0.005, LAW + 0.005) for T in lengths),
            *(EverySeed(name, PASSED, high=1e-30) for name in vanishing),
        ],
    )
