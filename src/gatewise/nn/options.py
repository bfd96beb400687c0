"""What a recurrent module can do beside torch's arguments, for every cell alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import transforms
from ..equation import Cell
from ..errors import InputError
from ..transforms.rewrite import check_rate


@dataclass(frozen=True)
class Options:
    """Keyword arguments that every module takes and that compose freely.

    Inside the step: layer_norm: ``"output"`` or ``"memory"``, see :func:`gatewise.transforms.layer_norm`.
    zoneout: probability for each state by name, ``{"h": 0.05, "c": 0.5}``. recurrent_dropout: probability, one mask
    for a whole sequence on what U multiplies. candidate_dropout: probability, on the candidate at every step.
    h_detach: probability, at every step, that no gradient flows back through what U multiplies.
    clip_memory, clip_gates: bounds of the cell state, and of what enters the gates' activations.
    heads: in how many blocks U is diagonal; each has H / heads units that see only one another, and layer
    normalisation stays within them.

    Around it: weight_drop: probability, on the entries of U, drawn anew at every call; the optimiser sees U itself.
    residual: add a layer's input to its output where they are as wide. pre_norm: layer normalisation of each
    layer's input. learned_state: the initial state is a parameter, for states that start from a finite value.

    Everything random happens in training only; then torch's generator decides.
    """

    layer_norm: str | None = None
    zoneout: Mapping[str, float] = field(default_factory=dict[str, float])
    recurrent_dropout: float = 0.0
    candidate_dropout: float = 0.0
    h_detach: float = 0.0
    clip_memory: float | None = None
    clip_gates: float | None = None
    heads: int = 1
    weight_drop: float = 0.0
    residual: bool = False
    pre_norm: bool = False
    learned_state: bool = False

    def __post_init__(self) -> None:
        check_rate("weight_drop", self.weight_drop)
        if not isinstance(self.heads, int) or isinstance(self.heads, bool) or self.heads < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"heads must be a whole number of at least 1, not {self.heads!r}")

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Options:
        """From keyword arguments. Raises TypeError that names one that there is not, and those that there are."""
        unknown = sorted(set(arguments) - set(cls.__dataclass_fields__))
        if unknown:
            raise TypeError(f"unexpected argument {unknown[0]!r}; options are {', '.join(cls.__dataclass_fields__)}")
        return cls(**arguments)

    def applied(self, cell: Cell) -> Cell:
        """The cell with everything that happens inside the step."""
        if self.clip_gates is not None:
            cell = transforms.clip_gates(cell, self.clip_gates)
        if self.layer_norm is not None:
            cell = transforms.layer_norm(cell, self.layer_norm)
        if self.candidate_dropout:
            cell = transforms.candidate_dropout(cell, self.candidate_dropout)
        if self.clip_memory is not None:
            cell = transforms.clip_memory(cell, self.clip_memory)
        if self.recurrent_dropout:
            cell = transforms.recurrent_dropout(cell, self.recurrent_dropout)
        if self.h_detach:
            cell = transforms.h_detach(cell, self.h_detach)
        return transforms.zoneout(cell, self.zoneout) if self.zoneout else cell

    def text(self) -> str:
        """The options that differ from their defaults, as arguments."""
        defaults = Options()
        shown = [(name, getattr(self, name)) for name in self.__dataclass_fields__]
        return "".join(f", {name}={value!r}" for name, value in shown if value != getattr(defaults, name))
