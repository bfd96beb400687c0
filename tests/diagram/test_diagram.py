from __future__ import annotations

from itertools import combinations, product
from xml.etree import ElementTree

import pytest
from tests.matrix import ALL_CELLS
from torch import sigmoid, tanh

from gatewise import cell as declared
from gatewise.cells import CELLS
from gatewise.compiler.lower import program_of
from gatewise.compiler.program import is_temporary
from gatewise.diagram import diagram, drawn_values
from gatewise.diagram.graph import BOTH, INPUT, graph_of
from gatewise.diagram.layout import layout_of
from gatewise.diagram.shape import Rectangle
from gatewise.diagram.wiring import wired
from gatewise.equation import previous


@declared(gates="candidate", state="h c")
def untouched(a, c):
    return tanh(a), c


@declared(gates={"candidate": "U h"}, state="h")
def without_input(a):
    return tanh(a)


@declared(gates={"drift": "b"}, state="h c d")
def exchanging(a, h, c, d):
    return a + h, d, c


@declared(gates="candidate", state="h", per_unit="alpha")
def leaky(a, h, alpha):
    kept = sigmoid(alpha)
    return kept * h + (1 - kept) * tanh(a)


@declared(gates="gate_of_all other", state="hidden_state memory_line")
def long_names(gate_of_all, other, memory_line):
    gate_of_everything = sigmoid(gate_of_all)
    memory_line = memory_line * gate_of_everything + (1 - gate_of_everything) * tanh(other).detach()
    hidden_state = memory_line / (1 + memory_line.abs())
    return hidden_state, memory_line


ODD = {cell.name: cell for cell in (untouched, without_input, exchanging, leaky, long_names)}
DRAWN = {**ALL_CELLS, **ODD}
every_cell = pytest.mark.parametrize("cell", DRAWN.values(), ids=DRAWN)
with_and_without_numbers = pytest.mark.parametrize("numbers", [False, True], ids=["names", "numbers"])


def touching(one, other):
    """Pairs of a thing of the one kind and a thing of the other whose spaces overlap."""
    return [(a, b) for a, b in product(one, other) if a is not b and a.space.meets(b.space)]


@every_cell
def test_values_said_to_be_drawn_are_those_that_the_picture_marks(cell):
    picture = ElementTree.fromstring(diagram(cell, numbers=True))
    assert drawn_values(cell) == {node.get("data-value") for node in picture.iter() if node.get("data-value")}


@every_cell
@with_and_without_numbers
def test_no_two_labels_overlap_and_none_lies_on_a_figure(cell, numbers):
    layout = layout_of(cell, numbers)
    assert touching(layout.labels, layout.labels) == []
    assert touching(layout.labels, layout.figures) == []


@every_cell
@with_and_without_numbers
def test_no_line_runs_through_a_label(cell, numbers):
    layout = layout_of(cell, numbers)
    stretches = [stretch for wire in layout.wires for stretch in wire.stretches]
    assert [(label, s) for label, s in product(layout.labels, stretches) if label.space.meets(s)] == []


@every_cell
@with_and_without_numbers
def test_figures_and_foreign_lines_keep_apart(cell, numbers):
    layout = layout_of(cell, numbers)
    assert [(a.name, b.name) for a, b in combinations(layout.figures, 2) if a.space.meets(b.space, 4)] == []
    for wire, figure in product(layout.wires, layout.figures):
        own = figure.name in (wire.source, *wire.readers)
        through = [stretch for stretch in wire.stretches if stretch.meets(figure.space, 0.0 if own else 4.0)]
        assert through == [], (wire.value, figure.name)


@every_cell
def test_lines_are_flat_or_upright_and_end_at_what_reads_them(cell):
    layout = layout_of(cell)
    spaces = {figure.name: figure.space for figure in layout.figures}
    for wire in layout.wires:
        assert all(stretch.left == stretch.right or stretch.top == stretch.bottom for stretch in wire.stretches)
        ends = [path[-1] for path in wire.paths if path[-1] not in wire.forks]
        for reader, end in zip(wire.readers, ends, strict=True):
            assert reader not in spaces or spaces[reader].meets(Rectangle(*end, *end), 1e-6)
        for path in wire.paths[1:]:
            assert path[0] in wire.forks or spaces[wire.source].meets(Rectangle(*path[0], *path[0]), 1e-6)


@every_cell
def test_no_two_lines_share_a_stretch(cell):
    for one, other in combinations(layout_of(cell).wires, 2):
        for a, b in product(one.stretches, other.stretches):
            flat = a.top == a.bottom == b.top == b.bottom and min(a.right, b.right) > max(a.left, b.left)
            upright = a.left == a.right == b.left == b.right and min(a.bottom, b.bottom) > max(a.top, b.top)
            shared = flat or upright
            assert not shared, (one.value, other.value)


@every_cell
@with_and_without_numbers
def test_everything_lies_inside_the_picture(cell, numbers):
    layout = layout_of(cell, numbers)
    whole = Rectangle(0, 0, layout.width, layout.height)
    spaces = [thing.space for thing in (*layout.figures, *layout.labels)]
    spaces += [stretch for wire in layout.wires for stretch in wire.stretches]
    for space in spaces:
        assert space.left >= whole.left
        assert space.top >= whole.top
        assert space.right <= whole.right
        assert space.bottom <= whole.bottom


