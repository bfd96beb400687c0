"""The kinds of models that can be compared: how each is built, and how it is given a number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
from ..translation.coder import EncoderDecoder
from ..translation.network import Rates, Sizes, TranslationNetwork
from ..translation.transformer import TranslationTransformer, Width
from .speed import Stepper, carried, streamed
from .task import Around, Stepwise, Task, Units
from .width import nearest

Size = tuple[int, ...]
Count = Callable[[Size], int]
"""The parameters of the whole network with a body of a size."""

DEFAULT = ("lstm", "gru", "rnn", "tcn", "transformer")
DROPOUT = 0.1
"""Inside convolutions and Transformers; recurrent bodies of one layer have none inside. Of translators everywhere."""
_TARGET_LAYERS = 2


@dataclass(frozen=True)
class Form:
    """How networks of one kind are built where a task's networks are built around something.

    build: that something, of what the task gives (numbers of a step, or vocabularies), a size, and the steps of the
    longest sequence. fit: the size whose count of parameters is nearest to a number. described: a size in words. steps:
    how its networks run step by step.
    """

    build: Callable[[Any, Size, int], Any]
    fit: Callable[[Count, int], Size]
    described: Callable[[Size], str]
    steps: Callable[[Stepwise], Stepper] = carried


@dataclass(frozen=True)
class Contestant:
    """A kind of model. name: as users write it. forms: by what a task's networks are built around."""

    name: str
    forms: Mapping[Around, Form]

    def network(self, task: Task, size: Size) -> nn.Module:
        """An untrained network of this kind for a task."""
        build = self.forms[task.around].build
        return task.network(lambda given: build(given, size, task.longest))


def default(around: Around) -> tuple[str, ...]:
    """Those of `DEFAULT` that can be built so, as every cell can."""
    return tuple(name for name in DEFAULT if name not in OTHERS or around in OTHERS[name].forms)


def contestants(
    models: Iterable[str] | None,
    cells: Iterable[str | Cell] = (),
    around: Around = "body",
    widths: Mapping[str, int] | None = None,
) -> tuple[Contestant, ...]:
    """The kinds that these words name, and cells of gatewise's or the user's own, as `cell_at` finds them.

    models: None for `default`. widths: how many numbers each width is that cells name; every cell takes those that it
    has.

    Raises InputError for an unknown word, for one that is named twice, for fewer than two, for one that has no such
    form, and for a width that no cell has or that cannot be.
    """
    kinds: list[Contestant | Cell] = [_named(word) for word in (default(around) if models is None else models)]
    kinds += [cell_of(cell_at(cell) if isinstance(cell, str) else cell) for cell in cells]
    told = _told([kind for kind in kinds if isinstance(kind, Cell)], widths or {})
    found = [_recurrent(kind, told[kind.name]) if isinstance(kind, Cell) else kind for kind in kinds]
    names = [one.name for one in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{twice!r} is named twice", where=argument("models"), hint="name each once")
    if len(found) < 2:
        raise InputError("a comparison needs two models", hint=f"name them in {argument('models')}")
    if without := next((one.name for one in found if around not in one.forms), None):
        hint = f"choose from {', '.join(default(around))}, and the name of any other cell"
        raise InputError(f"there is no {around} made of {without!r}", where=argument("models"), hint=hint)
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
    """One layer of a cell that reads forwards; of translators, an encoder's layer both ways and two of a decoder.

    widths: told to it; H makes up the parameters.
    """
    beside, options = "".join(f", {name} {width}" for name, width in widths.items()), {"widths": widths}

    def body(inputs: int, size: Size, longest: int) -> Body:
        return recurrent_body(cell, inputs, *size, options=options, longest=longest)

    def translator(units: Units, size: Size, longest: int) -> EncoderDecoder:
        sizes = Sizes(units.source, units.target, *size, encoder_layers=1, decoder_layers=_TARGET_LAYERS)
        return TranslationNetwork(cell, sizes, Rates(DROPOUT), options)

    forms: dict[Around, Form] = {
        "body": Form(body, _one_number, lambda size: f"{size[0]} units{beside}", streamed),
        "translator": Form(
            translator,
            _embedded_and_hidden,
            lambda size: f"embedding {size[0]}, {size[1]} units of the decoder{beside}",
        ),
    }
    return Contestant(cell.name, forms)


def _embedded_and_hidden(count: Count, wanted: int) -> Size:
    """Embeddings of two thirds of the decoder's units, as `Translator` has by default; then units as asked for."""
    units = nearest(lambda units: count((max(1, 2 * units // 3), units)), wanted)
    embedding = max(1, 2 * units // 3)
    return embedding, nearest(lambda units: count((embedding, units)), wanted)


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


def _translating_transformer(units: Units, size: Size, longest: int) -> EncoderDecoder:
    return TranslationTransformer(Width(*units, *size), DROPOUT)


def _in_heads(count: Count, wanted: int) -> Size:
    """The widest whose feed-forward part is at least twice as wide, and that part as wide as the number asks for."""
    each = nearest(lambda each: count((each * HEADS, 2 * each * HEADS)), wanted)
    width = HEADS * max(1, each - (count((each * HEADS, 2 * each * HEADS)) > wanted))
    return width, nearest(lambda feedforward: count((width, feedforward)), wanted)


def _two_widths(size: Size) -> str:
    return f"width {size[0]}, feed-forward {size[1]}"


OTHERS = {
    "tcn": Contestant("tcn", {"body": Form(_convolutions, _one_number, lambda size: f"{size[0]} channels in all")}),
    "transformer": Contestant(
        "transformer",
        {
            "body": Form(_transformer, _in_heads, _two_widths),
            "translator": Form(_translating_transformer, _in_heads, _two_widths),
        },
    ),
}
"""Those that are no cell, by name."""
