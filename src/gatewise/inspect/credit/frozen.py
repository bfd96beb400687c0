"""The step with everything but its signals held: equal values, and a gradient that splits them exactly."""

from __future__ import annotations

from functools import cache

from ...compiler.composed import is_comparison
from ...compiler.ops import OPS
from ...compiler.program import Instruction, is_temporary
from ...compiler.rules import plus, times
from ...compiler.signals import flow_of
from ...equation import Cell, Operand, Value, previous
from ...transforms.rewrite import Rewriting, derived


@cache
def frozen(cell: Cell) -> Cell:
    """Hold gates, pass signals on, so that the output is the sum of (what went in) * (its gradient).

    Over all steps and layers, what goes in is x, biases, additive per-unit weights, initial states, and ``ones``, a
    per-unit weight of 1 that every additive constant of the step multiplies, where there are any. Curves pass the
    signal along their secant from zero. Arras et al., Explaining and Interpreting LSTMs, arXiv:1909.12114; there the
    share of the biases is left out, here it is the biases' gradient.
    States that reach the output through gates only are context and have no gradient.
    Values are the cell's own, bit for bit.
    Raises CellError, naming the value, where the step cannot be split: a product of two signals, for one.
    """
    step = _Frozen(cell)
    ones = (step.ones.label,) if step.needs_ones else ()
    return derived(
        cell,
        "frozen",
        Rewriting(step.outputs(), step.names()),
        (frozen, (cell,)),
        per_unit=(*cell.per_unit, *ones),
        starts={**cell.starts, **dict.fromkeys(ones, 1.0)},
        candidate=cell.candidate if cell.candidate in step.names() else "",
    )


class _Frozen:
    """The values of a step, each as it is and, where signal passes, as what splits it."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.flow = flow_of(cell)
        taken = {*self.flow.program.inputs, *cell.state}
        self.ones = Value("input", label=next(n for n in ("ones", "ones_2", "ones_3") if n not in taken))
        self.needs_ones = False
        self.path = _path(cell)
        self.values: dict[str, Operand] = {name: self.flow.values[name] for name in self.flow.program.inputs}
        self.signals: dict[str, Operand] = {name: self._leaf(name) for name in self.flow.program.inputs}
        for i in self.flow.program.body:
            self._place(i)

    def outputs(self) -> tuple[Value, ...]:
        """The new states: those that carry signal to the output, and the others as context."""
        return tuple(self._exact(name) for name in self.flow.program.outputs.values())

    def _exact(self, name: str) -> Value:
        """The value's own bits, with the gradient of its signal."""
        held, signal = _value(self._held(name)), self.signals.get(name) if name in self.path else None
        if not isinstance(signal, Value) or name in self.flow.program.inputs:
            return held if signal is None else _value(signal)
        return held + (signal - Value("detach", signal))

    def names(self) -> dict[str, Value]:
        """The values that the cell's author named, as they are."""
        named = {name: value for name, value in self.values.items() if not is_temporary(name)}
        return {name: value for name, value in named.items() if isinstance(value, Value)}

    def _leaf(self, name: str) -> Operand:
        """An input as a signal; a noise is none of those that credit goes to."""
        noise = name in self.path and any(name == draw.name for draw in self.cell.noise)
        return self._constant(self.values[name]) if noise else self.values[name]

    def _place(self, i: Instruction) -> None:
        if i.op == "product" and i.name in self.path:  # once, for gates too
            self.values[i.name] = self.signals[i.name] = Value("product", self._exact(i.args[0]), label=i.name)
            return
        self.values[i.name] = i.on(self.values)
        if i.name in self.path:
            self.signals[i.name] = self._constant(i.constant) if i.op == "constant" else self._signal(i)

    def _signal(self, i: Instruction) -> Operand:
        """The value, with the gradient that splits it."""
        signals = tuple(None if argument is None else self.signals[argument] for argument in self.flow.signals(i))
        held = (self._held(argument) for argument in i.args)
        passed = self.flow.passed(i, signals, self._held(i.name), *held)
        return plus(passed, self._constant(OPS[i.op].at_zero))

    def _constant(self, value: Operand) -> Operand:
        if not isinstance(value, Value) and value == 0.0:
            return value
        self.needs_ones = True
        return times(value, self.ones)

    def _held(self, name: str) -> Operand:
        """The value without its gradient; a comparison has none."""
        value = self.values[name]
        return Value("detach", value) if isinstance(value, Value) and not is_comparison(value) else value


def _path(cell: Cell) -> set[str]:
    """The values through which the output gets its signal, and those through which what it reads of the step before
    gets its own."""
    flow = flow_of(cell)
    outputs = {previous(state): flow.program.outputs[state] for state in cell.state}
    path: set[str] = set()
    waiting = [outputs[previous(cell.state[0])]]
    while waiting:
        name = waiting.pop()
        if name in path:
            continue
        path.add(name)
        if name in flow.program.by_name:
            i = flow.program.by_name[name]
            behind = i.args if i.op in ("constant", "product") else flow.signals(i)
            waiting += [argument for argument in behind if argument is not None]
        elif name in outputs:
            waiting.append(outputs[name])
    return path


def _value(operand: Operand) -> Value:
    return operand if isinstance(operand, Value) else Value("add", operand, 0.0)
