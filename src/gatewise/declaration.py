"""The language of cells: how a step becomes a cell.

A cell is a declaration and a step::

    @cell(gates="input forget candidate output", state="h c")
    def lstm(i, f, g, o, c):
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        return h, c

Each gate arrives as its pre-activation, ``W x + U h + b`` unless the declaration says otherwise. A parameter named
like a state is that state one step ago, one named in ``per_unit`` is a weight for each unit, and the others are the
gates in their declared order.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from .compiler.lower import program_of
from .equation import Cell, Gate, previous
from .errors import CellError
from .value import RESERVED, FedGate, Value, line_of, trace, with_own_tensors


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
            its module, or calls a function that there is no rule for. Of a tensor that it closes over the cell has a
            copy.
    """
    terms = _named("gates", gates, "W x + U h + b", str, 'a text such as "W x + U h + b"')
    starts = _named("state", state, 0.0, int | float, "a number")
    weights = tuple(_named("per_unit", per_unit, 0.0, int | float, "a number"))

    def declare(step: Callable[..., Any]) -> Cell:
        states = tuple(starts)
        where = line_of(step)
        parameters = _parameters(step, where)
        letters = [name for name in parameters if name not in states and name not in weights]
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
        numbers = tuple(map(float, starts.values()))
        made = Cell(step.__name__, declared, states, weights, step, outputs, values, numbers, candidate)
        program_of(made)  # whose errors belong here, and not to the first use
        return made

    return declare


def _named(argument: str, given: Any, default: Any, kind: Any, what: str) -> dict[str, Any]:
    """Names with what is declared of each. Raises CellError for what is neither a text of names nor a mapping."""
    if isinstance(given, Mapping):
        named: dict[Any, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType] - users may give anything
    elif isinstance(given, str):
        named = dict.fromkeys(given.split(), default)
        if len(named) < len(given.split()):
            raise CellError(f"`{argument}` names something twice: {given!r}")
    else:
        raise CellError(
            f"`{argument}` is a {type(given).__name__}", hint=f'write {argument}="a b", or {argument}={{"a": ..., ...}}'
        )
    for name, declared in named.items():
        if not isinstance(name, str) or not isinstance(declared, kind) or isinstance(declared, bool):
            raise CellError(f"`{argument}` has {declared!r} for {name!r}, and needs {what}")
    return named


def _parameters(step: Callable[..., Any], where: str) -> list[str]:
    """The step's parameters, each given by its place."""
    parameters = inspect.signature(step).parameters
    for name, parameter in parameters.items():
        if parameter.kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
            what = f"{step.__name__} takes {parameter}, and a step names each gate, state and weight that it reads"
            raise CellError(what, where=where, hint=f"write out what {name} is to hold")
    return list(parameters)


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
        whole = FedGate(gate.name, gate.letter, product(gate)) if fed else Value("input", label=gate.preactivation)
        symbols[gate.letter] = whole
    return symbols
