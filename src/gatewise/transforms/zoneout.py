"""Zoneout: units that keep their old value at random."""

from __future__ import annotations

from collections.abc import Mapping

from ..equation import Cell, Noise, Value, previous
from ..errors import InputError
from .rewrite import Rewriting, check_rate, derived, is_scaled


def zoneout(cell: Cell, rates: Mapping[str, float]) -> Cell:
    """Let each unit of a state keep the value that it had a step before, with a probability.

    Source: Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations, arXiv:1606.01305,
    equations 3 to 7: the output is computed from the new memory before some of its units keep their old value. Outside
    training old and new values are mixed in these proportions.

    Args:
        cell: Any cell.
        rates: For some of the states, by name, the probability that a unit keeps its value; at least 0, below 1. For
            example ``{"h": 0.05, "c": 0.5}``.

    Returns:
        The new cell, with the same gates, states and weights.

    Raises:
        InputError: A rate is not a probability below 1, a state does not exist, or a state has no meaning without the
            others, as the memory of an sLSTM without its stabiliser; or the cell has been transformed so already.
    """
    if not isinstance(rates, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        raise InputError(f"zoneout needs a probability for each state, not {rates!r}", hint="{'h': 0.05, 'c': 0.5}")
    for state, rate in rates.items():
        _check(cell, state, rate)
    noise = tuple(Noise(f"zone_{state}", "step", rate, 1.0, 0.0, rate) for state, rate in rates.items() if rate)
    new = dict(zip(cell.state, cell.outputs, strict=True))
    mixed = {state: _mixed(state, value) for state, value in new.items() if rates.get(state)}
    names = dict(cell.values) | {f"{state}_zoned": value for state, value in mixed.items()}
    zoned = Rewriting(tuple((new | mixed).values()), names)
    return derived(cell, "zoneout", zoned, (zoneout, (cell, dict(rates))), noise=(*cell.noise, *noise))


def _mixed(state: str, new: Value) -> Value:
    old, zone = Value("input", label=previous(state)), Value("input", label=f"zone_{state}")
    return zone * old + (1.0 - zone) * new  # exact where zone is 0 or 1


def _check(cell: Cell, state: str, rate: float) -> None:
    if state not in cell.state:
        raise InputError(f"{cell.name} has no state {state!r} to zone out", hint=f"its states: {', '.join(cell.state)}")
    if state != cell.state[0] and is_scaled(cell):
        raise InputError(
            f"state {state!r} of {cell.name} is stored relative to its stabiliser and cannot be kept back alone",
            hint=f"zone out {cell.state[0]!r}",
        )
    check_rate(f"zoneout of {state!r}", rate)
