"""What is said to help against overfitting: each alone, and then together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewise.training import Average, NonMonotone


@dataclass(frozen=True)
class Cure:
    """options: of the network. average: of the weights. patience: epochs without gain until training stops early."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    average: Callable[[], Average] | None = None
    patience: int | None = None

    @property
    def text(self) -> str:
        """Its settings in words."""
        words = [f"`{name}={value}`" for name, value in self.options.items()]
        words += ["averaged from the first validation that is no gain over 5"] if self.average else []
        words += [f"patience {self.patience} epochs, best weights kept"] if self.patience else []
        return ", ".join(words)


VARIATIONAL = {"drop_in": 0.25, "recurrent_dropout": 0.25, "drop_out": 0.5}
ZONEOUT = {"zoneout": {"h": 0.05, "c": 0.5}}  # the paper's for characters
WEIGHT_DROP = {"weight_drop": 0.5}
# weaker where several do the same; one of the two best of five such mixtures on the validation chorales, one seed
TOGETHER = {**VARIATIONAL, **ZONEOUT, "drop_in": 0.1, "weight_drop": 0.3}

NOTHING = Cure("nothing")
CURES = (
    Cure("early stopping", patience=10),
    Cure("averaged weights", average=NonMonotone),
    Cure("weight drop", WEIGHT_DROP),
    Cure("zoneout", ZONEOUT),
    Cure("variational dropout", VARIATIONAL),
    Cure("all together", TOGETHER, NonMonotone, patience=20),
)
