"""What stands inside a figure."""

from __future__ import annotations

from collections.abc import Iterable

from .facts import Facts
from .fold import Fold

HOLE = "·"  # stands for what a figure reads
SYMBOLS = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "neg": "−",
    "maximum": "max",
    "minimum": "min",
    "lt": "<",
    "le": "≤",
    "eq": "=",
    "floor": "⌊·⌋",
    "sum": "Σ",
    "amax": "max over units",
    "where": "if",
    "sigmoid": "σ",
    "log_sigmoid": "log σ",
    "sqrt": "√",
    "abs": "|·|",
    "detach": "stop",
}
MARKS = {"sub": ("", "−"), "div": ("", "÷"), "lt": ("", ">"), "le": ("", "≥"), "where": ("?", "yes", "no")}
_INFIX = {"add": (1, "{}+{}"), "sub": (1, "{}−{}"), "mul": (2, "{}{}"), "div": (2, "{}/{}")}


def symbol(facts: Facts, fold: Fold) -> str:
    """The activation of a learned layer, or the operation; a chain of operations as a formula."""
    if fold.opposite:
        return "1−"
    if fold.gates:
        return _activation(facts, fold)
    if any(facts.op(name) == "mean" for name in fold.inside):
        return "norm"
    if noise := _noise(facts, fold):
        return noise
    if len(fold.reads) == 1:
        return _tidy(_Formula(facts, fold.reads[0], frozenset(fold.inside)).of(fold.name))
    scales = sorted(_from_outside(facts, fold.inside))
    return " ".join([SYMBOLS.get(facts.op(fold.name), facts.op(fold.name)), *scales])


def marks(facts: Facts, fold: Fold) -> dict[str, str]:
    """What stands where a line enters: the sign of what is taken away, or what a choice does with it."""
    arguments = facts.arguments(fold.name)
    if fold.gates or fold.opposite or len(fold.reads) < 2 or not set(arguments) >= set(fold.reads):
        return {}
    entries = zip(arguments, MARKS.get(facts.op(fold.name), ()), strict=False)
    return {argument: mark for argument, mark in entries if mark and argument in fold.reads}


def notes(facts: Facts, fold: Fold) -> str:
    """What else happens in a learned layer: normalisation, clipping, noise."""
    sums = [name for name in fold.inside if name in facts.sums]
    normal = any(facts.op(name) == "mean" for name in sums)
    clipped = any(facts.op(name) in ("maximum", "minimum") for name in sums)
    words = ("norm" if normal else "", "clip" if clipped else "", _noise(facts, fold))
    return " ".join(dict.fromkeys(note for note in words if note))


def _noise(facts: Facts, fold: Fold) -> str:
    """The kinds of noise that are read: ``zone`` for ``zone_h``."""
    read = _from_outside(facts, fold.inside)
    return " ".join(sorted({name.partition("_")[0] for name in read & facts.noise}))


def _from_outside(facts: Facts, values: Iterable[str]) -> set[str]:
    """The weights for each unit and the noise that values are computed from."""
    waiting, read = list(values), set[str]()
    while waiting:
        for argument in facts.arguments(waiting.pop()):
            if argument in facts.weights and argument not in read:
                read.add(argument)
                waiting.append(argument)
    return read & {*facts.cell.per_unit, *facts.noise}


def _activation(facts: Facts, fold: Fold) -> str:
    """What is done to the sum of a learned layer; ``W``, ``U`` or both where it is left as it is."""
    sums = set(fold.inside) & facts.sums
    last = max(sums, key=facts.position)
    if fold.name == last:
        read = ("W" if any(gate.has_input for gate in fold.gates) else "") + (
            "U" if any(gate.recurrent for gate in fold.gates) else ""
        )
        return " ".join(read)
    formula = _Formula(facts, last, frozenset(fold.inside) - sums)
    return _tidy(formula.of(fold.name))


class _Formula:
    """Values written out, as far as they are inside a figure."""

    def __init__(self, facts: Facts, hole: str, inside: frozenset[str]) -> None:
        self.facts, self.hole, self.inside = facts, hole, inside

    def of(self, name: str) -> str:
        return self._written(name)[0]

    def _written(self, name: str) -> tuple[str, int]:
        """The formula, and how tightly its outermost operator binds."""
        facts = self.facts
        if facts.is_constant(name):
            return f"{facts.program.by_name[name].constant:g}".replace("-", "−"), 3
        if name in facts.noise:
            return "", 3
        if name not in self.inside:
            return (HOLE if name not in facts.weights else name), 3
        instruction = facts.program.by_name[name]
        if instruction.op in ("maximum", "minimum"):
            return self._bounded(name)
        written = [self._written(argument) for argument in instruction.args]
        if instruction.op in _INFIX:
            binding, text = _INFIX[instruction.op]
            left, right = (f"({text})" if at < binding else text for text, at in written)
            if instruction.op == "mul" and left == right:
                return f"{left}²", 3
            return text.format(left, right).replace("+−", "−"), binding
        text = written[0][0]
        if instruction.op == "neg":
            return f"−{text}", 1
        function = SYMBOLS.get(instruction.op, instruction.op)
        return (function if text == HOLE else f"{function}({text})"), 3

    def _bounded(self, name: str) -> tuple[str, int]:
        rest = next((self._written(a)[0] for a in self.facts.args(name)), HOLE)
        return (rest if rest.startswith("clip") else "clip" if rest == HOLE else f"clip {rest}"), 2


def _tidy(text: str) -> str:
    """Without the holes at its ends."""
    if text in (HOLE, ""):
        return "×"
    if text[-1] == HOLE and text[:-1].replace(".", "").isdigit():
        return f"{text[:-1]}×"
    if text == f"{HOLE}²":
        return text
    return text.removesuffix(HOLE) if text.endswith(("−" + HOLE, "+" + HOLE)) else text.removeprefix(HOLE)
