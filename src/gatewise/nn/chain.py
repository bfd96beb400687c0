"""A whole model that goes step by step, and the file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ..cells import CELLS
from ..container import Container
from ..equation import Cell
from ..errors import InputError, ModelFileError, ShapeError
from .from_torch import from_torch, is_from_torch
from .maps import MAPS, Standardize
from .recurrent import Recurrent
from .rowwise import apply

FILE = Container(
    key="gatewise-chain",
    noun="gatewise chain",
    format=1,
    error=ModelFileError,
    again="save the chain again",
    source="give a file written by Chain.save",
)

Record = Mapping[str, Any]


def store(path: str | Path, parts: Sequence[nn.Module], tensors: Mapping[str, Tensor]) -> None:
    """Write the parts of a chain and what ``state_dict`` gives. Raises InputError for a part that no file can hold."""
    records = [_described(part, f"part {at}") for at, part in enumerate(parts)]
    kept = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    FILE.write(path, kept, {"parts": records})


def stored(path: str | Path, cells: Iterable[Cell], make: Callable[..., nn.Module]) -> nn.Module:
    """What ``make`` makes of the parts in a file, with the weights in it."""
    tensors, record = FILE.read(path)
    with FILE.understood(path, "its parts do not describe a chain"):
        with torch.device("meta"):
            chain = make(*_parts(record["parts"], {cell.name: cell for cell in cells}, len(tensors)))
        chain.load_state_dict(tensors, assign=True)
    return chain.eval()


def _described(part: nn.Module, where: str) -> dict[str, Any]:
    """A part as JSON holds it."""
    kind = type(part)
    plain = kind.forward is Recurrent.forward if isinstance(part, Recurrent) else kind in _KINDS.values()
    if not plain or is_parametrized(part):
        what = f"a {kind.__name__} is code of its own, which no file holds"
        raise InputError(what, where=where, hint="save its state_dict, or put a plain module in its place")
    if isinstance(part, Recurrent):
        own = part.given_cell is not CELLS.get(part.given_cell.name)
        told = {"cell": part.given_cell.name, "own": own, "allow_nonfinite": part.allow_nonfinite}
        return {"part": Recurrent.__name__, **told, "arguments": part.arguments}
    return {"part": kind.__name__, "arguments": {} if kind not in _TOLD else _TOLD[kind](part)}


_TOLD: Mapping[type[nn.Module], Callable[[Any], dict[str, Any]]] = {
    nn.Linear: lambda part: {
        "in_features": part.in_features,
        "out_features": part.out_features,
        "bias": part.bias is not None,
    },
    nn.LayerNorm: lambda part: {
        "normalized_shape": list(part.normalized_shape),
        "eps": part.eps,
        "elementwise_affine": part.elementwise_affine,
        "bias": part.bias is not None,
    },
    nn.Dropout: lambda part: {"p": part.p},
    **dict.fromkeys(
        (kind for kind in MAPS if issubclass(kind, Standardize)), lambda part: {"features": len(part.mean)}
    ),
}
"""The arguments of parts that have some."""

_KINDS: Mapping[str, type[nn.Module]] = {kind.__name__: kind for kind in (nn.Linear, *MAPS)}


def _parts(records: list[Record], cells: Mapping[str, Cell], most: int) -> list[nn.Module]:
    """The parts without their numbers. most: layers that the file can hold weights of."""
    return [_recurrent(each, cells, most) if each["part"] == Recurrent.__name__ else _map(each) for each in records]


def _recurrent(record: Record, cells: Mapping[str, Cell], most: int) -> Recurrent:
    name, arguments = str(record["cell"]), dict(record["arguments"])
    known = cells if record["own"] else {**CELLS, **cells}
    if name not in known:
        raise ModelFileError(
            f"it holds the cell {name!r}, which is none of gatewise's own", hint=f"give it: load(path, cells=[{name}])"
        )
    if int(arguments["num_layers"]) > most:
        raise InputError(f"{arguments['num_layers']} layers, and {most} weights")
    found = Recurrent(known[name], **arguments)
    if record["allow_nonfinite"]:
        found.allow_nonfinite = True
    return found


def _map(record: Record) -> nn.Module:
    if record["part"] not in _KINDS:
        raise InputError(f"a part {str(record['part'])[:40]!r}")
    kind, arguments = _KINDS[record["part"]], dict(record["arguments"])
    if issubclass(kind, Standardize):
        with torch.device("cpu"):  # it looks at its numbers
            ones = torch.ones(int(arguments["features"]))
            return kind(ones, ones)
    return kind(**arguments)


class Sizes(NamedTuple):
    """Features of one step, in and out."""

    inputs: int
    outputs: int


def sizes_of(part: nn.Module) -> Sizes | None:
    """Those of a part of a chain; None for one that takes any and keeps how many there are."""
    if isinstance(part, Recurrent):
        return Sizes(part.input_size, part.output_size)
    if isinstance(part, nn.Linear):
        return Sizes(part.in_features, part.out_features)
    if isinstance(part, Standardize):
        return Sizes(len(part.mean), len(part.mean))
    if isinstance(part, nn.LayerNorm):
        return Sizes(part.normalized_shape[-1], part.normalized_shape[-1])
    return None


class Chain(nn.Module):
    """Modules one after another; what :func:`gatewise.stream` carries on step by step and the exporters take.

    parts: recurrent modules, ours or ``torch.nn.LSTM``, ``GRU``, ``RNN`` (whose weights are then shared), and between
    them ``nn.Linear``, ``nn.LayerNorm``, ``nn.Tanh``, ``nn.Sigmoid``, ``nn.ReLU``, ``nn.LogSigmoid``, ``nn.Identity``,
    ``nn.Dropout``, :class:`Standardize` and :class:`Unstandardize`::

        model = Chain(Standardize(mean, scale), LSTM(3, 16, 2), nn.Linear(16, 1))
        y, state = model(x)

    Raises InputError for other modules, by name, and ShapeError for parts that do not fit together.
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_part(part, f"part {at}") for at, part in enumerate(parts))
        if not len(self.parts):
            raise InputError("a chain of no parts", hint="give a recurrent module at least")
        _check_sizes(self.parts)
        if len({part.batch_first for part in self.recurrent}) > 1:
            raise InputError("some parts are batch_first and others are not", hint="make all the same")

    @property
    def input_size(self) -> int:
        """I, how many numbers a step reads. Raises InputError where no part says it."""
        for part in self.parts:
            if (sizes := sizes_of(part)) is not None:
                return sizes.inputs  # those before it keep the width
        raise InputError("no part of the chain says how many features its input has", hint=_NO_SIZE)

    @property
    def recurrent(self) -> list[Recurrent]:
        """The parts that have states."""
        return [part for part in self.parts if isinstance(part, Recurrent)]

    def forward(self, x: Tensor, hx: Sequence[Any] | None = None, *, lengths: Any = None) -> tuple[Tensor, list[Any]]:
        """Run over a sequence.

        x: (T, B, I), (B, T, I) where parts are ``batch_first``, or (T, I). hx: for each recurrent part the state that
        it takes. lengths: as of :class:`Recurrent`; outputs beyond are of no meaning.
        Returns the outputs, formed like x, and the list of the last states.
        """
        given = [None] * len(self.recurrent) if hx is None else list(hx)
        if len(given) != len(self.recurrent):
            raise ShapeError(f"expected {len(self.recurrent)} states, one for each recurrent part, got {len(given)}")
        last: list[Any] = []
        for part in self.parts:
            if isinstance(part, Recurrent):
                x, state = part(x, given[len(last)], lengths=lengths)
                last.append(state)
            else:
                x = apply(part, x)
        return x, last

    def save(self, path: str | Path) -> None:
        """Write parts and weights to one file, safetensors with a checksum.

        Raises InputError for a part with a forward of its own or a parametrisation, and then writes nothing.
        """
        store(path, list(self.parts), self.state_dict())

    @classmethod
    def load(cls, path: str | Path, *, cells: Iterable[Cell] = ()) -> Self:
        """The chain that :meth:`save` wrote, on the CPU and in evaluation mode.

        cells: those in it that are none of gatewise's own. Raises ModelFileError for a file that is damaged, foreign or
        too new; nothing in it is executed.
        """
        return cast("Self", stored(path, cells, cls))


_NO_SIZE = "add a linear or recurrent part"


def _check_sizes(parts: Iterable[nn.Module]) -> None:
    width: int | None = None
    for at, part in enumerate(parts):
        if (sizes := sizes_of(part)) is not None:
            if width not in (None, sizes.inputs):
                raise ShapeError(
                    f"a {type(part).__name__} of {sizes.inputs} features follows what gives {width}", where=f"part {at}"
                )
            width = sizes.outputs


def _part(module: nn.Module, name: str) -> nn.Module:
    """What stands for a module in a chain. Raises InputError where nothing can."""
    if is_from_torch(module):
        return from_torch(module)
    if isinstance(module, Recurrent | nn.Linear) or type(module) in MAPS:
        return module
    known = ", ".join(kind.__name__ for kind in (nn.Linear, *MAPS))
    raise InputError(f"a {type(module).__name__} is no part of a chain", where=name, hint=f"recurrent modules, {known}")
