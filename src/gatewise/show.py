"""One cell from top to bottom: its equations, its programs, the code that runs."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill

from .compiler.gradient import backward_program
from .compiler.lower import program_of
from .compiler.recurrence import recurrence_of
from .diagram import diagram
from .equation import Cell, Gate, Width, previous
from .errors import CellError
from .kernels.choice import DRIVERS
from .lookup import cell_at


def show(cell: Cell | str, form: str = "equations") -> str:
    """A cell as text. form: ``equations``, ``program``, ``llvm``, ``triton``, or ``diagram`` for an SVG file.

    cell: a cell, or words for one as `cell_at` takes them. Raises CellError for a cell or form that does not exist.
    """
    if form not in FORMS:
        raise CellError(f"a cell cannot be shown as {form!r}", hint=f"forms: {', '.join(FORMS)}")
    return FORMS[form](cell_at(cell) if isinstance(cell, str) else cell)


def equations(cell: Cell) -> str:
    """The cell's source, its recurrence, and its equations: pre-activations first, then the step, x' being x one step
    ago."""
    program = program_of(cell)
    fed = {i.name: program.expression(i.args[0]) for i in program.body if i.op == "product"}
    lines = [preactivation(gate, cell.state[0], fed.get(gate.preactivation, "")) for gate in cell.gates]
    lines += [f"{name} = {text}" for name, text in program.statements() if name not in fed]
    outputs = {state: program.expression(value) for state, value in program.outputs.items()}
    lines += [f"{state} = {text}" for state, text in outputs.items() if text != state]  # returned without a name
    body = "\n".join(f"    {line}" for line in lines)
    for state in cell.state:
        body = body.replace(previous(state), f"{state}'")
    paragraphs = [cell.name, cell.doc, fill(str(recurrence_of(cell)), 120)]
    if cell.widths:
        paragraphs.append(fill(f"Widths: {', '.join(map(_width, cell.widths.items()))}; the others H.", 120))
    return "\n\n".join([*paragraphs, body]) + "\n"


def _width(declared: tuple[str, Width]) -> str:
    name, width = declared
    return f"{name} one number a row" if width == 1 else f"{name} {width}"


def preactivation(gate: Gate, output: str, fed: str = "") -> str:
    """A gate's pre-activation as a formula. fed: what the step multiplies with U."""
    terms = [f"W_{gate.letter} x"] if gate.has_input else []
    if gate.recurrent:
        terms.append(f"U_{gate.letter} " + (f"({fed})" if gate.recurrent == "step" else previous(output)))
    if gate.has_bias:
        terms.append(f"b_{gate.letter}")
    return f"{gate.preactivation} = {' + '.join(terms) or '0'}"


def _programs(cell: Cell) -> str:
    return f"{program_of(cell)}\n\n{backward_program(cell)}\n"


FORMS: dict[str, Callable[[Cell], str]] = {
    "equations": equations,
    "program": _programs,
    **{form: text for driver in DRIVERS for form, text in driver.texts.items()},
    "diagram": diagram,
}
