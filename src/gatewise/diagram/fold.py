"""Which values of a program are drawn, and which are computed inside the figure of another.

A learned layer takes in everything between its sum and the first value that others read: ``W x + U h + b``, weights
for each unit, normalisation, the activation. A pointwise operation takes in a chain of trivial ones before it.
"""

from __future__ import annotations

from typing import NamedTuple

from ..compiler.program import is_temporary
from ..equation import Gate
from .facts import Facts

_LONGEST_CHAIN = 4


class Fold(NamedTuple):
    """A drawn value. inside: all that is computed with it. reads: the drawn values and states that it needs.

    gates: the pre-activations that are summed in it, so that it is a learned layer. opposite: it is one less what
    it reads.
    """

    name: str
    inside: tuple[str, ...]
    reads: tuple[str, ...]
    gates: tuple[Gate, ...] = ()
    opposite: bool = False


class Folding:
    """The folds of one cell's program."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def folds(self) -> list[Fold]:
        """Every drawn value, each after what it reads."""
        folds: dict[str, Fold] = {}

        def draw(name: str) -> None:
            if name not in folds and not self.facts.is_source(name):
                fold = self._fold(name)
                for read in fold.reads:
                    draw(read)
                folds[name] = fold

        for name in sorted(self.facts.program.outputs.values(), key=self.facts.position):
            draw(name)
        return list(folds.values())

    def _fold(self, name: str) -> Fold:
        if name in self.facts.opposites:
            return Fold(name, (name, *self.facts.args(name)), (self.facts.opposites[name],), opposite=True)
        chain, rest = self._chain(name)
        if len(rest) == 1 and rest[0] in self.facts.sums and (rest[0] == name or not self.facts.is_shared(rest[0])):
            return self._layer(name, chain, rest[0])
        inside, reads = list(chain), list[str]()
        for argument in rest:
            terms = self.facts.weighted(argument) if self.facts.op(name) in ("add", "sub") else ()
            inside += [argument] if terms else []
            reads += terms or [argument]
        return Fold(name, tuple(inside), tuple(dict.fromkeys(reads)))

    def _layer(self, name: str, chain: tuple[str, ...], top: str) -> Fold:
        """The learned layer whose sum is ``top``."""
        inside, reads, gates = dict.fromkeys(chain), dict[str, None](), dict[str, Gate]()
        waiting = [top]
        while waiting:
            value = waiting.pop(0)
            if value in inside and value != name:
                continue
            inside[value] = None
            if value in self.facts.gates:
                gates[value] = self.facts.gates[value]
            for argument in self.facts.args(value):
                if argument in self.facts.sums:
                    waiting.append(argument)
                elif terms := self.facts.weighted(argument):
                    inside[argument] = None
                    reads.update(dict.fromkeys(terms))
                else:
                    reads[argument] = None
        ordered = tuple(gate for gate in self.facts.cell.gates if gate.preactivation in gates)
        return Fold(name, tuple(sorted(inside, key=self.facts.position)), tuple(reads), ordered)

    def _chain(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The values that can be drawn as one with ``name``, and what they read: one value, where that is possible."""
        if name in self.facts.sums:
            return (), (name,)
        inside, rest = (name,), self.facts.args(name)
        best = inside, rest
        while True:
            step = [value for value in rest if self._follows(value, inside)]
            if not step:
                return best
            latest = max(step, key=self.facts.position)
            inside = (*inside, latest)
            rest = tuple(dict.fromkeys(a for value in inside for a in self.facts.args(value) if a not in inside))
            short = len(inside) <= _LONGEST_CHAIN or any(self.facts.op(value) == "mean" for value in inside)
            if len(rest) == 1 and short:
                best = inside, rest
            if len(rest) == 1 and rest[0] in self.facts.sums:
                return best

    def _follows(self, value: str, inside: tuple[str, ...]) -> bool:
        """Whether a value is read by those inside only, and has no name of its own."""
        private = is_temporary(value) and value not in self.facts.program.outputs.values()
        return private and value not in self.facts.sums and set(self.facts.users[value]) <= set(inside)
