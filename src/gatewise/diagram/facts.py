"""What a cell's program says of its values, as far as a drawing needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..compiler.lower import program_of
from ..compiler.program import Program, is_temporary
from ..equation import Cell

_ARITHMETIC = ("add", "sub", "mul", "div", "neg", "sqrt", "mean")


class Facts:
    """The values of one cell's program.

    weights: weights for each unit, noise, numbers, and what is computed from these alone. averaged: what means are
    taken of, and what is computed from means. opposites: sigmoid(-a) where there is sigmoid(a), one less that.
    sums: the sums of learned layers, and what is computed from them with weights before anyone else reads it.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.program: Program = program_of(cell)
        self.gates = {gate.preactivation: gate for gate in cell.gates}
        self.noise = frozenset(noise.name for noise in cell.noise)
        self.users: dict[str, list[str]] = defaultdict(list)
        for instruction in self.program.body:
            for argument in dict.fromkeys(instruction.args):
                self.users[argument].append(instruction.name)
        self._order = {name: at for at, name in enumerate((*self.program.inputs, *self.program.by_name))}
        self.averaged = self._averaged()
        self.weights = self._weights()
        self.opposites = dict(self._found_opposites())
        self.sums = self._found_inner()

    def position(self, name: str) -> int:
        """Where a value stands among all of the program."""
        return self._order[name]

    def op(self, name: str) -> str:
        """The operation that gives a value, empty for an input."""
        return self.program.by_name[name].op if name in self.program.by_name else ""

    def args(self, name: str) -> tuple[str, ...]:
        """What a value is computed from, each once and without weights."""
        return tuple(dict.fromkeys(a for a in self.arguments(name) if a not in self.weights))

    def arguments(self, name: str) -> tuple[str, ...]:
        """All that a value is computed from."""
        return self.program.by_name[name].args if name in self.program.by_name else ()

    def is_constant(self, name: str) -> bool:
        """Whether a value is a number that the step writes."""
        return self.op(name) == "constant"

    def weighted(self, name: str) -> tuple[str, ...]:
        """What is multiplied with a weight for each unit or with noise, where nothing else is done to it."""
        if self.op(name) != "mul" or not is_temporary(name) or len(self.users[name]) > 1:
            return ()
        factors = [argument for argument in self.program.by_name[name].args if argument in self.weights]
        return self.args(name) if factors and not all(map(self.is_constant, factors)) else ()

    def _weights(self) -> frozenset[str]:
        """Weights for each unit, noise, numbers, and what is computed from these alone."""
        fixed = {*self.cell.per_unit, *self.noise}
        for instruction in self.program.body:
            if all(argument in fixed for argument in instruction.args) and instruction.op != "product":
                fixed.add(instruction.name)
        return frozenset(fixed - set(self.program.outputs.values()))

    def _averaged(self) -> frozenset[str]:
        """What means are taken of, and what is computed from means."""
        before: set[str] = set()
        for instruction in reversed(self.program.body):
            if instruction.op == "mean" or instruction.name in before:
                before.update(instruction.args)
        after: set[str] = set()
        for instruction in self.program.body:
            if instruction.op == "mean" or after & set(instruction.args):
                after.add(instruction.name)
        return frozenset(before | after)

    def _found_opposites(self) -> Iterator[tuple[str, str]]:
        """sigmoid(-a) where there is sigmoid(a), which is one less that."""
        sigmoids = {i.args[0]: i.name for i in self.program.body if i.op == "sigmoid" and self.args(i.name)}
        for argument, name in sigmoids.items():
            alone = self.op(argument) == "neg" and len(self.users[argument]) == 1
            if alone and self.args(argument)[0] in sigmoids:
                yield name, sigmoids[self.args(argument)[0]]

    def _found_inner(self) -> frozenset[str]:
        """Sums of learned layers, and what is computed from them with weights before anyone else reads it."""
        sums = {name for name in self.gates if not self.is_shared(name)}
        inner = set(self.gates)
        for instruction in self.program.body:
            name = instruction.name
            if name in self.gates or not is_temporary(name) or not self._is_linear(name):
                continue
            args = self.args(name)
            taken = [argument for argument in args if argument in sums]
            if taken and all(argument in sums or self.weighted(argument) for argument in args):
                inner.add(name)
                if not self.is_shared(name):
                    sums.add(name)
        return frozenset(inner)

    def _is_linear(self, name: str) -> bool:
        bounded = self.op(name) in ("minimum", "maximum") and len(self.args(name)) == 1
        if self.op(name) in ("mul", "div", "sqrt") and name not in self.averaged:
            *_, last = self.arguments(name)
            factors = [argument for argument in self.arguments(name) if argument in self.weights]
            is_written = any(map(self.is_constant, factors))  # a number belongs to the equation, and is shown
            return len(factors) == 1 and not is_written and (self.op(name) == "mul" or last in self.weights)
        return bounded or self.op(name) in _ARITHMETIC

    def is_shared(self, name: str) -> bool:
        """Whether several figures read it, so that it must be seen."""
        if name in self.averaged:
            return False
        return len([user for user in self.users[name] if not self._only_opposite(user)]) > 1

    def _only_opposite(self, name: str) -> bool:
        return self.op(name) == "neg" and any(user in self.opposites for user in self.users[name])

    def is_source(self, name: str) -> bool:
        """Whether it comes from outside: a state one step ago."""
        return name in self.program.inputs and name not in self.gates
