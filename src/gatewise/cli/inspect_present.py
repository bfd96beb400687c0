"""What was seen, for a reader at a terminal; without colour it says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..escape import visible
from ..inspect.explain.explanation import Explanation, Inside, LayerView, Refused, Sum
from ..inspect.memory.saturation import HIGH, LOW
from ..inspect.subject import Subject

_FEW = 5
_DIRECTIONS = ("forward", "backward")


class Share(NamedTuple):
    """A part of a sum, with its name."""

    name: str
    number: float


def present(inside: Inside, console: Console, layer: int | None = None) -> None:
    """Print what the model is, what its gates do, how long it remembers, and what made the chosen output.

    layer: which one's gates and memory, counted from 0; by default the last, which the model reads.
    """
    _head(inside, console)
    shown = inside.record.module.num_layers - 1 if layer is None else layer
    for place in inside.places:
        if place.layer == shown:
            _gates(inside, place, console)
            _times(place, console)
    _outputs(inside, console)
    for note in inside.notes:
        _say(console, f"\n{note}")


def _head(inside: Inside, console: Console) -> None:
    subject, module = inside.subject, inside.record.module
    sizes = module.hidden_size if isinstance(module.hidden_size, list) else [module.hidden_size]
    units = " and ".join(str(size) for size in sizes)
    ways = ", both ways" if module.bidirectional else ""
    _say(console, subject.title, "bold")
    _say(
        console,
        f"{inside.record.cell.name}, layers: {module.num_layers}, units: {units}{ways}, steps: {len(subject.steps)}",
    )
    for name, value in subject.about:
        _say(console, f"{name}: {value}")


def _gates(inside: Inside, place: LayerView, console: Console) -> None:
    shares = inside.saturation
    if shares is None:
        return
    _title(console, f"Gates, {_named(inside, place)}: mean share of steps")
    table = _table("gate", f"shut, below {LOW:g}", f"open, above {HIGH:g}")
    for gate in shares.left:
        left, right = (one[gate][place.layer][place.direction].mean() for one in (shares.left, shares.right))
        table.add_row(Text(visible(gate)), f"{100 * float(left):.1f} %", f"{100 * float(right):.1f} %")
    console.print(table)


def _times(place: LayerView, console: Console) -> None:
    scales = place.timescales
    if scales is None:
        return
    order = scales.tau.argsort(descending=True, stable=True).tolist()
    _title(console, f"How long {scales.state} remembers, in steps (tau: down to 37 %)")
    for what, units in (("longest", order[:_FEW]), ("shortest", order[-_FEW:])):
        _say(console, f"{what}: " + ", ".join(f"{scales.written(unit)} (unit {unit})" for unit in units))
    if scales.censored.any():
        _say(console, f"> marks the {int(scales.censored.sum())} units that remember longer than the sequence is.")
    if place.reach:
        _say(console, f"Beside that: {place.reach}")


def _outputs(inside: Inside, console: Console) -> None:
    chosen = inside.outputs[inside.subject.chosen]
    _title(console, f"{chosen.prediction.label}: {_value(chosen)}")
    if inside.subject.explains:
        _say(console, f"Explanation is the {inside.subject.explains.removeprefix('the ')}.")
    steps = inside.subject.steps
    _sum(console, "written in the memory at", chosen.memory, lambda view: _steps(view, steps))
    _sum(console, "given by", chosen.credit, lambda view: _inputs(view, inside.subject))
    others = [each for each in inside.outputs if each is not chosen]
    if others:
        _title(
            console, f"{len(others)} more, --output K for one of them" if len(others) > 1 else "One more, --output K"
        )
        _say(console, ", ".join(f"{each.prediction.label}: {each.prediction.value:.4g}" for each in others))
    _verdict(inside, console)


def _verdict(inside: Inside, console: Console) -> None:
    """How many sums were checked, and those that failed."""
    sums = [view for each in inside.outputs for view in each.views if isinstance(view, Sum)]
    failed = {
        view.sentence for each in inside.outputs for view in each.views if isinstance(view, Refused) and view.failed
    }
    _say(console, f"\n{len(sums)} sums were checked and hold." if not failed else "\n" + " ".join(sorted(failed)))


def _sum(console: Console, what: str, view: Sum | Refused, largest: Callable[[Sum], Iterator[Share]]) -> None:
    console.print()
    if isinstance(view, Refused):
        if view.failed:
            _say(console, view.sentence)
        return
    table = _table(what, "share")
    for name, number in [*largest(view), *_lines(view)]:
        table.add_row(Text(visible(name)), f"{number:+.4g}")
    console.print(table)
    _say(console, str(view.certificate))


def _steps(view: Sum, steps: Sequence[str]) -> Iterator[Share]:
    return _largest(zip(steps, view.by_step.sum(1).tolist(), strict=True), "all other steps")


def _inputs(view: Sum, subject: Subject) -> Iterator[Share]:
    names = (subject.named(step, place) for step in range(len(subject.steps)) for place in range(len(subject.inputs)))
    return _largest(zip(names, view.by_step.flatten().tolist(), strict=True), "all other inputs")


def _largest(parts: Iterable[tuple[str, float]], rest: str) -> Iterator[Share]:
    """The few largest, then all others together."""
    order = sorted((Share(*part) for part in parts), key=lambda share: -abs(share.number))
    yield from order[:_FEW]
    if order[_FEW:]:
        yield Share(rest, sum(share.number for share in order[_FEW:]))


def _lines(view: Sum) -> list[Share]:
    return [Share(*line) for line in view.lines.items()]


def _value(each: Explanation) -> str:
    return f"{each.prediction.value:.5g} {each.prediction.unit}".rstrip()


def _named(inside: Inside, place: LayerView) -> str:
    way = f", {_DIRECTIONS[place.direction]}" if inside.record.module.bidirectional else ""
    return f"layer {place.layer}{way}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(first))
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table


def _title(console: Console, text: str) -> None:
    console.print()
    _say(console, text, "bold")


def _say(console: Console, text: str, style: str = "") -> None:
    leading = len(text) - len(text.lstrip("\n"))
    console.print(Text("\n" * leading + visible(text[leading:]), style))
