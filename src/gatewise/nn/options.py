"""What a recurrent module may be made with: sizes as torch.nn takes them, and options for every cell alike."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import FunctionType
from typing import Any

import numpy as np

from .. import transforms
from ..cells import CELLS
from ..equation import Cell
from ..errors import CellError, InputError, argument
from ..transforms.rewrite import check_rate

_OF_LAYERS = ("heads", "weight_drop", "residual", "pre_norm", "learned_state", "widths")
"""Options that are not done inside the cell's step."""


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
        widths: for a cell that names widths other than H, how many numbers each is, ``{"memory": 16}``; H by default.

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
    widths: Mapping[str, int] = field(default_factory=dict[str, int])

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

    @property
    def all_in_the_step(self) -> bool:
        """Whether a cell has them all, once they are `applied`: none acts on layers as a whole."""
        defaults = Options()
        return all(getattr(self, name) == getattr(defaults, name) for name in _OF_LAYERS)

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


def check_arguments(
    input_size: int, hidden_size: int | Sequence[int], num_layers: int, dropout: float, proj_size: int, heads: int
) -> list[int]:
    """H of each layer. Raises TypeError or InputError, as torch.nn does, for sizes that make no module."""
    _check_int("input_size", input_size)
    _check_int("num_layers", num_layers)
    sizes = [hidden_size] * num_layers if isinstance(hidden_size, int) else _listed(hidden_size, num_layers)
    if num_layers <= 0:
        raise InputError("num_layers must be greater than zero")
    for size in sizes:
        _check_size(size, proj_size, heads)
    if input_size < 0:
        raise InputError("input_size must be greater than zero")
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= dropout <= 1:
        raise InputError(f"dropout should be a number in range [0, 1], the probability of a zero, not {dropout}")
    if proj_size and heads > 1:
        raise InputError("proj_size mixes the heads that heads= keeps apart: give one of them")
    return sizes


def check_widths(cell: Cell, widths: Mapping[str, int], *, proj_size: int = 0, heads: int = 1) -> None:
    """Raises InputError for widths that the cell does not name, and for what takes all to be equally wide."""
    where = argument("widths")
    if not isinstance(widths, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        raise InputError(f"widths needs a number for each name, not {widths!r}", hint='{"memory": 16}')
    for name, width in widths.items():
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"the width {name!r} must be a whole number of at least 1, not {width!r}", where=where)
    unknown = [name for name in widths if name not in cell.named_widths]
    if unknown:
        known = ", ".join(cell.named_widths) or "none"
        raise InputError(f"{cell.name} has no width {unknown[0]!r}", where=where, hint=f"widths that it names: {known}")
    if cell.widths and (proj_size or heads > 1):
        option = "proj_size" if proj_size else "heads"
        what = f"{option} takes all gates and states to be H wide, and {cell.name} declares other widths"
        raise InputError(what, hint="say it in the cell: U(...) leads from one width to another")


def check_cell(cell: object) -> None:
    """Raises CellError, which is a TypeError, for what is not a cell."""
    if isinstance(cell, Cell):
        return
    given, hint = repr(cell) if isinstance(cell, str) else type(cell).__name__, ""
    if isinstance(cell, str):
        hint = f"gatewise.cells.{cell}" if cell in CELLS else f"cells: {', '.join(CELLS)}"
    elif isinstance(cell, FunctionType):
        hint = "declare it with @gatewise.cell(gates=..., state=...)"
    raise CellError(f"cell should be one of gatewise.cells or your own @cell, got: {given}", hint=hint)


def check_stack(input_size: int, **flags: object) -> None:
    """What torch.nn refuses in layers over a sequence, not in cells. Raises TypeError for a flag that is not a bool."""
    if input_size == 0:
        raise InputError("input_size must be greater than zero")
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def _check_int(name: str, size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")


def _listed(hidden_size: object, num_layers: int) -> list[int]:
    if not isinstance(hidden_size, list | tuple):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if len(hidden_size) != num_layers:  # pyright: ignore[reportUnknownArgumentType]
        raise InputError(f"{len(hidden_size)} hidden sizes for {num_layers} layers")  # pyright: ignore[reportUnknownArgumentType]
    return list(hidden_size)


def _check_size(size: int, proj_size: int, heads: int) -> None:
    _check_int("hidden_size", size)
    if size <= 0:
        raise InputError("hidden_size must be greater than zero")
    if proj_size < 0:
        raise InputError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= size:
        raise InputError("proj_size has to be smaller than hidden_size")
    if size % heads:
        raise InputError(f"hidden_size {size} cannot be split into {heads} heads")


def features_of(cell: Cell, inputs: int) -> int:
    """What W multiplies of so many inputs: all but the last, which the step reads itself."""
    return inputs - len(cell.row_inputs)


def check_read_inputs(cell: Cell, layers: Sequence[tuple[int, int]]) -> None:
    """What a step reads of the input itself must be there. layers: of each, what W multiplies, and the units of a head.

    Raises InputError.
    """
    for features, units in layers:
        if features < 0:
            names = ", ".join(cell.row_inputs)
            what = f"{cell.name} reads {names} in the last columns of its input, of which there are fewer"
            raise InputError(what, hint=f"an `input_size` of at least {len(cell.row_inputs)}")
        if cell.reads_x and features != units:
            raise InputError(
                f"{cell.name} reads x itself, unit by unit: {features} features do not fit {units} units",
                hint="let both be as many, or put a Linear before it",
            )
