"""The page of a comparison: one table, one picture, one sentence, and all conditions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ...pages import templates
from ...pages.axes import Scale, log_ticks, number_ticks, value_scale
from ...pages.figure import Dot, Figure, Key, Path
from ...pages.marks import line, series, shape
from ...words import UNDEFINED, capital, count, sentence
from .document import columns, conditions, size
from .measure import Floats
from .result import Entry, Results, pareto
from .verdict import microseconds, verdict

if TYPE_CHECKING:
    from jinja2 import Template

_LARGEST = 2.6
"""How much larger than usual the dot is of the model with the largest state."""
_AIR = 0.15  # of a power of ten, left free at either end of the times


@dataclass(frozen=True)
class Row:
    """A line of the table. style: that of its dot, or "". cells: the first is the model's name."""

    style: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What the page shows, as text."""

    source: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    picture: Figure
    conditions: tuple[str, ...]
    sizes: tuple[tuple[str, str], ...]
    rates: tuple[str, ...]
    losses: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    command: str
    version: str


def render(results: Results) -> str:
    """The page as HTML text."""
    heads, cells = zip(*columns(results), strict=True)
    styles = [series(place) for place, _ in enumerate(results.networks)] + [""] * len(results.floors)
    rows = (Row(style, row) for style, row in zip(styles, zip(*cells, strict=True), strict=True))
    report = Report(
        results.source,
        verdict(results),
        _facts(results),
        heads,
        tuple(rows),
        picture(results),
        conditions(results),
        tuple((entry.name, entry.described) for entry in results.networks),
        tuple(f"{rate:g}" for rate in results.conditions.rates),
        tuple(_losses(entry) for entry in results.networks),
        results.notes,
        results.command,
        results.version,
    )
    return _template().render(report=report)


@cache
def _template() -> Template:
    environment = templates(__package__ or "")
    environment.filters["sentence"] = sentence
    return environment.get_template("comparison.html.j2")


def _facts(results: Results) -> tuple[tuple[str, str], ...]:
    same = results.conditions
    trained = f"{same.seconds:.1f} s" if same.seconds is not None else count(same.updates or 0, "update")
    return (
        ("Task", results.task),
        ("Models", str(len(results.networks))),
        ("Test items", f"{results.best.scores.shape[1]:,}"),
        ("Seeds", str(same.seeds)),
        ("Parameters", f"about {same.parameters:,}"),
        ("Each training", trained),
        ("In all", f"{results.seconds / 60:.1f} min"),
    )


def _losses(entry: Entry) -> tuple[str, ...]:
    """The name, and the validation loss by learning rate."""
    assert entry.training is not None
    losses = entry.training.validation.values()
    return entry.name, *(f"{loss:.4f}" if np.isfinite(loss) else UNDEFINED for loss in losses)


def picture(results: Results) -> Figure:
    """Scores against the time of a step, with the front of those that nothing surpasses in both, and the floor."""
    networks, measure = results.networks, results.measure
    times, scores = np.log10([_time(entry) for entry in networks]), np.array([entry.score for entry in networks])
    floor = results.floors[0]
    across = Scale(float(times.min()) - _AIR, float(times.max()) + _AIR)
    up = value_scale([scores, [floor.score]])
    if not measure.higher:
        up = Scale(up.low, up.high)  # better stands higher
    dots = [
        Dot(x, y, series(place), shape(place), _tip(results, entry), bulk)
        for place, (entry, x, y, bulk) in enumerate(
            zip(networks, across(times).tolist(), up(scores).tolist(), _bulks(networks), strict=True)
        )
    ]
    keys = [Key(series(place), f"{entry.name}, {_kept(entry)}", shape(place)) for place, entry in enumerate(networks)]
    front = pareto(times, scores if measure.higher else -scores)
    return Figure(
        title=f"{capital(measure.name)} against microseconds a step",
        description=_described(results, [networks[at].name for at in front]),
        x_ticks=log_ticks(across),
        y_ticks=number_ticks(up),
        paths=(
            _level(float(up(floor.score)), "floor"),
            line(across(times[front]), up(scores[front]), "front"),
        ),
        dots=tuple(dots),
        legend=(*keys, Key("front", "front"), Key("floor", floor.name)),
        height=340,
        upright_grid=True,
    )


def _level(at: float, style: str) -> Path:
    """A line across the whole frame."""
    return line(np.array([0.0, 100.0]), np.array([at, at]), style)


def _bulks(networks: tuple[Entry, ...]) -> Floats:
    """How much larger than usual each dot is, by the logarithm of its state."""
    logs = np.log([max(1, _state(entry)) for entry in networks])
    reach = float(np.ptp(logs)) or 1.0
    return 1 + (_LARGEST - 1) * (logs - logs.min()) / reach


def _described(results: Results, front: list[str]) -> str:
    measure = results.measure
    better = "more" if measure.higher else "less"
    unit = f" in {measure.unit}" if not measure.sign else ""
    return (
        f"Up is {better} {measure.name}{unit}, left is faster, on a logarithmic scale; the larger the dot, the more "
        f"bytes of state. Nothing is both better and faster than what the line joins: {', '.join(front)}."
    )


def _tip(results: Results, entry: Entry) -> str:
    return f"{entry.name}: {results.measure.shown(entry.score)}, {microseconds(entry)} \u00b5s a step, {_kept(entry)}"


def _kept(entry: Entry) -> str:
    assert entry.size is not None
    grows = f" after {entry.size.steps:,} steps" if entry.size.growth else ""
    return f"{size(entry.size.state)} of state{grows}"


def _state(entry: Entry) -> int:
    assert entry.size is not None
    return entry.size.state


def _time(entry: Entry) -> float:
    assert entry.speed is not None
    return entry.speed.median
