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
    """Those of `DEFAULT` that can be built so."""
    return tuple(name for name in DEFAULT if around in _named(name).forms)


def contestants(
    models: Iterable[str] | None, cells: Iterable[str | Cell] = (), around: Around = "body"
) -> tuple[Contestant, ...]:
    """The kinds that these words name, and cells of gatewise's or the user's own, as `cell_at` finds them.

    models: None for `default`. Raises InputError for an unknown word, for one that is named twice, for fewer than two,
    and for one that has no such form.
    """
    found = [_named(word) for word in (default(around) if models is None else models)]
    found += [_recurrent(cell_of(cell_at(cell) if isinstance(cell, str) else cell)) for cell in cells]
    names = [one.name for one in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{twice!r} is named twice", where=argument("models"), hint="name each once")
    if len(found) < 2:
        raise InputError("a comparison needs two models", hint=f"name them in {argument('models')}")
    if without := next((one.name for one in found if around not in one.forms), None):
        hint = f"choose from {', '.join(default(around))}, and the name of any other cell"
        raise InputError(f"there is no {around} made of {without!r}", where=argument("models"), hint=hint)
    return tuple(found)


def _named(word: str) -> Contestant:
    plain = word.strip().lower()
    if plain in OTHERS:
        return OTHERS[plain]
    if plain in CELLS:
        return _recurrent(cell_of(CELLS[plain]))
    hint = f"choose from {', '.join(DEFAULT)}, and the name of any other cell"
    raise InputError(f"there is no model {word!r}", where=argument("models"), hint=hint)


def _recurrent(cell: Cell) -> Contestant:
    """One layer of a cell that reads forwards; of translators, an encoder's layer both ways and two of a decoder."""

    def body(inputs: int, size: Size, longest: int) -> Body:
        return recurrent_body(cell, inputs, *size, longest=longest)

    def translator(units: Units, size: Size, longest: int) -> EncoderDecoder:
        sizes = Sizes(units.source, units.target, *size, encoder_layers=1, decoder_layers=_TARGET_LAYERS)
        return TranslationNetwork(cell, sizes, Rates(DROPOUT), {})

    forms: dict[Around, Form] = {
        "body": Form(body, _one_number, lambda size: f"{size[0]} units", streamed),
        "translator": Form(
            translator, _embedded_and_hidden, lambda size: f"embedding {size[0]}, {size[1]} units of the decoder"
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
