"""Layer normalisation inside the step, in both published placements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..equation import Cell, Gate, Value
from ..errors import InputError
from .rewrite import Rewriting, derived, is_scaled, replacing, rewritten

PLACEMENTS = ("output", "memory")
EPSILON = 1e-5


def layer_norm(cell: Cell, placement: str = "output") -> Cell:
    """Normalise W x and U h over all gates and units of a row, each with a gain, and add a shift.

    Source: Ba, Kiros, Hinton, Layer Normalization, arXiv:1607.06450, equations 20 to 22 of the supplement. What a step
    multiplies with U itself is normalised by itself; the three gates of a GRU are normalised together, as in haste,
    where the paper takes the candidate apart.

    Args:
        cell: Any cell.
        placement: ``"output"`` as in the paper and in haste, where the output is computed from the normalised memory
            but the memory itself stays as it is; ``"memory"`` as in PyTorch's fastrnns benchmarks, where what is
            normalised is what is remembered. In cells with one state, and in those whose memory is stored relative to a
            stabiliser, only W x and U h are normalised.

    Returns:
        The new cell. Its gates are sums without bias, each cut into a part from x and one from h; gains (H,), which
        start at 1, and shifts (H,), which start at 0, are weights per unit.

    Raises:
        InputError: The placement is another word, the cell is normalised already, or it calls a gate several times.
    """
    if placement not in PLACEMENTS:
        raise InputError(f"layer_norm is placed at {' or '.join(PLACEMENTS)}, not {placement!r}")
    if any(gate.tied for gate in cell.gates):
        tied = ", ".join(sorted({gate.tied for gate in cell.gates if gate.tied}))
        raise InputError(f"{cell.name} calls {tied} several times, and each call would be normalised by itself")
    split = _Split(cell)
    new = split.rewriting()
    weights = dict(split.weights)
    if len(cell.state) > 1 and not is_scaled(cell):
        names = cell.state[1:]
        weights |= {f"gain_{name}": 1.0 for name in names} | {f"shift_{name}": 0.0 for name in names}
        new = _normalised_memory(replace(cell, outputs=new.outputs, values=new.values), names, placement)
    return derived(
        cell,
        "layer_norm",
        new,
        (layer_norm, (cell, placement)),
        gates=split.gates,
        per_unit=(*cell.per_unit, *weights),
        starts={**cell.starts, **weights},
    )


class _Split:
    """The cell with each gate's sum taken apart into W x and U h, which are normalised before they are added."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.weights: dict[str, float] = {}
        # all parts from x first, then all from h, so that neighbours share one product
        parts = [part for gate in cell.gates for part in _parts(gate)]
        self.gates: tuple[Gate, ...] = tuple(sorted(parts, key=lambda gate: not gate.has_input))
        self._normalised: dict[str, Value] = {}
        self._normalise([gate for gate in cell.gates if gate.has_input], "x")
        self._normalise([gate for gate in cell.gates if gate.recurrent == "h"], "h")
        for gate in cell.gates:
            if gate.has_bias:
                self._weight(f"shift_{gate.letter}", 0.0)

    def rewriting(self) -> Rewriting:
        sums = {gate.preactivation: gate for gate in self.cell.gates}

        def change(old: Value, new: Value) -> Value:
            return self._sum(sums[new.label], new) if new.label in sums else new

        return rewritten(self.cell, change)

    def _sum(self, gate: Gate, old: Value) -> Value:
        terms = [self._normalised[gate.letter + part] for part in "xh" if gate.letter + part in self._normalised]
        if gate.recurrent == "step":
            product = Value("product", old.arguments[0], label=f"a_{gate.letter}_h")
            terms.append(_normal([product])[0] * self._weight(f"gain_{gate.letter}_h", 1.0))
        if gate.has_bias:
            terms.append(self._weight(f"shift_{gate.letter}", 0.0))
        return _added(terms)

    def _normalise(self, gates: Sequence[Gate], part: str) -> None:
        sums = [Value("input", label=f"a_{gate.letter}_{part}") for gate in gates]
        for gate, normal in zip(gates, _normal(sums), strict=True):
            self._normalised[gate.letter + part] = normal * self._weight(f"gain_{gate.letter}_{part}", 1.0)

    def _weight(self, name: str, start: float) -> Value:
        self.weights[name] = start
        return Value("input", label=name)


def _parts(gate: Gate) -> Iterable[Gate]:
    if gate.has_input:
        yield Gate(f"{gate.name}_x", f"{gate.letter}_x", True, "", False)
    if gate.recurrent:
        yield replace(gate, name=f"{gate.name}_h", letter=f"{gate.letter}_h", has_input=False, has_bias=False)


def _normal(values: Sequence[Value]) -> list[Value]:
    """The values less their common mean, over their common standard deviation."""
    if not values:
        return []
    mean = _over_units(values)
    centred = [value - mean for value in values]
    scale = 1.0 / Value("sqrt", _over_units([value * value for value in centred]) + EPSILON)  # of the whole row
    return [value * scale for value in centred]


def _over_units(values: Sequence[Value]) -> Value:
    mean = Value("mean", _added(values))
    return mean / float(len(values)) if len(values) > 1 else mean


def _added(values: Sequence[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _normalised_memory(cell: Cell, names: Sequence[str], placement: str) -> Rewriting:
    """The step with normalised memories, read by the output only or kept as well."""

    def normalised(name: str) -> Callable[[Value], Value]:
        gain, shift = Value("input", label=f"gain_{name}"), Value("input", label=f"shift_{name}")
        return lambda value: _normal([value])[0] * gain + shift

    memories = dict(zip(names, cell.outputs[1:], strict=True))
    everywhere = rewritten(cell, replacing({value: normalised(name) for name, value in memories.items()}))
    if placement == "memory":
        return everywhere
    return Rewriting((everywhere.outputs[0], *cell.outputs[1:]), everywhere.values | memories)
