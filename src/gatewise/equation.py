"""The language of cells: one time step, written once as a plain PyTorch function that reads like its paper.

A cell is a declaration and a step::

    @cell(gates="input forget candidate output", state="h c")
    def lstm(i, f, g, o, c):
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        return h, c

Each gate arrives as its pre-activation, ``W x + U h + b`` unless the declaration says otherwise. A parameter named
like a state is that state one step ago, one named in ``per_unit`` is a weight for each unit, and the others are the
gates in their declared order. Called on tensors the step is the eager reference; called on `Value` it
records itself, and everything else is derived from the record.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .errors import CellError
from .value import RESERVED, line_of, trace, with_own_tensors
from .value import Operand as Operand
from .value import Value as Value


@dataclass(frozen=True)
class Gate:
    """One named pre-activation, ``W x + U h + b`` or part of it.

    letter: the step's parameter. recurrent: ``"h"``, ``"step"`` where the step itself supplies what U multiplies
    (``W x + U(...) + b``), or ``""`` for none.
    """

    name: str
    letter: str
    has_input: bool
    recurrent: str
    has_bias: bool

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
    origin: tuple[Callable[..., Cell], tuple[Any, ...]] | None = field(default=None, repr=False)

    def __call__(self, *arguments: Any) -> Any:
        """The step itself, on tensors: the eager reference."""
        return self.step(*arguments)

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


def cell(
    *, gates: str | Mapping[str, str], state: str | Mapping[str, float], per_unit: str = "", candidate: str = ""
) -> Callable[[Callable[..., Any]], Cell]:
    """Declare a cell: a decorator for a plain function that computes one time step with PyTorch's functions.

    The step is recorded once, on symbols, when it is declared. A parameter named like a state is that state one step
    ago, one named in ``per_unit`` is a weight for each unit, and the others are the gates in their declared order, each
    as its pre-activation. The step returns the new states in their declared order::

        @cell(gates="input forget candidate output", state="h c")
        def lstm(i, f, g, o, c):
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * tanh(c)
            return h, c

    Args:
        gates: Names in the order in which weights are stored, separated by spaces, each ``W x + U h + b``; or a mapping
            from name to the sum of those terms that it has, out of ``W x``, ``b``, and ``U h`` or ``U(...)``. For
            ``U(...)`` the step calls the gate on what U multiplies.
        state: Names of the states, the output first; or a mapping from name to initial value, where not all are zero.
        per_unit: Names of weights that are vectors (H,), one number for each unit.
        candidate: The local name of what the step writes into memory, for initialisation and inspection.

    Returns:
        The decorator, which turns a step into a `Cell`.

    Raises:
        CellError: At the offending line, for a declaration that does not fit the step, or a step that cannot be
            recorded because it branches on a value, or reads a tensor that learns, is no single number or belongs to
            its module. Of a tensor that it closes over the cell has a copy. A function that has no derivative rule is
            refused when the cell is first used.
    """
    terms = dict.fromkeys(gates.split(), "W x + U h + b") if isinstance(gates, str) else dict(gates)
    starts = dict.fromkeys(state.split(), 0.0) if isinstance(state, str) else dict(state)
    states, weights = tuple(starts), tuple(per_unit.split())

    def declare(step: Callable[..., Any]) -> Cell:
        parameters = [name for name in inspect.signature(step).parameters]
        letters = [name for name in parameters if name not in states and name not in weights]
        where = line_of(step)
        step = with_own_tensors(step)
        if len(letters) != len(terms):
            raise CellError(
                f"{step.__name__} takes {len(letters)} gates ({', '.join(letters)}), "
                f"its declaration names {len(terms)} ({', '.join(terms)})",
                where=where,
            )
        declared = tuple(
            _gate(name, letter, text, where) for (name, text), letter in zip(terms.items(), letters, strict=True)
        )
        for name in (*states, *weights):
            if name in RESERVED:
                what = f"{step.__name__} has a state or a weight for each unit called {name!r}"
                raise CellError(what, where=where, hint="name it otherwise: kernels have something of this name")
        arguments = _symbols(declared, states, weights)
        outputs, values = trace(step, [arguments[name] for name in parameters])
        if len(outputs) != len(states):
            raise CellError(f"{step.__name__} returns {len(outputs)} values for states {states}", where=where)
        if candidate and candidate not in values:
            raise CellError(f"{step.__name__} has no local value {candidate!r} for its candidate", where=where)
        return Cell(step.__name__, declared, states, weights, step, outputs, values, tuple(starts.values()), candidate)

    return declare


def _gate(name: str, letter: str, text: str, where: str) -> Gate:
    terms = [re.sub(r"\s+", "", term) for term in text.split("+")]
    unknown = sorted(set(terms) - {"Wx", "Uh", "U(...)", "b"})
    if unknown or len(set(terms)) != len(terms) or {"Uh", "U(...)"} <= set(terms):
        raise CellError(
            f"gate {name!r} is declared as {text!r}",
            where=where,
            hint="a gate is a sum of some of: W x, one of U h or U(...), b",
        )
    recurrent = "h" if "Uh" in terms else "step" if "U(...)" in terms else ""
    return Gate(name, letter, "Wx" in terms, recurrent, "b" in terms)


def _symbols(gates: tuple[Gate, ...], states: tuple[str, ...], weights: tuple[str, ...]) -> dict[str, Any]:
    """What the step is called with when it is recorded: one symbol for each parameter."""

    def product(gate: Gate) -> Callable[[Value], Value]:
        calls: list[Value] = []

        def call(operand: Value) -> Value:
            calls.append(Value("product", operand, label=gate.preactivation))
            if len(calls) > 1:
                raise CellError(
                    f"the step calls gate {gate.name!r} twice", where=calls[1].where, hint="declare two gates"
                )
            return calls[0]

        return call

    symbols: dict[str, Any] = {name: Value("input", label=previous(name)) for name in states}
    symbols |= {name: Value("input", label=name) for name in weights}
    for gate in gates:
        fed = gate.recurrent == "step"
        symbols[gate.letter] = product(gate) if fed else Value("input", label=gate.preactivation)
    return symbols


def previous(state: str) -> str:
    """The name of a state one step ago."""
    return f"{state}_prev"
