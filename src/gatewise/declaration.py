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
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from textwrap import fill
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from .compiler.lower import program_of, vocabulary
from .compiler.widths import widths_of
from .equation import WHOLE_INPUT, Cell, Gate, previous
from .errors import CellError
from .recorded import trace, with_own_tensors
from .value import RESERVED, FedGate, Value, line_of, user_line
from .words import count

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_WIDTH = re.compile(r"(?!l\d)[a-z][a-z0-9_]*")  # unlike the number of a layer, as it is part of a weight's name
_DRAWN = math.nan  # where a weight is drawn at random


def _told_its_arguments(declaration: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function, which says in a sentence which argument is missing, unknown or without its name."""

    @wraps(declaration)
    def checked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        _check_arguments(inspect.signature(declaration), args, kwargs)
        return declaration(*args, **kwargs)

    return checked


def _check_arguments(signature: inspect.Signature, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    how = 'write @cell(gates="update candidate", state="h"), each argument by its name'
    if len(given) == 1 and callable(given[0]) and not named:
        where = line_of(given[0]) if isinstance(given[0], FunctionType) else user_line()
        what = "@cell stands without its parentheses, which declare gates and state"
        raise CellError(what, where=where, hint=how)
    unknown = [name for name in named if name not in signature.parameters]
    if unknown:
        hint = f"its arguments are {', '.join(signature.parameters)}"
        raise CellError(f"@cell has no argument {unknown[0]!r}", where=user_line(), hint=hint)
    try:
        signature.bind(*given, **named)
    except TypeError as error:
        raise CellError(f"@cell is not declared so: {error}", where=user_line(), hint=how) from None


@_told_its_arguments
def cell(
    *,
    gates: str | Mapping[str, str],
    state: str | Mapping[str, float],
    per_unit: str | Mapping[str, float] = "",
    scalars: str | Mapping[str, float] = "",
    inputs: str = "",
    widths: Mapping[str, str | int] | None = None,
    candidate: str = "",
) -> Callable[[Callable[..., Any]], Cell]:
    """Declare a cell: a decorator for a plain function that computes one time step with PyTorch's functions.

    The step is recorded once, on symbols, when it is declared. A parameter named like a state is that state one step
    ago, one named in ``per_unit`` is a weight for each unit, one in ``scalars`` a weight that is a single number, one
    in ``inputs`` a part of the input, and the others are the gates in their declared order, each as its pre-activation.
    The step returns the new states in their declared order::

        @cell(gates="input forget candidate output", state="h c")
        def lstm(i, f, g, o, c):
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * tanh(c)
            return h, c

    What a step may call, under PyTorch's names and with PyTorch's arguments: FUNCTIONS. Operators are those of tensors.
    A mean, a sum or a maximum is over the units of a row, ``(-1, keepdim=True)``. Comparisons choose, ``torch.where(a >
    b, a, b)``, join with ``&``, ``|`` and ``~``, and count as 0 or 1 in products and sums with numbers.

    Args:
        gates: Names in the order in which weights are stored, separated by spaces, each ``W x + U h + b``; or a mapping
            from name to the sum of those terms that it has, out of ``W x``, ``b``, and ``U h`` or ``U(...)``. For
            ``U(...)`` the step calls the gate on what U multiplies, once or several times.
        state: Names of the states, the output first; or a mapping from name to initial value, where not all are zero.
        per_unit: Names of weights that are vectors (H,), one number for each unit; or a mapping from name to what they
            start from, where they are not drawn at random.
        scalars: Names of weights that are one number; or such a mapping.
        inputs: Names of what the step reads of the input itself: ``x`` is what W multiplies, of which there must be as
            many numbers as units; every other is one number for each row, such as the time that has passed. Those are
            the last columns of the input, in this order, and W does not multiply them.
        widths: How many numbers gates, states and ``per_unit`` weights have that have not H, by the names of the step's
            parameters: 1, which meets every width as tensors of one column do; another number; or a name, for which a
            module is told a number, ``widths={"memory": 16}``, and takes H where it is not. U leads from one width to
            another.
        candidate: The local name of what the step writes into memory, for initialisation and inspection.

    Returns:
        The decorator, which turns a step into a `Cell`.

    Raises:
        CellError: At the offending line, for a declaration that does not fit the step, or of what no new state depends
            on; for a step that cannot be recorded because it branches on a value, or reads a tensor that learns, is no
            single number or belongs to its module, or calls a function that there is no rule for. Of a tensor that it
            closes over the cell has a copy.
    """
    terms = _named("gates", gates, "W x + U h + b", str, 'a text such as "W x + U h + b"')
    starts = _named("state", state, 0.0, int | float, "a number")
    vectors = _named("per_unit", per_unit, _DRAWN, int | float, "a number")
    single = _named("scalars", scalars, _DRAWN, int | float, "a number")
    read = tuple(_named("inputs", inputs, 0.0, int | float, "a number"))
    wide = _named("widths", widths or {}, 1, str | int, "a number, or the name of one")

    def declare(step: Callable[..., Any]) -> Cell:
        if not isinstance(step, FunctionType):
            raise CellError(f"a cell is declared of a plain function, not of {step!r}", hint="write its step with def")
        states, weights = tuple(starts), (*vectors, *single)
        where = line_of(step)
        parameters = _parameters(step, where)
        _check_names(step, where, [*states, *weights, *read], read)
        letters = [name for name in parameters if name not in (*states, *weights, *read)]
        _check_widths(step, where, wide, [*letters, *states, *vectors])
        step = with_own_tensors(step)
        _check_gates(step, where, letters, list(terms))
        declared = tuple(
            _gate(name, letter, text, where) for (name, text), letter in zip(terms.items(), letters, strict=True)
        )
        calls = {gate.letter: _Calls(gate, states) for gate in declared if gate.recurrent == "step"}
        arguments = _symbols(declared, states, (*weights, *read), calls)
        outputs, values = trace(step, [arguments[name] for name in parameters], states)
        _check_count(step, where, states, len(outputs))
        _check_order(step, where, states, [_name_of(output, values, states) for output in outputs])
        if candidate and candidate not in values:
            raise CellError(f"{step.__name__} has no local value {candidate!r} for its candidate", where=where)
        made = Cell(
            step.__name__,
            tuple(
                again for gate in declared for again in (calls[gate.letter].gates if gate.letter in calls else [gate])
            ),
            states,
            weights,
            step,
            outputs,
            values,
            tuple(map(float, starts.values())),
            candidate,
            {name: float(start) for name, start in (vectors | single).items() if start is not _DRAWN},
            scalars=tuple(single),
            inputs=read,
            widths=wide,
        )
        program_of(made)  # whose errors belong here, and not to the first use
        widths_of(made)
        _check_read(made, where)
        return made

    return declare


def functions() -> str:
    """What a step may call, in words: the names of the table of operations and of what is composed of them."""
    return ", ".join(f"``{name}``" for name in sorted(vocabulary()))


def _told(text: str) -> str:
    """A docstring with that list in its place, in lines of its width."""
    before, _, rest = text.partition("    What a step may call")
    paragraph, _, after = rest.partition("\n\n")
    told = " ".join(f"What a step may call{paragraph}".replace("FUNCTIONS", functions()).split())
    return f"{before}{fill(told, 116, initial_indent='    ', subsequent_indent='    ')}\n\n{after}"


cell.__doc__ = _told(cell.__doc__ or "")


def _named(argument: str, given: Any, default: Any, kind: Any, what: str) -> dict[str, Any]:
    """Names with what is declared of each. Raises CellError for what is neither a text of names nor a mapping."""
    if isinstance(given, Mapping):
        named: dict[Any, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType] - users may give anything
    elif isinstance(given, str):
        named = dict.fromkeys(given.split(), default)
        if "," in given:
            spaced = " ".join(given.replace(",", " ").split())
            raise CellError(f"`{argument}` separates names by commas", hint=f'write {argument}="{spaced}"')
        if len(named) < len(given.split()):
            raise CellError(f"`{argument}` names something twice: {given!r}")
    else:
        raise CellError(
            f"`{argument}` is a {type(given).__name__}", hint=f'write {argument}="a b", or {argument}={{"a": ..., ...}}'
        )
    for name, declared in named.items():
        no_number = isinstance(declared, bool) or (isinstance(given, Mapping) and declared != declared)  # NaN
        if not isinstance(name, str) or not isinstance(declared, kind) or no_number:
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


def _check_gates(step: Callable[..., Any], where: str, letters: list[str], gates: list[str]) -> None:
    """Raises CellError where the parameters that are left for gates are not as many as these."""
    if len(letters) == len(gates):
        return
    more = "every parameter is a gate, a state, or named in `per_unit`, `scalars` or `inputs`"
    raise CellError(
        f"{step.__name__} takes {count(len(letters), 'gate')} ({', '.join(letters)}), "
        f"its declaration names {len(gates)} ({', '.join(gates)})",
        where=where,
        hint=more if len(letters) > len(gates) else "a step takes every gate, in the order of the declaration",
    )


def _check_read(made: Cell, where: str) -> None:
    """Raises CellError for what no new state depends on: weights that never learn, or a column that nobody reads."""
    program = program_of(made)
    read = {*program.outputs.values(), *(argument for line in program.body for argument in line.args)}
    parts = {gate.preactivation: f"gate {gate.name!r} ({gate.letter})" for gate in made.gates}
    parts |= {name: f"weight {name!r}" for name in made.per_unit} | {name: f"input {name!r}" for name in made.inputs}
    unread = next((words for name, words in parts.items() if name not in read), "")
    if unread:
        what = f"the new states of {made.name} do not depend on its {unread}"
        raise CellError(what, where=where, hint="compute with it, or leave it out of declaration and step")


def _name_of(output: Value, values: Mapping[str, Value], states: tuple[str, ...]) -> str:
    """Which state's name the step has for one of the values that it returns; none for a state as it was."""
    return next((state for state in states if values.get(state) is output and output.function != "input"), "")


def _check_count(step: Callable[..., Any], where: str, states: tuple[str, ...], returned: int) -> None:
    """Raises CellError where there are not as many new states as states."""
    if returned != len(states):
        what = f"{step.__name__} returns {count(returned, 'value')} for {count(len(states), 'state')}"
        raise CellError(what, where=where, hint=f"return {', '.join(states)}, in the order of `state`")


def _check_order(step: Callable[..., Any], where: str, states: tuple[str, ...], returned: list[str]) -> None:
    """Raises CellError for new states that are all there, each under its own name, and in each other's places."""
    if tuple(returned) != states and sorted(returned) == sorted(states):
        what = f"{step.__name__} returns {', '.join(returned)} for the states {', '.join(states)}"
        raise CellError(what, where=where, hint=f"return {', '.join(states)}, in the order of `state`")


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


def _check_names(step: Callable[..., Any], where: str, names: list[str], read: tuple[str, ...]) -> None:
    """Raises CellError for a name that is there twice, or that kernels have for something of their own."""
    for name in names:
        if name in RESERVED and not (name == WHOLE_INPUT and name in read):
            what = f"{step.__name__} has a state, a weight or an input called {name!r}"
            raise CellError(what, where=where, hint="name it otherwise: kernels have something of this name")
        if names.count(name) > 1:
            raise CellError(f"{step.__name__} declares {name!r} as two things", where=where)


def _check_widths(step: Callable[..., Any], where: str, widths: Mapping[str, Any], wide: list[str]) -> None:
    """Raises CellError for a width of what has none of its own, and for one that is none."""
    for name, width in widths.items():
        if name not in wide:
            what = f"`widths` names {name!r}, which is no gate, state or per-unit weight of {step.__name__}"
            raise CellError(what, where=where, hint=f"its parameters: {', '.join(wide)}")
        if (isinstance(width, str) and not _WIDTH.fullmatch(width)) or (isinstance(width, int) and width < 1):
            what = f"`widths` has {width!r} for {name!r}, which is no name and no whole number of at least 1"
            raise CellError(what, where=where, hint='widths={"m": "memory", "gate": 1}')


class _Calls:
    """What the step calls a gate on. gates: the gate, then one more for each further call, tied to it."""

    def __init__(self, gate: Gate, states: tuple[str, ...]) -> None:
        self.gates = [gate]
        self._states, self._called = tuple(map(previous, states)), False

    def __call__(self, operand: Value) -> Value:
        if operand.function == "input" and operand.label not in self._states:
            operand = operand * 1.0  # which gives it a row of its own
        gate = self.gates[0]
        if self._called:
            number = len(self.gates) + 1
            gate = replace(gate, name=f"{gate.name}_{number}", letter=f"{gate.letter}_{number}", tied=gate.name)
            self.gates.append(gate)
        self._called = True
        return Value("product", operand, label=gate.preactivation)


def _symbols(
    gates: tuple[Gate, ...], states: tuple[str, ...], others: tuple[str, ...], calls: Mapping[str, _Calls]
) -> dict[str, Any]:
    """What the step is called with when it is recorded: one symbol for each parameter."""
    symbols: dict[str, Any] = {name: Value("input", label=previous(name)) for name in states}
    symbols |= {name: Value("input", label=name) for name in others}
    for gate in gates:
        call = calls.get(gate.letter)
        whole = Value("input", label=gate.preactivation) if call is None else FedGate(gate.name, gate.letter, call)
        symbols[gate.letter] = whole
    return symbols
