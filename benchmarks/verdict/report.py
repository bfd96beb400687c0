"""The figures of sets, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gatewise.models.forecast.evaluation.differences import log_ratios
from gatewise.tables.panel import Floats

from .record import Record

Rule = Callable[[Record], float]
"""What a way of choosing would have had in the next window: a mean absolute error, NaN where it could not choose."""

LEAST_HELD = 50
"""Percent of a window: an 80 % interval that held less should have been spoken of."""


def _best(one: Record) -> float:
    return min(one.errors.values())


def _always(model: str) -> Rule:
    return lambda one: one.errors.get(model, float("nan"))


RULES: Mapping[str, Rule] = {
    "chosen": lambda one: one.errors[one.chosen],
    "best so far": lambda one: one.errors[one.best],
    "always Theta": _always("AutoTheta"),
    "always ETS": _always("AutoETS"),
    "always Pool": _always("Pool"),
    "always naive": lambda one: one.errors[one.reference],
}

HEADING = (
    *("set", "series", "right", *RULES, "optimism, best", "optimism, expected"),
    *("in 80 %", "in 95 %", "unsaid", "says naive", "says wins"),
)


def table(sets: Mapping[str, Sequence[Record]]) -> str:
    """The figures of all sets, each in a column, and of all of them together."""
    everything = [one for records in sets.values() for one in records]
    columns = [HEADING, *(column(name, records) for name, records in sets.items()), column("all", everything)]
    first, *rest = (f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True))
    return "\n".join([first, f"|---|{'---:|' * (len(columns) - 1)}", *rest])


def column(name: str, records: Sequence[Record]) -> list[str]:
    """The figures of a set, in the order of `HEADING`."""
    right = [one.errors[one.chosen] <= _best(one) * (1 + 1e-9) for one in records]
    return [
        name,
        str(len(records)),
        _percent(right),
        *(_plain(regret(records, rule)) for rule in RULES.values()),
        optimism(records, RULES["best so far"], lambda one: one.printed),
        optimism(records, RULES["chosen"], lambda one: one.expected),
        *(f"{np.mean([one.inside[level] for one in records]):.0f} %" for level in ("80", "95")),
        _percent([unsaid(one) for one in records]),
        *(_percent([one.claim == claim for one in records]) for claim in ("naive", "wins")),
    ]


def regret(records: Sequence[Record], rule: Rule) -> float:
    """Geometric mean of the error over that of the best in hindsight; NaN where the rule could not always choose."""
    errors = np.array([rule(one) for one in records])
    return float(np.exp(log_ratios(errors, np.array([_best(one) for one in records])).mean()))


def optimism(records: Sequence[Record], rule: Rule, figure: Rule) -> str:
    """By how many percent the printed figure was better than what came, both relative to the naive forecast.

    With its standard error, over moments: what ended at the same time is one observation.
    """
    known = [one for one in records if np.isfinite(figure(one)) and figure(one) > 0]
    errors, naive = ([of(one) for one in known] for of in (rule, RULES["always naive"]))
    short = np.log([figure(one) for one in known]) - log_ratios(np.array(errors), np.array(naive))
    error = clustered_error(short, [one.moment for one in known])
    ratio = float(np.exp(short.mean()))
    return f"{100 * (1 - ratio):+.1f} ± {100 * ratio * error:.1f} %"


def clustered_error(values: Floats, clusters: Sequence[str]) -> float:
    """The standard error of the mean of N values of which those of a cluster may be alike (Liang & Zeger 1986).

    Infinite where there is one cluster only.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    sums = np.bincount(numbers, values - values.mean())
    count = len(sums)
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values)) if count > 1 else float("inf")


def unsaid(one: Record) -> bool:
    """Whether the 80 % interval held less than half of the window, and the verdict had no word on it."""
    return one.inside["80"] < LEAST_HELD and not one.told["80"]


def _percent(flags: Sequence[bool]) -> str:
    return f"{100 * np.mean(flags):.0f} %"


def _plain(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""
