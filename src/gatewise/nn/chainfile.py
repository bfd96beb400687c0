"""The file of a chain: its parts with their arguments, and their weights; no code in it, and no data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ..cells import CELLS
from ..container import Container
from ..equation import Cell
from ..errors import InputError, ModelFileError
from .maps import MAPS, Standardize
from .recurrent import Recurrent

FILE = Container(
    key="gatewise-chain",
    noun="gatewise chain",
    format=1,
    error=ModelFileError,
    again="save the chain anew",
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
