"""Straight-line programs over scalars in static single assignment: what every target renders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..value import Operand, Value
from .ops import OPS, OVER_UNITS

# Operations whose result depends on other units than their own.
ACROSS_UNITS = ("product", *OVER_UNITS)


@dataclass(frozen=True)
class Instruction:
    """``name = op(args)``. A ``constant`` carries its value; a ``product`` sums over all units of its argument."""

    name: str
    op: str
    args: tuple[str, ...] = ()
    constant: float = 0.0

    def on(self, values: Mapping[str, Operand]) -> Operand:
        """What it computes from these values, recorded as a step would record it."""
        if self.op == "constant":
            return self.constant
        label = self.name if self.op == "product" else ""
        return Value(self.op, *(values[argument] for argument in self.args), label=label)


@dataclass(frozen=True)
class Program:
    """One pointwise computation for every row and unit.

    inputs: names of what it reads. outputs: what it gives, and the name of the value that holds it.
    ``str(program)`` is stable: values that the cell's author did not name are written where they are used.
    """

    name: str
    inputs: tuple[str, ...]
    body: tuple[Instruction, ...]
    outputs: Mapping[str, str]

    @cached_property
    def by_name(self) -> dict[str, Instruction]:
        """The instruction that computes each value."""
        return {instruction.name: instruction for instruction in self.body}

    def values(self, known: Mapping[str, Operand] | None = None) -> dict[str, Operand]:
        """Every value by name, recorded again as a step would record it, so that new programs can be made of them.

        known: values to take as they are, in place of computing them; inputs are symbols of their own name by default.
        """
        values: dict[str, Operand] = {name: Value("input", label=name) for name in self.inputs}
        values |= known or {}
        for instruction in self.body:
            if instruction.name not in values:
                values[instruction.name] = instruction.on(values)
        return values

    def verify(self) -> Program:
        """Itself, where every value is defined once, before its use, with the right number of arguments."""
        defined = set(self.inputs)
        if len(defined) != len(self.inputs):
            raise AssertionError(f"{self.name}: an input is named twice: {self.inputs}")
        for instruction in self.body:
            self._verify_instruction(instruction, defined)
            defined.add(instruction.name)
        missing = [value for value in self.outputs.values() if value not in defined]
        if missing:
            raise AssertionError(f"{self.name}: outputs {missing} are not computed")
        return self

    def _verify_instruction(self, instruction: Instruction, defined: set[str]) -> None:
        arity = {"constant": 0, "product": 1}.get(instruction.op)
        if arity is None:
            if instruction.op not in OPS:
                raise AssertionError(f"{self.name}: no operation {instruction.op!r}")
            arity = OPS[instruction.op].arity
        unknown = [argument for argument in instruction.args if argument not in defined]
        if unknown or len(instruction.args) != arity or instruction.name in defined:
            raise AssertionError(f"{self.name}: malformed {instruction}")

    def restricted(self, name: str, outputs: Mapping[str, str], known: frozenset[str]) -> Program:
        """The part that computes these outputs when the values in ``known`` are already there."""
        needed: set[str] = set(outputs.values())
        body: list[Instruction] = []
        for instruction in reversed(self.body):
            if instruction.name in needed and instruction.name not in known:
                body.append(instruction)
                needed.update(instruction.args)
        computed = {instruction.name for instruction in body}
        inputs = tuple(sorted(needed - computed, key=self._position))
        return Program(name, inputs, tuple(reversed(body)), dict(outputs)).verify()

    def of_rows(self, row_numbers: Iterable[str]) -> frozenset[str]:
        """The values that are one number for a whole row. row_numbers: the inputs that are."""
        found = set(row_numbers)
        for name, instruction in self.by_name.items():
            if instruction.op in OVER_UNITS or (instruction.op != "product" and found.issuperset(instruction.args)):
                found.add(name)
        return frozenset(found)

    def _position(self, value: str) -> int:
        order = {name: index for index, name in enumerate((*self.inputs, *self.by_name))}
        return order[value]

    def __str__(self) -> str:
        lines = [f"{self.name}({', '.join(self.inputs)}):"]
        lines += [f"    {target} = {expression}" for target, expression in self.statements()]
        returned = (
            name if name == self.expression(value) else f"{name}={self.expression(value)}"
            for name, value in self.outputs.items()
        )
        return "\n".join([*lines, f"    return {', '.join(returned)}"])

    def statements(self) -> list[tuple[str, str]]:
        """The named values in order, each with its expression."""
        return [
            (instruction.name, self.expression(instruction.name, top=True))
            for instruction in self.body
            if not self._inlined(instruction)
        ]

    def _inlined(self, instruction: Instruction) -> bool:
        uses = sum(other.args.count(instruction.name) for other in self.body)
        return instruction.op == "constant" or (is_temporary(instruction.name) and uses <= 1)

    def expression(self, name: str, *, top: bool = False) -> str:
        """The value written out, down to named values and inputs."""
        return self._written(name, top=top)[0]

    def _written(self, name: str, *, top: bool = False) -> tuple[str, int]:
        """The value written out, and how tightly its outermost operator binds."""
        instruction = self.by_name.get(name)
        if instruction is None or not (top or self._inlined(instruction)):
            return name, _TIGHTEST
        if instruction.op == "constant":
            return f"{instruction.constant:g}", _TIGHTEST
        text = "product({})" if instruction.op == "product" else OPS[instruction.op].text
        binding = next((b for operator, b in _BINDING.items() if operator in text), _TIGHTEST)
        arguments: list[str] = []
        for position, argument in enumerate(instruction.args):
            written, tightness = self._written(argument)
            # a - (b - c): what stands on the right of an operator must bind tighter than it
            loose = binding < _TIGHTEST and tightness < binding + (position > 0 and binding < _UNARY)
            arguments.append(f"({written})" if loose else written)
        return text.format(*arguments), binding


_UNARY, _TIGHTEST = 3, 4
_BINDING = {" < ": 0, " <= ": 0, " == ": 0, " + ": 1, " - ": 1, " * ": 2, " / ": 2, "-{": _UNARY}


def is_temporary(name: str) -> bool:
    """Whether the compiler, not the cell's author, named this value."""
    return name.startswith("t") and name[1:].isdigit()
