"""The kinds of models that can be compared: how each is built, and how it is given a number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from ...cells import CELLS
from ...equation import Cell
from ...errors import InputError, argument
from ...lookup import cell_at
from ...nn.options import check_widths
from ..arguments import cell_of
from ..bodies import Body, CausalTransformer, TemporalConvolutions
from ..bodies.convolutions import blocks_for
from ..bodies.transformer import HEADS
from ..sequence.network import recurrent_body
from .speed import Stepper, carried, streamed
from .task import Stepwise, Task
from .width import nearest

Size = tuple[int, ...]
Count = Callable[[Size], int]
"""The parameters of the whole network with a body of a size."""

DEFAULT = ("lstm", "gru", "rnn", "tcn", "transformer")
DROPOUT = 0.1
"""Inside convolutions and Transformers; recurrent networks of one layer have none inside."""


@dataclass(frozen=True)
class Contestant:
    """A kind of model.

    name: as users write it. build: a body that reads so many numbers, of a size, for sequences of so many steps. fit:
    the size whose count of parameters is nearest to a number. described: a size in words. steps: how its networks run
    step by step.
    """

    name: str
    build: Callable[[int, Size, int], Body]
    fit: Callable[[Count, int], Size]
    described: Callable[[Size], str]
    steps: Callable[[Stepwise], Stepper]

    def network(self, task: Task, size: Size) -> nn.Module:
        """An untrained network of this kind for a task."""
        return task.network(lambda inputs: self.build(inputs, size, task.longest))


def contestants(
    models: Iterable[str], cells: Iterable[str | Cell] = (), widths: Mapping[str, int] | None = None
) -> tuple[Contestant, ...]:
    """The kinds that these words name, and cells of gatewise's or the user's own, as `cell_at` finds them.

    widths: how many numbers each width is that cells name; every cell takes those that it has.

    Raises InputError for an unknown word, for one that is named twice, for fewer than two, and for a width that no cell
    has or that cannot be.
    """
    kinds: list[Contestant | Cell] = [_named(word) for word in models]
    kinds += [cell_of(cell_at(cell) if isinstance(cell, str) else cell) for cell in cells]
    told = _told([kind for kind in kinds if isinstance(kind, Cell)], widths or {})
    found = [_recurrent(kind, told[kind.name]) if isinstance(kind, Cell) else kind for kind in kinds]
    names = [one.name for one in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{twice!r} is named twice", where=argument("models"), hint="name each once")
    if len(found) < 2:
        raise InputError("a comparison needs two models", hint=f"name them in {argument('models')}")
    return tuple(found)


def _told(cells: Iterable[Cell], widths: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """By the name of each cell, those of the widths that it has."""
    cells = tuple(cells)
    known = {name for cell in cells for name in cell.named_widths}
    if unknown := next((name for name in widths if name not in known), None):
        hint = f"widths that they name: {', '.join(sorted(known)) or 'none'}"
        raise InputError(f"no cell here has a width {unknown!r}", where=argument("widths"), hint=hint)
    told = {cell.name: {name: n for name, n in widths.items() if name in cell.named_widths} for cell in cells}
    for cell in cells:
        check_widths(cell, told[cell.name])
    return told


def _named(word: str) -> Contestant | Cell:
    plain = word.strip().lower()
    if plain in OTHERS:
        return OTHERS[plain]
    if plain in CELLS:
        return cell_of(CELLS[plain])
    hint = f"choose from {', '.join(DEFAULT)}, and the name of any other cell"
    raise InputError(f"there is no model {word!r}", where=argument("models"), hint=hint)


def _recurrent(cell: Cell, widths: Mapping[str, int]) -> Contestant:
    """One layer of a cell that reads forwards. widths: told to it; H makes up the parameters."""
    beside = "".join(f", {name} {width}" for name, width in widths.items())

    def build(inputs: int, size: Size, longest: int) -> Body:
        return recurrent_body(cell, inputs, *size, options={"widths": widths}, longest=longest)

    return Contestant(cell.name, build, _one_number, lambda size: f"{size[0]} units{beside}", streamed)


def _one_number(count: Count, wanted: int) -> Size:
    return (nearest(lambda width: count((width,)), wanted),)


def _convolutions(inputs: int, size: Size, longest: int) -> Body:
    """size: numbers between the two convolutions of all blocks together, spread over them as evenly as can be."""
    (total,), blocks = size, blocks_for(longest)
    middle = [total // blocks + (block < total % blocks) for block in range(blocks)]
    return TemporalConvolutions(inputs, max(1, total // blocks), [max(1, width) for width in middle], DROPOUT)


def _transformer(inputs: int, size: Size, longest: int) -> Body:
    width, feedforward = size
    return CausalTransformer(inputs, width, feedforward, dropout=DROPOUT)


def _transformer_size(count: Count, wanted: int) -> Size:
    """The widest whose feed-forward part is at least twice as wide, and that part as wide as the number asks for."""
    heads = nearest(lambda heads: count((heads * HEADS, 2 * heads * HEADS)), wanted)
    width = HEADS * max(1, heads - (count((heads * HEADS, 2 * heads * HEADS)) > wanted))
    return width, nearest(lambda feedforward: count((width, feedforward)), wanted)


OTHERS = {
    "tcn": Contestant("tcn", _convolutions, _one_number, lambda size: f"{size[0]} channels in all", carried),
    "transformer": Contestant(
        "transformer",
        _transformer,
        _transformer_size,
        lambda size: f"width {size[0]}, feed-forward {size[1]}",
        carried,
    ),
}
"""Those that are no cell, by name."""
