"""A recurrent cell: one time step, written once as a plain PyTorch function that reads like its paper.

Called on tensors the step is the eager reference; called on `Value` it records itself, and everything else is derived
from the record. How cells are declared is in `.declaration`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, TypeAlias

from .errors import CellError
from .value import Operand as Operand
from .value import Value as Value
from .value import line_of

WHOLE_INPUT = "x"
"""What a step calls all that W multiplies."""

Width: TypeAlias = "str | int"
"""How many numbers something has for each row: so many, or as many as a module gives that name."""

HIDDEN: Width = ""
"""H, the width of what says nothing else."""


_OF_LAMBDAS = (lambda: None).__name__


@dataclass(frozen=True)
class Gate:
    """One named pre-activation, ``W x + U h + b`` or part of it.

    letter: the step's parameter. recurrent: ``"h"``, ``"step"`` where the step itself supplies what U multiplies
    (``W x + U(...) + b``), or ``""`` for none. tied: the gate whose weights it has, where the step calls one gate
    several times: each further call is a gate of its own here, with the same weights.
    """

    name: str
    letter: str
    has_input: bool
    recurrent: str
    has_bias: bool
    tied: str = field(default="", repr=False)

    @property
    def preactivation(self) -> str:
        """The name of this gate's pre-activation in programs and records."""
        return f"a_{self.letter}"


@dataclass(frozen=True)
class Noise:
    """A random number that the step reads for each row and unit: ``hit`` with probability ``rate``, else ``miss``.

    each: ``"step"`` for a new draw at every step of time, ``"sequence"`` for one that holds over all of it.
    mean: what stands for it outside training. shared: all units of a row get the same draw.
    """

    name: str
    each: str
    rate: float
    hit: float
    miss: float
    mean: float
    shared: bool = False


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell: its declaration, its step, and the record of the step; made by `gatewise.cell`.

    Called on tensors it is its step, the eager reference. Kernels, gradients, exported files and diagrams are derived
    from the record.

    Attributes:
        name: The step's name.
        gates: The pre-activations, in the order in which their weights are stored.
        state: The names of the states, the output first.
        per_unit: The names of weights with one number for each unit.
        scalars: Those of them that are one number for all units.
        inputs: What of the input the step reads itself: ``"x"`` for all that W multiplies, of which there must be H
            numbers, and other names for one number of each row, in the last columns of the input.
        widths: How wide gates, states and per-unit weights are that have not H units, by the step's parameters: a
            number, or the name of one that the module is told.
        step: The function of one time step.
        outputs: The recorded new value of each state.
        values: The step's local names, with the recorded values that they had when it returned.
        initial: The initial value of each state.
        candidate: The local name of what the step writes into memory; empty where none is declared.
        starts: Initial values of per-unit weights that are not drawn at random, by name.
        noise: The random numbers that the step reads.
        origin: For a cell made from another, the function that made it and its arguments; else None.
    """

    name: str
    gates: tuple[Gate, ...]
    state: tuple[str, ...]
    per_unit: tuple[str, ...]
    step: Callable[..., Any]
    outputs: tuple[Value, ...] = field(repr=False)
    values: Mapping[str, Value] = field(repr=False)
    initial: tuple[float, ...] = ()
    candidate: str = ""
    starts: Mapping[str, float] = field(default_factory=dict[str, float])
    noise: tuple[Noise, ...] = ()
    scalars: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    widths: Mapping[str, Width] = field(default_factory=dict[str, Width])
    origin: tuple[Callable[..., Cell], tuple[Any, ...]] | None = field(default=None, repr=False)

    def __call__(self, *arguments: Any) -> Any:
        """The step itself, on tensors: the eager reference."""
        return self.step(*arguments)

    def __repr__(self) -> str:
        gates = " ".join(gate.name for gate in self.gates)
        return f"Cell({self.name!r}, gates={gates!r}, state={' '.join(self.state)!r})"

    def _repr_html_(self) -> str:
        """The picture of one step, which a notebook shows. It is drawn by a package that knows cells, hence by name."""
        return import_module("gatewise.diagram").diagram(self)

    def __post_init__(self) -> None:
        for name in ("__module__", "__qualname__"):  # by which pickle refers to it
            object.__setattr__(self, name, getattr(self.step, name))

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickled by reference, like the function that it is, or by how it was made from another.

        Raises CellError where the reference would lead to something else, or nowhere.
        """
        if self.origin is not None:
            return self.origin
        holder: Any = sys.modules.get(self.step.__module__)
        for part in self.step.__qualname__.split("."):
            holder = getattr(holder, part, None)
        if holder is not self:
            raise CellError(
                f"the cell {self.name} cannot be saved: {self.step.__module__}.{self.step.__qualname__} is not it",
                where=line_of(self.step),
                hint="declare it at the top of a module, under a name that stays its own; or save a state_dict",
            )
        return self.step.__qualname__

    def __deepcopy__(self, memo: Any) -> Cell:
        """Cells never change, so a copied module shares its cell."""
        return self

    @property
    def name_in_files(self) -> str:
        """By which a file refers to it, and asks for it again. Raises CellError for the cell of a lambda."""
        if self.name == _OF_LAMBDAS:
            raise CellError(
                "the cell of a lambda has no name, by which a file could ask for it",
                where=line_of(self.step),
                hint="write its step with def",
            )
        return self.name

    @property
    def row_inputs(self) -> tuple[str, ...]:
        """What the step reads beside x, one number for each row, in the order of the last columns of the input."""
        return tuple(name for name in self.inputs if name != WHOLE_INPUT)

    @property
    def reads_x(self) -> bool:
        """Whether the step reads x itself, unit by unit."""
        return WHOLE_INPUT in self.inputs

    @property
    def named_widths(self) -> tuple[str, ...]:
        """The widths that a module is told, each once."""
        return tuple(dict.fromkeys(width for width in self.widths.values() if isinstance(width, str)))

    def width_of(self, parameter: str) -> Width:
        """How wide a gate, by its letter, a state or a per-unit weight is."""
        return 1 if parameter in self.scalars else self.widths.get(parameter, HIDDEN)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the step's parameters."""
        return tuple(inspect.signature(self.step).parameters)

    def new_states(self, **arguments: Any) -> tuple[Any, ...]:
        """Call the step by the names of its parameters.

        Args:
            **arguments: A tensor or a function for each name in ``parameters``, as the step takes them.

        Returns:
            The new states, as a tuple where there is only one, too.
        """
        result = self.step(*(arguments[name] for name in self.parameters))
        return result if isinstance(result, tuple) else (result,)

    @property
    def doc(self) -> str:
        """The cell's paper, equations and deviations."""
        return inspect.getdoc(self.step) or ""


def by_name(cells: Iterable[Cell]) -> dict[str, Cell]:
    """Cells by what files call them. Raises CellError where two have one name, which leaves open which is meant."""
    named: dict[str, Cell] = {}
    for cell in cells:
        if named.setdefault(cell.name_in_files, cell) is not cell:
            raise CellError(f"two cells are named {cell.name!r}", hint="give the one that the file was written with")
    return named


def previous(state: str) -> str:
    """The name of a state one step ago."""
    return f"{state}_prev"