def needs(cell):
    """For every value of the program that is needed: what it is computed from."""
    program = program_of(cell)
    found = {name: set(program.by_name[name].args) for name in program.by_name}
    for gate in cell.gates:
        terms = found.setdefault(gate.preactivation, set())
        read = {INPUT: gate.has_input, previous(cell.state[0]): gate.recurrent == "h"}
        terms |= {name for name, is_read in read.items() if is_read}
    constants = {i.name for i in program.body if i.op == "constant"}
    noise = {source.name for source in cell.noise}
    found = {name: {INPUT if name in cell.inputs else name for name in terms} for name, terms in found.items()}
    return {name: terms - constants - noise - set(cell.per_unit) for name, terms in found.items()}


def reached(name, terms, drawn):
    """The drawn values and sources from which a value is computed, over values that are not drawn."""
    found, waiting = set(), [*terms[name]]
    while waiting:
        argument = waiting.pop()
        if argument in drawn or argument not in terms:
            found.add(argument)
        else:
            waiting += terms[argument]
    return found


@every_cell
def test_lines_join_what_the_program_says(cell):
    layout = layout_of(cell)
    arrives = {figure.name: set() for figure in layout.figures}
    for wire in layout.wires:
        assert wire.source == wire.value
        for reader in wire.readers:
            if reader in arrives:
                arrives[reader] |= {INPUT, previous(cell.state[0])} if wire.value == BOTH else {wire.value}
    terms = needs(cell)
    for name, lines in arrives.items():
        if next(figure.symbol for figure in layout.figures if figure.name == name) == "1−":
            (other,) = lines
            negated = program_of(cell).by_name[name]
            assert negated.op in ("sigmoid", "sub")
            assert reached(name, terms, set()) == reached(other, terms, set()) or other in terms[name]
        else:
            assert lines == reached(name, terms, set(arrives)), name


@every_cell
def test_states_enter_on_the_left_and_leave_on_the_right(cell):
    layout, outputs = layout_of(cell), program_of(cell).outputs
    readers = {wire.value: wire.readers for wire in layout.wires}
    for state in cell.state:
        assert f"{state} on" in readers[outputs[state]]
    assert f"{cell.state[0]} up" in readers[outputs[cell.state[0]]]
    names = {(label.value, label.text.base, label.text.below) for label in layout.labels}
    for state in cell.state:
        assert (outputs[state], state, "t") in names
        assert (previous(state) not in readers) or (previous(state), state, "t−1") in names


@every_cell
def test_every_value_that_is_used_is_drawn_once_or_lies_inside_what_is_drawn(cell):
    layout, program = layout_of(cell), program_of(cell)
    drawn = [figure.name for figure in layout.figures]
    inside = {name for figure in layout.figures for name in figure.inside}
    weights = {*cell.per_unit, *(source.name for source in cell.noise)}
    only_numbers = set(weights)
    for instruction in program.body:
        if set(instruction.args) <= only_numbers and instruction.op != "product":
            only_numbers.add(instruction.name)
    values = {*program.inputs, *program.by_name} - only_numbers - {previous(state) for state in cell.state}
    values -= {*cell.inputs}  # which the line of x brings
    assert len(drawn) == len(set(drawn))
    assert not inside & set(drawn)
    assert inside | set(drawn) == values
    named = {name for name in program.by_name if not is_temporary(name)} - {gate.preactivation for gate in cell.gates}
    assert named <= set(drawn) | only_numbers


@every_cell
def test_every_named_line_has_a_place_for_its_number(cell):
    svg = ElementTree.fromstring(diagram(cell, numbers=True))
    texts = [node for node in svg.iter("{http://www.w3.org/2000/svg}text") if node.get("class") == "number"]
    places = [node.get("data-value") for node in texts]
    assert len(places) == len(set(places))
    lines = {wire.value for wire in layout_of(cell).wires if wire.value.isidentifier() and not is_temporary(wire.value)}
    assert set(places) == lines
    assert 'class="number"' not in diagram(cell)


@every_cell
def test_the_picture_is_the_same_every_time(cell):
    before = diagram(cell)
    for remembered in (graph_of, wired, layout_of):
        remembered.cache_clear()
    assert diagram(cell) == before


def test_an_lstm_is_drawn_as_in_the_essay():
    layout = layout_of(CELLS["lstm"])
    at = {figure.name: figure.space.centre for figure in layout.figures}
    boxes = sorted((figure for figure in layout.figures if figure.learned), key=lambda figure: at[figure.name].x)
    assert [(box.name, box.symbol) for box in boxes] == [("f", "σ"), ("i", "σ"), ("g", "tanh"), ("o", "σ")]
    assert len({at[box.name].y for box in boxes}) == 1
    memory = next(wire for wire in layout.wires if wire.value == "c_prev")
    assert memory.paths[0][0].y == at["t0"].y == at["c"].y  # one straight line
    assert all(at["c"].y <= centre.y for centre in at.values())


def test_a_number_of_the_equation_is_seen():
    picture = diagram(CELLS["scrn"])
    assert ">0.05×<" in picture
    assert ">0.95×<" in picture


def test_a_peephole_is_a_line_from_the_memory_into_the_layer():
    readers = {wire.value: wire.readers for wire in layout_of(CELLS["peephole_lstm"]).wires}
    assert {"i", "f"} <= set(readers["c_prev"])
    assert "o" in readers["c"]


def test_names_are_written_as_text():
    @declared(gates="in<put", state="h")
    def odd(a, h):
        h = 0.5 * h + a
        return h

    text = diagram(odd)
    assert "<put" not in text
    ElementTree.fromstring(text)
