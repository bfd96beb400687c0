"""How far a run goes."""

from __future__ import annotations

from typing import NamedTuple


class Totals(NamedTuple):
    """Updates and passes over the data at which a run ends, whichever comes first; None where they do not count."""

    steps: int | None = None
    epochs: int | None = None

    def reached(self, step: int, epoch: int) -> str:
        """Which of them is reached, or nothing."""
        if self.steps is not None and step >= self.steps:
            return "steps"
        return "epochs" if self.epochs is not None and epoch >= self.epochs else ""

    def done(self, step: int, epoch: int) -> float:
        """The fraction that is behind us, by the one that is further."""
        pairs = ((step, self.steps), (epoch, self.epochs))
        return max(min(1.0, count / total) if total else 0.0 for count, total in pairs)
