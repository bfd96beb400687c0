"""A comparison as columns of text, and as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...escape import json_ascii, json_number
from ...words import UNDEFINED, listed, percent
from .bootstrap import LEVEL
from .footprint import Size
from .measure import Measure
from .result import Entry, Results, Training
from .speed import Speed
from .verdict import in_microseconds, microseconds, verdict

_KILO = 1024

Column = tuple[str, tuple[str, ...]]
"""A heading and its cells."""


def columns(results: Results) -> list[Column]:
    """One row for each model; what matters most stands first."""
    decimals = results.measure.decimals
    return [
        ("model", tuple(entry.name for entry in results.entries)),
        (results.measure.name, tuple(_score(results.measure, entry) for entry in results.entries)),
        (f"behind, {LEVEL} %", tuple(_behind(entry, decimals) for entry in results.entries)),
        ("verdict", tuple(entry.claim for entry in results.entries)),
        ("\u00b5s/step", _of_networks(results, microseconds)),
        ("p99", _of_networks(results, lambda entry: in_microseconds(_speed(entry).p99))),
        ("state", _of_networks(results, lambda entry: size(_size(entry).state) + "+" * bool(_size(entry).growth))),
        ("params", _of_networks(results, lambda entry: f"{_size(entry).parameters:,}")),
        ("train s", _of_networks(results, lambda entry: f"{_mean(_training(entry).seconds):.2f}")),
        ("updates", _of_networks(results, lambda entry: f"{_mean(_training(entry).updates):,.0f}")),
        ("items/s", _of_networks(results, lambda entry: f"{_speed(entry).items:,.0f}")),
        ("file", _of_networks(results, lambda entry: size(_size(entry).file))),
        *([("board", _of_networks(results, _board))] if _as_c(results) else []),
    ]


def conditions(results: Results) -> tuple[str, ...]:
    """What was the same for all, in sentences."""
    same, networks = results.conditions, results.networks
    parameters = [_size(entry).parameters for entry in networks]
    seconds = [second for entry in networks for second in _training(entry).seconds]
    course = (
        f"Wall clock of each training: {min(seconds):.2f} to {max(seconds):.2f} s, {_apart(seconds)} apart."
        if same.updates is None
        else f"Updates of each training: {same.updates:,}; the clock took no part, and seconds differ."
    )
    return (
        *results.about,
        f"Parameters: {min(parameters):,} to {max(parameters):,}, {_apart(parameters)} apart; {same.reading}.",
        course,
        f"Learning rates {listed([f'{rate:g}' for rate in same.rates])}, each tried once by every model and chosen on "
        f"what is held out for it; then {same.seeds} seeds, on all but the test.",
        f"Intervals: {LEVEL} %, over test items and seeds drawn again, the same items for all. A difference of up to "
        f"{results.measure.difference(same.indifference)} counts as none. \u00b1: standard deviation over seeds.",
        f"Steps: {same.steps}; {results.environment}.",
        f"State: bytes after {_size(networks[0]).steps:,} steps; + where it grows with each.{_on_boards(results)}",
    )


def _on_boards(results: Results) -> str:
    """What the column of boards says, where there is one."""
    if not _as_c(results):
        return ""
    return (
        " Board: the smallest of those of examples/boards that holds the float32 model as C, the program around it not "
        "counted."
    )


def _as_c(results: Results) -> bool:
    """Whether any network can be exported as C."""
    return any(_size(entry).flash is not None for entry in results.networks)


def as_json(results: Results) -> str:
    """The document of ``--json``, on one line, in ASCII; see `Comparison.to_json`."""
    same = results.conditions
    return json_ascii(
        {
            "version": results.version,
            "task": results.task,
            "source": results.source,
            "verdict": verdict(results),
            "about": results.about,
            "notes": results.notes,
            "seconds": results.seconds,
            "measure": {name: getattr(results.measure, name) for name in ("name", "unit", "higher")},
            "conditions": vars(same),
            "models": [_model(entry) for entry in results.entries],
        }
    )


def _model(entry: Entry) -> dict[str, Any]:
    plain = {
        "name": entry.name,
        "learned": entry.learned,
        "score": entry.score,
        "spread": entry.spread,
        "by_seed": entry.scores.mean(axis=1).tolist(),
        "behind": list(entry.behind),
        "claim": entry.claim,
    }
    if not entry.learned:
        return plain
    losses = {f"{rate:g}": json_number(loss) for rate, loss in _training(entry).validation.items()}
    return {
        **plain,
        "size": {"described": entry.described, **vars(_size(entry))},
        "speed": vars(_speed(entry)),
        "training": {**vars(_training(entry)), "validation": losses},
    }


def size(count: int) -> str:
    """Bytes in whole KiB where that says enough, such as ``512 B`` or ``78 KiB``."""
    return f"{count:,} B" if count < 10 * _KILO else f"{count / _KILO:,.0f} KiB"


def _of_networks(results: Results, cell: Callable[[Entry], str]) -> tuple[str, ...]:
    return tuple(cell(entry) if entry.learned else "" for entry in results.entries)


def _score(measure: Measure, entry: Entry) -> str:
    """The mean, and after it the deviation over seeds where there are several."""
    spread = f" \u00b1 {entry.spread:.{measure.decimals}f}" if len(entry.scores) > 1 else ""
    return f"{entry.score:.{measure.decimals}f}{spread}{measure.sign}"


def _behind(entry: Entry, decimals: int) -> str:
    if entry.claim == "best":
        return ""
    return f"{entry.behind.low:.{decimals}f} to {entry.behind.high:.{decimals}f}"


def _board(entry: Entry) -> str:
    of = _size(entry)
    return of.board or ("none" if of.flash is not None else UNDEFINED)


def _apart(values: Sequence[float]) -> str:
    """By how much the largest is above the smallest."""
    return percent(100 * (max(values) / min(values) - 1), 1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _size(entry: Entry) -> Size:
    assert entry.size is not None
    return entry.size


def _training(entry: Entry) -> Training:
    assert entry.training is not None
    return entry.training


def _speed(entry: Entry) -> Speed:
    assert entry.speed is not None
    return entry.speed
