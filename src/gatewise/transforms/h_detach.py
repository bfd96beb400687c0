"""h-detach: gradients that at random steps flow back through the memory alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch

from ..equation import Cell, Noise, Operand, Value, previous
from .rewrite import check_rate, derived, rewritten

_NOISE = "detach"


def h_detach(cell: Cell, rate: float) -> Cell:
    """At each step, with a probability, let no gradient back through the output that U multiplies.

    Source: Kanuparthi et al., h-detach: Modifying the LSTM Gradient Towards Better Optimization, arXiv:1810.03023,
    algorithm 1: where weights are large, the gradient through the gates drowns the one through the cell state. Outputs
    are the cell's own, bit for bit, and outside training so is the gradient.

    Deviation: each sequence of a batch draws for itself. Where the output is also the memory, as in a GRU, what the
    step keeps of it keeps its gradient; a plain recurrent network keeps nothing, and its past is cut off.

    Args:
        cell: Any cell.
        rate: The probability of a cut at a step of a sequence, in training; at least 0, below 1.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: The rate is not a probability below 1, or the cell has been transformed so already.
    """
    check_rate("h-detach", rate)
    output = Value("input", label=previous(cell.state[0]))
    cut = Value("input", label=_NOISE) > 0.5
    read = torch.where(cut, torch.detach(output), output)  # pyright: ignore[reportArgumentType, reportCallIssue]
    plain = {gate.preactivation for gate in cell.gates if gate.recurrent == "h"}

    @cache
    def cut_off(value: Operand) -> Operand:
        """The same of the output that is read; products have been seen to."""
        if not isinstance(value, Value) or value.function == "product":
            return value
        if value.function == "input":
            return read if value.label == output.label else value
        arguments = tuple(map(cut_off, value.arguments))
        same = all(a is b for a, b in zip(arguments, value.arguments, strict=True))
        return value if same else value.on(*arguments)

    def change(old: Value, new: Value) -> Value:
        if new.function == "input" and new.label in plain:
            return Value("product", read, label=new.label)
        return new.on(cut_off(new.arguments[0])) if new.function == "product" else new

    return derived(
        cell,
        "h_detach",
        rewritten(cell, change),
        (h_detach, (cell, rate)),
        gates=tuple(replace(gate, recurrent="step") if gate.recurrent else gate for gate in cell.gates),
        noise=(*cell.noise, Noise(_NOISE, "step", rate, 1.0, 0.0, 0.0, shared=True)),
    )
