"""What a record costs beside a forward pass that keeps its states.

A ``torch.nn.LSTM`` of two layers in both directions on a packed batch whose lengths lie between T / 2 and T: ours run
with ``return_states=True`` and without gradients, a record of it, and a record with pre-activations, on one thread.
Before anything is timed, the record's gates and states are compared with a loop over ``torch.nn.LSTMCell``'s equations,
in float64: the largest difference is printed.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import gatewise

from ..cpu.shapes import Shape
from ..machine import description
from ..measure import alternately

SHAPES = (Shape(100, 8, 16, 32), Shape(100, 32, 32, 64), Shape(100, 32, 64, 128), Shape(200, 32, 64, 256))
NEAR, DEAR = 1e-6, 1.3
"""How far a record may be from the loop, and how many forward passes it may cost."""

GATES = ("input", "forget", "candidate", "output")  # in the order of torch.nn.LSTM's rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=5.0, help="of measurement for each shape (5)")


def measure(given: argparse.Namespace) -> bool:
    """Print a table. Whether a record is within its bounds."""
    torch.set_num_threads(1)
    about = description()
    print(f"{about['processor']} ({about['llvm_cpu']}), T x B x I -> H, relative to a forward pass")
    print(f"{'shape':20}{'forward, ms':>13}{'record':>24}{'with sums':>24}{'difference':>13}")
    return all([_measured(shape, given.seconds) for shape in SHAPES])


def _measured(shape: Shape, seconds: float) -> bool:
    module, packed = _drawn(shape)
    ours = gatewise.from_torch(module)

    def forward() -> object:
        with torch.no_grad():
            return ours(packed, return_states=True)

    contenders = {
        "forward": forward,
        "record": lambda: gatewise.record(module, packed),
        "sums": lambda: gatewise.record(module, packed, preactivations=True),
    }
    samples = alternately(contenders, seconds)
    ratios = [samples.ratio(name, "forward") for name in ("record", "sums")]
    difference = largest_difference(module, packed)
    times = f"{1e3 * samples.median('forward'):>13.2f}{ratios[0]!s:>24}{ratios[1]!s:>24}"
    print(f"{shape!s:20}{times}{difference:>13.1e}", flush=True)
    return difference <= NEAR and ratios[0].median <= DEAR


def _drawn(shape: Shape) -> tuple[nn.LSTM, PackedSequence]:
    torch.manual_seed(0)
    lengths = torch.randint(shape.steps // 2, shape.steps + 1, (shape.batch,))
    x = torch.randn(shape.steps, shape.batch, shape.inputs)
    module = nn.LSTM(shape.inputs, shape.units, 2, bidirectional=True).eval()
    return module, pack_padded_sequence(x, lengths, enforce_sorted=False)


@torch.no_grad()
def largest_difference(module: nn.LSTM, packed: PackedSequence) -> float:
    """Of all gates and states, between the record and a plain loop in float64."""
    found = gatewise.record(module, packed)
    x, lengths = pad_packed_sequence(packed)
    below, largest = x.double(), 0.0
    for layer in range(module.num_layers):
        outputs: list[Tensor] = []
        for direction, suffix in enumerate(("", "_reverse")):
            looped = _looped(module, f"_l{layer}{suffix}", below, lengths, backwards=bool(direction))
            one = found.layer(layer, direction)
            recorded = torch.stack([*(one.gates[name] for name in GATES), one.states["c"], one.states["h"]])
            largest = max(largest, float((recorded - looped).abs().max()))
            outputs.append(looped[-1])
        below = torch.cat(outputs, dim=2)
    return largest


def _looped(module: nn.LSTM, suffix: str, x: Tensor, lengths: Tensor, *, backwards: bool) -> Tensor:
    """Gates, c and h of every step, (6, T, B, H), zero beyond a sequence's end."""
    weights = [getattr(module, f"{name}{suffix}").double() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    W, U, b, b_h = weights
    steps, batch, _ = x.shape
    found = x.new_zeros(6, steps, batch, module.hidden_size)
    h = c = x.new_zeros(batch, module.hidden_size)
    for t in reversed(range(steps)) if backwards else range(steps):
        i, f, g, o = (x[t] @ W.t() + h @ U.t() + b + b_h).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        new = f * c + i * g
        inside = (t < lengths).unsqueeze(1)
        values = torch.stack([i, f, g, o, new, o * new.tanh()]) * inside
        c, h = torch.where(inside, values[4], c), torch.where(inside, values[5], h)
        found[:, t] = values
    return found
