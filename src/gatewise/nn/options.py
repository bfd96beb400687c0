"""What a recurrent module can do beside torch's arguments, for every cell alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .. import transforms
from ..equation import Cell
from ..errors import InputError
from ..transforms.rewrite import check_rate


@dataclass(frozen=True)
class Options:
    """Keyword arguments that every recurrent module takes, and that combine freely.

    Everything random happens in training only, and torch's generator decides.

    Args:
        layer_norm: ``"output"`` or ``"memory"``, layer normalisation inside the step; see
            `gatewise.transforms.layer_norm`.
        zoneout: for each state by name the probability that it is kept as it was, ``{"h": 0.05, "c": 0.5}``; see
            `gatewise.transforms.zoneout`.
        recurrent_dropout: probability of a zero in what U multiplies, one mask for a whole sequence; see
            `gatewise.transforms.recurrent_dropout`.
        candidate_dropout: probability of a zero in the candidate, drawn at every step; see
            `gatewise.transforms.candidate_dropout`.
        h_detach: probability, at every step, that no gradient flows back through what U multiplies; see
            `gatewise.transforms.h_detach`.
        clip_memory: bound of the cell state; see `gatewise.transforms.clip_memory`.
        clip_gates: bound of what enters the gates' activations; see `gatewise.transforms.clip_gates`.
        heads: in how many blocks U is diagonal. Each has H / heads units that see only one another, and layer
            normalisation stays within them.
        weight_drop: probability of a zero in U, drawn at every call; the optimiser sees U itself.
        residual: add a layer's input to its output where they are equally wide.
        pre_norm: layer normalisation of each layer's input.
        learned_state: the initial state is a parameter, for states that start from a finite value.

    Raises:
        InputError: for a value out of range, naming the option.
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
        """The options of keyword arguments.

        Args:
            arguments: Options by name.

        Returns:
            The options.

        Raises:
            TypeError: A name is no option; the error lists those that exist.
            InputError: A value is out of range.
        """
        unknown = sorted(set(arguments) - set(cls.__dataclass_fields__))
        if unknown:
            raise TypeError(f"unexpected argument {unknown[0]!r}; options are {', '.join(cls.__dataclass_fields__)}")
        return cls(**arguments)

    def applied(self, cell: Cell) -> Cell:
        """The cell with everything that these options do inside its step.

        Args:
            cell: Any cell.

        Returns:
            The cell that the module runs.

        Raises:
            InputError: An option does not fit this cell.
        """
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


def spelled_out(made_like: Callable[..., Any] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator for constructors: ``inspect.signature`` and ``help`` show each argument by name.

    Options stand in the place of ``**options``, keyword-only, with their defaults.

    Args:
        made_like: the constructor that ``*arguments`` are passed on to, after a cell.
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        parameters = list(inspect.signature(init).parameters.values())
        named = [parameter for parameter in parameters if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        if made_like is not None:
            known = {"cell", *(parameter.name for parameter in named)}
            passed_on = inspect.signature(made_like).parameters.values()
            named += [p for p in passed_on if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in known]
        defaults = Options()
        options = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, field.name), annotation=field.type
            )
            for field in fields(Options)
        ]
        init.__signature__ = inspect.Signature([*named, *options])  # pyright: ignore[reportFunctionMemberAccess]
        return init

    return decorate
