"""How large an experiment is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """chorales, held_out: how many to train on, and at most to validate and to test on. units: H. rows: in a batch.
    rate: Adam's."""

    seeds: int = 3
    epochs: int = 100
    chorales: int = 48
    held_out: int = 100
    units: int = 150
    rows: int = 8
    rate: float = 5e-3


QUICK = Plan(seeds=1, epochs=60, chorales=12, held_out=24, units=100, rows=3)
