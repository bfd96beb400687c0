"""How often gates saturate, and pictures of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from ...compiler.signals import flow_of
from ...equation import Cell
from ...errors import InputError
from ...pages import templates
from ...pages.axes import Scale, percent_ticks
from ...pages.figure import Dot, Figure, Path
from ...pages.marks import line, series, shape
from ..names import gate_values
from ..recorded_run import record
from ..records import LayerRecord, Record
from ..replay import inside

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH = 0.1, 0.9
Shares: TypeAlias = "Tensor | list[Tensor]"  # (L, D, H), or a list over layers of (D, H) where their sizes differ


@dataclass(frozen=True)
class Saturation:
    """How often each gate that lies between 0 and 1 was shut (below .1) or open (above .9).

    Attributes:
        cell: Name of the cell.
        left: By gate, the share of steps below .1, (L, D, H) float64; where layers differ in size a list of (D, H).
        right: By gate, the share of steps above .9, likewise.
        steps: How many steps were counted.
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
        """A table of left and right, with a row for each gate, layer, direction and unit."""
        import pandas as pd

        rows = [(gate, *point) for gate in self.left for point in self.points(gate)]
        return pd.DataFrame(rows, columns=pd.Index(["gate", "layer", "direction", "unit", "left", "right"]))

    def picture(self) -> str:
        """The scatter of left and right as one self-contained SVG, a square for each gate."""
        return scatter(f"Saturation of the gates of {self.cell}", [(0, self)])

    def __str__(self) -> str:
        lines = [f"saturation of {self.cell} over {self.steps:,} steps, mean over units"]
        for gate in self.left:
            left, right = (torch.cat([one.flatten() for one in side[gate]]).mean() for side in (self.left, self.right))
            lines.append(f"  {gate}: {left:.1%} below {LOW}, {right:.1%} above {HIGH}")
        return "\n".join(lines)


def saturation(record: Record) -> Saturation:
    """How often every gate of a record is shut or open, for each unit.

    Gates are those whose values lie between 0 and 1 whatever the weights are. Steps beyond a sequence's end do not
    count.

    Args:
        record: The record of a run.

    Returns:
        The shares of steps.

    Raises:
        InputError: The cell has no such gate, or the record no step.

    Source:
        Karpathy, Johnson, Fei-Fei, Visualizing and Understanding Recurrent Networks, arXiv:1506.02078, section 4.2.
    """
    names = unit_gates(record.cell)
    if not names:
        raise InputError(f"no gate of {record.cell.name} lies between 0 and 1, so none can be shut or open")
    counted = int(record.lengths.sum())
    if not counted:
        raise InputError("the record holds no step")
    shares = {name: [_shares(layer, name) for _, _, layer in record.layers()] for name in names}
    left = {name: _by_layer([share[0] for share in layers], record.directions) for name, layers in shares.items()}
    right = {name: _by_layer([share[1] for share in layers], record.directions) for name, layers in shares.items()}
    return Saturation(record.cell.name, left, right, counted)


def unit_gates(cell: Cell) -> list[str]:
    """The gates whose values lie between 0 and 1, whatever the weights are."""
    bounds = flow_of(cell).bounds
    return [name for name, value in gate_values(cell).items() if bounds[value].low >= 0 and bounds[value].high <= 1]


def _shares(record: LayerRecord, name: str) -> tuple[Tensor, Tensor]:
    """(H,) below and above."""
    gate = record.gates[name][inside(record)]
    return (gate < LOW).double().mean(0), (gate > HIGH).double().mean(0)


def _by_layer(shares: list[Tensor], directions: int) -> Shares:
    layers = [torch.stack(shares[at : at + directions]) for at in range(0, len(shares), directions)]
    return torch.stack(layers) if len({len(one[0]) for one in layers}) == 1 else layers


_SIDE, _GAP, _TOP, _LEFT = 220, 62, 64, 56  # pixels of a gate's square and around it
_ENTRY = 150  # and of an entry of the legend
_MOST_POINTS = 24  # of a trail
_ACROSS, _UP = Scale(0, 100), Scale(0, 100, rising=True)  # percent of the steps


class _Square(NamedTuple):
    """One gate: how far from the left it is drawn, and what."""

    left: int
    figure: Figure


class _Entry(NamedTuple):
    """The dot and the name of one layer in one direction, in the legend."""

    x: int
    y: int
    style: str
    shape: str
    text: str


