"""Bounds on what a step computes."""

from __future__ import annotations

import torch

from ..equation import Cell, Operand, Value
from ..errors import InputError
from .rewrite import derived, is_number, is_scaled, memories, replacing, rewritten

# What turns a gate's sum into a bounded or rectified number.
_ACTIVATIONS = ("sigmoid", "tanh", "relu", "log_sigmoid")


def clip_gates(cell: Cell, bound: float) -> Cell:
    """Keep what enters each gate's activation within [-bound, bound], like ``clip`` of ONNX's recurrent operators.

    Peephole terms are inside the bound, and so is the whole sum in the candidate of a GRU; later uses of tanh are not.
    A gate that meets no sigmoid, tanh or relu is bounded itself.

    Args:
        cell: Any cell.
        bound: A number above 0.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: The bound is not above 0.
    """
    _check(bound)
    sums = {gate.preactivation for gate in cell.gates}
    entered = _entries(cell, sums)
    bounded = {label for labels in entered.values() for label in labels}

    def change(old: Value, new: Value) -> Value:
        if old in entered:
            return new.on(_clamped(new.arguments[0], bound))
        return _clamped(new, bound) if new.label in sums - bounded else new

    return derived(cell, "clip_gates", rewritten(cell, change), (clip_gates, (cell, bound)))


def _entries(cell: Cell, sums: set[str]) -> dict[Value, frozenset[str]]:
    """The activations that a gate's sum enters without passing another, and which sums those are."""
    reached: dict[Value, frozenset[str]] = {}
    entries: dict[Value, frozenset[str]] = {}

    def visit(old: Value, new: Value) -> Value:
        label = frozenset({old.label} & sums)
        behind = label.union(*(reached[a] for a in old.arguments if isinstance(a, Value)))
        if old.function in _ACTIVATIONS and behind:
            entries[old] = behind
        reached[old] = label if old.function in (*_ACTIVATIONS, "product") else behind
        return new

    rewritten(cell, visit)
    return entries


def _clamped(value: Operand, bound: float) -> Value:
    return torch.clamp(value, -bound, bound)  # pyright: ignore[reportArgumentType, reportReturnType, reportCallIssue]


def clip_memory(cell: Cell, bound: float) -> Cell:
    """Keep the cell state within [-bound, bound] before the output is computed from it.

    Source: Sak, Senior, Beaufays, Long Short-Term Memory Recurrent Neural Network Architectures for Large Scale
    Acoustic Modeling, Interspeech 2014, section 3. In a cell with one state it is that state that is bounded.

    Args:
        cell: Any cell that does not bound its memory itself.
        bound: A number above 0.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: The bound is not above 0, or the memory is stored relative to a stabiliser, as that of an sLSTM.
    """
    _check(bound)
    if is_scaled(cell):
        raise InputError(f"the memory of {cell.name} is stored relative to its stabiliser and needs no clipping")
    clipped = {
        value: lambda new: _clamped(new, bound)
        for state, value in zip(cell.state, cell.outputs, strict=True)
        if state in memories(cell)
    }
    return derived(cell, "clip_memory", rewritten(cell, replacing(clipped)), (clip_memory, (cell, bound)))


def _check(bound: float) -> None:
    if not is_number(bound) or not bound > 0:
        raise InputError(f"a clip bound must be greater than 0, not {bound}")
