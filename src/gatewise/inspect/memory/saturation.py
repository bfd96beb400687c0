"""How often gates saturate, and pictures of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from ...compiler.signals import flow_of
from ...equation import Cell
from ...errors import InputError
from ...pages import templates
from ..names import gate_values
from ..record import LayerRecord, Record
from ..recording import record
from ..replay import inside

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH = 0.1, 0.9
Shares: TypeAlias = "Tensor | list[Tensor]"  # (L, D, H), or a list over layers of (D, H) where their sizes differ


@dataclass(frozen=True)
class Saturation:
    """Of every gate between 0 and 1, by name, the share of steps below .1 (left) and above .9 (right).

    left, right: (L, D, H) float64; where layers differ in size a list of (D, H). steps: how many were counted.
    """

    cell: str
    left: Mapping[str, Shares]
    right: Mapping[str, Shares]
    steps: int

    def points(self, gate: str) -> Iterator[tuple[int, int, int, float, float]]:
        """(layer, direction, unit, left, right) of one gate."""
        for layer, (left, right) in enumerate(zip(self.left[gate], self.right[gate], strict=True)):
            for direction, shares in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
                for unit, (a, b) in enumerate(zip(*shares, strict=True)):
                    yield layer, direction, unit, a, b

    def to_pandas(self) -> pd.DataFrame:
        """A row for each gate, layer, direction and unit."""
        import pandas as pd

        rows = [(gate, *point) for gate in self.left for point in self.points(gate)]
        return pd.DataFrame(rows, columns=pd.Index(["gate", "layer", "direction", "unit", "left", "right"]))

    def picture(self) -> str:
        """The scatter as SVG, a panel for each gate."""

        return scatter(f"Saturation of the gates of {self.cell}", [(0, self)])

    def __str__(self) -> str:
        lines = [f"saturation of {self.cell} over {self.steps:,} steps, mean over units"]
        for gate in self.left:
            left, right = (torch.cat([one.flatten() for one in kept[gate]]).mean() for kept in (self.left, self.right))
            lines.append(f"  {gate}: {left:.1%} below {LOW}, {right:.1%} above {HIGH}")
        return "\n".join(lines)


def saturation(record: Record) -> Saturation:
    """How often every gate of a record is shut or open, for each unit.

    Karpathy, Johnson, Fei-Fei, Visualizing and Understanding Recurrent Networks, arXiv:1506.02078, section 4.2. Gates
    are those whose values lie between 0 and 1 whatever the weights are. Steps beyond a sequence's end do not count.
    Raises InputError for a cell that has no such gate, and a record without steps.
    """
    names = unit_gates(record.cell)
    if not names:
        raise InputError(f"no gate of {record.cell.name} lies between 0 and 1, so none can be shut or open")
    counted = int(record.lengths.sum())
    if not counted:
        raise InputError("the record holds no step")
    shares = {name: [_shares(found, name) for _, _, found in record.layers()] for name in names}
    left = {name: _by_layer([share[0] for share in each], record.directions) for name, each in shares.items()}
    right = {name: _by_layer([share[1] for share in each], record.directions) for name, each in shares.items()}
    return Saturation(record.cell.name, left, right, counted)


def unit_gates(cell: Cell) -> list[str]:
    """The gates whose values lie between 0 and 1, whatever the weights are."""
    bounds = flow_of(cell).bounds
    return [name for name, value in gate_values(cell).items() if bounds[value].low >= 0 and bounds[value].high <= 1]


def _shares(found: LayerRecord, name: str) -> tuple[Tensor, Tensor]:
    """(H,) below and above."""
    gate = found.gates[name][inside(found)]
    return (gate < LOW).double().mean(0), (gate > HIGH).double().mean(0)


def _by_layer(each: list[Tensor], directions: int) -> Shares:
    layers = [torch.stack(each[at : at + directions]) for at in range(0, len(each), directions)]
    return torch.stack(layers) if len({len(one[0]) for one in layers}) == 1 else layers


SIDE, GAP, TOP, LEFT = 220, 62, 64, 56  # pixels of a panel's square and around it
KEY = 150  # and of an entry of the legend
SHAPES = ("circle", "square", "diamond", "triangle")
COLOURS = 6
_MOST_POINTS = 24  # of a trail


@dataclass(frozen=True)
class Mark:
    """One unit: where it is in its panel, in pixels, the way there as a path, and what it says when pointed at."""

    x: float
    y: float
    trail: str
    shape: str
    colour: int
    tip: str


@dataclass(frozen=True)
class Panel:
    """One gate."""

    gate: str
    left: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Key:
    """What the marks of one layer in one direction look like."""

    x: int
    y: int
    shape: str
    colour: int
    words: str


def scatter(title: str, seen: Sequence[tuple[int, Saturation]]) -> str:
    """SVG of the last of what was seen, with each unit's way there. seen: (update, saturation) in order."""
    last = seen[-1][1]
    thin = max(1, -(-len(seen) // _MOST_POINTS))
    kept = [*seen[:-1:thin], seen[-1]]
    panels = [
        Panel(gate, LEFT + at * (SIDE + GAP), tuple(_marks(gate, [each for _, each in kept])))
        for at, gate in enumerate(last.left)
    ]
    places = sorted({point[:2] for gate in last.left for point in last.points(gate)})
    width = max(LEFT + len(panels) * (SIDE + GAP) - GAP + 24, int(8.4 * len(title)) + 32)
    across = (width - LEFT) // KEY
    keys = [
        Key(LEFT + at % across * KEY, TOP + SIDE + 64 + at // across * 20, *_style(*place), _words(*place))
        for at, place in enumerate(places if len(places) > 1 else [])
    ]
    height = keys[-1].y + 20 if keys else TOP + SIDE + 48
    template = templates(__package__ or "").get_template("scatter.svg.j2")
    return template.render(title=title, panels=panels, keys=keys, width=width, height=height, side=SIDE, top=TOP)


def _marks(gate: str, seen: Sequence[Saturation]) -> list[Mark]:
    ways = list(zip(*(each.points(gate) for each in seen), strict=True))
    found: list[Mark] = []
    for way in ways:
        layer, direction, unit, left, right = way[-1]
        path = [f"{_across(a):.1f} {_up(b):.1f}" for *_, a, b in way]
        tip = f"{_words(layer, direction)}, unit {unit}: {left:.0%} of steps below .1, {right:.0%} above .9"
        trail = "M" + "L".join(path) if len(path) > 1 else ""
        found.append(Mark(_across(left), _up(right), trail, *_style(layer, direction), tip))
    return found


def _across(share: float) -> float:
    return share * SIDE


def _up(share: float) -> float:
    return (1.0 - share) * SIDE


def _style(layer: int, direction: int) -> tuple[str, int]:
    """Shape and colour: either tells places apart."""
    number = 2 * layer + direction
    return SHAPES[number % len(SHAPES)], number % COLOURS


def _words(layer: int, direction: int) -> str:
    return f"layer {layer}" + (", backward" if direction else "")


class _Training(Protocol):
    """What is read of a trainer."""

    module: nn.Module
    step: int


class SaturationTrail:
    """A callback of a trainer that looks at the gates' saturation on the same input again and again.

    x, hx, lengths, of: as of :func:`gatewise.record`. every: how many updates lie between two looks. seen: (update,
    saturation) in order. The model is looked at in eval mode and left as it was.
    """

    def __init__(self, x: Any, *, every: int = 100, hx: Any = None, lengths: Any = None, of: str = "") -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"every={every!r} is not a number of updates", hint="give 1 to look after each")
        self._given: dict[str, Any] = {"x": x, "hx": hx, "lengths": lengths, "of": of}
        self.every = every
        self.seen: list[tuple[int, Saturation]] = []

    def around_run(self, trainer: _Training) -> Any:
        """Looks once before the first update."""
        if not self.seen:
            self.look(trainer.module, trainer.step)
        return _nothing()

    def after_step(self, trainer: _Training) -> None:
        """Looks where it is time to."""
        if trainer.step % self.every == 0:
            self.look(trainer.module, trainer.step)

    def after_epoch(self, trainer: _Training) -> None:
        """Passes over the data mean nothing to it."""

    def look(self, module: nn.Module, step: int) -> None:
        """Add what there is to see now. step: of how many updates it is the result."""
        with _in_use(module):
            self.seen.append((step, saturation(record(module, **self._given))))

    def picture(self) -> str:
        """The scatter of the last look as SVG, with each unit's way there. Raises InputError before the first."""

        if not self.seen:
            raise InputError("nothing has been seen yet", hint="give it to a trainer, or call look(module, step)")
        last = self.seen[-1]
        return scatter(f"Saturation of the gates of {last[1].cell} after {last[0]:,} updates", self.seen)

    def state_dict(self) -> dict[str, Any]:
        """What was seen."""
        return {"seen": [{"step": step, **_plain(each)} for step, each in self.seen]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.seen = []
        for kept in state["seen"]:
            fields = {name: kept[name] for name in ("cell", "left", "right", "steps")}
            self.seen.append((kept["step"], Saturation(**fields)))


def _plain(each: Saturation) -> dict[str, Any]:
    return {"cell": each.cell, "left": dict(each.left), "right": dict(each.right), "steps": each.steps}


@contextmanager
def _nothing() -> Generator[None]:
    yield


@contextmanager
def _in_use(module: nn.Module) -> Generator[None]:
    """The module in eval mode, each part back in its own afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