def scatter(title: str, history: Sequence[tuple[int, Saturation]]) -> str:
    """SVG of the last saturation of a history, with each unit's way there. history: (update, saturation) in order."""
    last = history[-1][1]
    thinned = [*history[: -1 : max(1, -(-len(history) // _MOST_POINTS))], history[-1]]
    squares = [
        _Square(_LEFT + at * (_SIDE + _GAP), _figure(gate, [saturation for _, saturation in thinned]))
        for at, gate in enumerate(last.left)
    ]
    layers = sorted({point[:2] for gate in last.left for point in last.points(gate)})
    width = max(_LEFT + len(squares) * (_SIDE + _GAP) - _GAP + 24, int(8.4 * len(title)) + 32)
    entries = _entries(layers, (width - _LEFT) // _ENTRY) if len(layers) > 1 else []
    height = entries[-1].y + 20 if entries else _TOP + _SIDE + 48
    return (
        templates(__package__ or "")
        .get_template("scatter.svg.j2")
        .render(title=title, squares=squares, entries=entries, width=width, height=height, side=_SIDE, top=_TOP)
    )


def _entries(layers: Sequence[tuple[int, int]], columns: int) -> list[_Entry]:
    return [
        _Entry(_LEFT + at % columns * _ENTRY, _TOP + _SIDE + 64 + at // columns * 20, *_style(*layer), _words(*layer))
        for at, layer in enumerate(layers)
    ]


def _figure(gate: str, history: Sequence[Saturation]) -> Figure:
    """A square whose sides are 0 to 100 percent, with a dot for each unit and its way there."""
    paths, dots = [Path("M0 0V1000", "axis"), Path("M0 0L1000 1000", "edge")], list[Dot]()
    for points in zip(*(saturation.points(gate) for saturation in history), strict=True):
        layer, direction, unit, left, right = points[-1]
        colour, form = _style(layer, direction)
        x, y = _ACROSS([100 * point[3] for point in points]), _UP([100 * point[4] for point in points])
        if len(points) > 1:
            paths.append(line(x, y, f"trail {colour}"))
        tip = f"{_words(layer, direction)}, unit {unit}: {left:.0%} of steps below .1, {right:.0%} above .9"
        dots.append(Dot(float(x[-1]), float(y[-1]), colour, form, tip))
    ticks = percent_ticks(_ACROSS, 50), percent_ticks(_UP, 50)
    return Figure(gate, "", *ticks, tuple(paths), tuple(dots), upright_grid=True)


def _style(layer: int, direction: int) -> tuple[str, str]:
    """Colour and shape: either tells layers and directions apart."""
    number = 2 * layer + direction
    return series(number), shape(number)


def _words(layer: int, direction: int) -> str:
    return f"layer {layer}" + (", backward" if direction else "")


class _Training(Protocol):
    """The part of a trainer that is read."""

    module: nn.Module
    step: int


class SaturationTrail:
    """A callback for a trainer that measures the gates' saturation on the same input every few updates.

    The model is measured in eval mode, and left as it was.

    Args:
        x: The input that the model is called with.
        every: How many updates lie between two measurements.
        hx: Initial states that the model is called with, if given.
        lengths: Lengths of the sequences that the model is called with, if given.
        of: The name of the recurrent layer in the model, where it has several.

    Attributes:
        seen: (update, saturation) of every measurement, in order.

    Raises:
        InputError: ``every`` is not a positive whole number.
    """

    def __init__(self, x: Any, *, every: int = 100, hx: Any = None, lengths: Any = None, of: str = "") -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"every={every!r} is not a number of updates", hint="give 1 to measure after each")
        self._call: dict[str, Any] = {"x": x, "hx": hx, "lengths": lengths, "of": of}
        self.every = every
        self.seen: list[tuple[int, Saturation]] = []

    def around_run(self, trainer: _Training) -> Any:
        """Measure once before the first update."""
        if not self.seen:
            self.measure(trainer.module, trainer.step)
        return _nothing()

    def after_step(self, trainer: _Training) -> None:
        """Measure after every ``every`` updates."""
        if trainer.step % self.every == 0:
            self.measure(trainer.module, trainer.step)

    def after_epoch(self, trainer: _Training) -> None:
        """Nothing: updates are counted, not passes over the data."""

    def measure(self, module: nn.Module, step: int) -> None:
        """Measure now, and add the result to ``seen``.

        Args:
            module: The model, or the recurrent layer itself.
            step: How many updates it has had.

        Raises:
            InputError: As `saturation` and `gatewise.record`.
        """
        with _in_use(module):
            self.seen.append((step, saturation(record(module, **self._call))))

    def picture(self) -> str:
        """The scatter of the last measurement as SVG, with each unit's way there.

        Raises:
            InputError: Nothing has been measured.
        """
        if not self.seen:
            raise InputError("nothing has been measured yet", hint="give it to a trainer, or call measure()")
        last = self.seen[-1]
        return scatter(f"Saturation of the gates of {last[1].cell} after {last[0]:,} updates", self.seen)

    def state_dict(self) -> dict[str, Any]:
        """The measurements, to continue from."""
        return {"seen": [{"step": step, **_plain(saturation)} for step, saturation in self.seen]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.seen = []
        for entry in state["seen"]:
            fields = {name: entry[name] for name in ("cell", "left", "right", "steps")}
            self.seen.append((entry["step"], Saturation(**fields)))


def _plain(saturation: Saturation) -> dict[str, Any]:
    return {
        "cell": saturation.cell,
        "left": dict(saturation.left),
        "right": dict(saturation.right),
        "steps": saturation.steps,
    }


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
