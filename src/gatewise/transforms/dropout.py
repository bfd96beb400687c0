"""Dropout inside the step."""

from __future__ import annotations

from dataclasses import replace

from ..equation import Cell, Noise, Value, previous
from ..errors import InputError
from .rewrite import check_rate, derived, replacing, rewritten


def _mask(name: str, kind: str, rate: float) -> tuple[Noise, Value]:
    """A mask of zeros and 1 / (1 - rate), and the symbol that reads it."""
    return Noise(name, kind, rate, 0.0, 1.0 / (1.0 - rate), 1.0), Value("input", label=name)


def candidate_dropout(cell: Cell, rate: float) -> Cell:
    """Drop units of the candidate, other ones at every step: some things are not remembered, and nothing is forgotten.

    Source: Semeniuta, Severyn, Barth, Recurrent Dropout without Memory Loss, arXiv:1603.05118, equation 9. A plain
    recurrent network has no memory beside its output, so there it is the output that is dropped.

    Args:
        cell: A cell that names its candidate.
        rate: The probability that a unit is dropped, in training; at least 0, below 1. What is left is divided by 1 -
            rate.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: The rate is not a probability below 1, the cell does not name its candidate, or it drops it already.
    """
    check_rate("candidate dropout", rate)
    if not cell.candidate:
        raise InputError(f"{cell.name} does not name its candidate", hint='declare it: @cell(..., candidate="g")')
    noise, mask = _mask("drop_candidate", "step", rate)
    new = rewritten(cell, replacing({cell.values[cell.candidate]: lambda value: mask * value}))
    return derived(cell, "candidate_dropout", new, (candidate_dropout, (cell, rate)), noise=(*cell.noise, noise))


def recurrent_dropout(cell: Cell, rate: float, tied: bool = True) -> Cell:
    """Drop units of what U multiplies, the same ones at every step of a sequence.

    Source: Gal, Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks,
    arXiv:1512.05287, section 4.2.

    Args:
        cell: Any cell.
        rate: The probability that a unit is dropped, in training; at least 0, below 1. What is left is divided by 1 -
            rate.
        tied: One mask for all gates, the paper's tied weights; False draws one for each gate.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: The rate is not a probability below 1, or the cell has been transformed so already.
    """
    check_rate("recurrent dropout", rate)
    masks = {
        gate.preactivation: _mask("drop_recurrent" if tied else f"drop_{gate.letter}", "sequence", rate)
        for gate in cell.gates
        if gate.recurrent
    }
    plain = {gate.preactivation for gate in cell.gates if gate.recurrent == "h"}
    output = Value("input", label=previous(cell.state[0]))

    def change(old: Value, new: Value) -> Value:
        if new.function == "input" and new.label in plain:
            return Value("product", masks[new.label][1] * output, label=new.label)
        if new.function == "product":
            return new.on(masks[new.label][1] * new.arguments[0])
        return new

    gates = tuple(replace(gate, recurrent="step") if gate.recurrent else gate for gate in cell.gates)
    noise = {draw.name: draw for draw, _ in masks.values()}
    return derived(
        cell,
        "recurrent_dropout",
        rewritten(cell, change),
        (recurrent_dropout, (cell, rate, tied)),
        gates=gates,
        noise=(*cell.noise, *noise.values()),
    )
