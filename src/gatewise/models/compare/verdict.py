"""A comparison in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from ...words import listed
from .result import Claim, Entry, Results


def verdict(results: Results) -> str:
    """Which model is best, which are as good or cannot be told from it, and which of these is the fastest."""
    parts = [_best(results), *_others(results), *_fastest(results), *_floor(results)]
    return f"{'; '.join(parts)}."


def _best(results: Results) -> str:
    best, measure = results.best, results.measure
    extreme = "highest" if measure.higher else "lowest"
    return f"{best.name} has the {extreme} {measure.name}, {measure.shown(best.score)}"


def _others(results: Results) -> Iterable[str]:
    """What is said of the other networks, claim by claim."""
    region = results.measure.difference(results.conditions.indifference)
    if names := _names(results, "as good"):
        yield f"{listed(names)} {_is(names)} as good, within {region}"
    if names := _names(results, "undecided"):
        yield f"whether {listed(names)} {_is(names)} worse by more than {region} is not decided"
    if names := _names(results, "worse"):
        yield f"{listed(names)} {_is(names)} worse by more than {region}"


def _fastest(results: Results) -> Iterable[str]:
    """The fastest of those that are not worse, where that is a choice."""
    eligible = [entry for entry in results.networks if entry.claim != "worse"]
    if len(eligible) > 1:
        fastest = min(eligible, key=_microseconds)
        time = f"{microseconds(fastest)} \u00b5s a step"
        yield f"of those not shown to be worse, {fastest.name} takes the least time, {time}"


def _floor(results: Results) -> Iterable[str]:
    """A warning where the best network is not clearly better than what needs no training."""
    near = [floor for floor in results.floors if floor.claim != "worse"]
    if near:
        than = "the floor is better than all" if near[0].claim == "better" else "none is clearly better than the floor"
        yield f"{than}: '{near[0].name}', which needs no training, has {results.measure.shown(near[0].score)}"


def _names(results: Results, claim: Claim) -> list[str]:
    return [entry.name for entry in results.networks if entry.claim == claim]


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _microseconds(entry: Entry) -> float:
    assert entry.speed is not None
    return entry.speed.median


def microseconds(entry: Entry) -> str:
    """The median of a step; see `in_microseconds`."""
    return in_microseconds(_microseconds(entry))


def in_microseconds(time: float) -> str:
    """A time with three digits, and from a hundred on in whole microseconds."""
    return f"{time:,.0f}" if time >= 100 else f"{time:.3g}"
