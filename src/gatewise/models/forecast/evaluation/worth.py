"""What covariates are worth: the best model that takes them beside the best that does not, and each of them alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ....tables.panel import Floats, Panel
from ....words import apart, listed
from ..metrics import over_steps
from ..results import Effect, Window, Worth
from .differences import Errors, variance_of_mean
from .scoring import reference


@dataclass(frozen=True)
class Informed:
    """Who may know what. names: of the covariates. models: the names of those that take them."""

    names: tuple[str, ...] = ()
    models: Collection[str] = ()


NOT_INFORMED = Informed()


def worth(errors: Errors, windows: Sequence[Window], informed: Informed) -> Worth | None:
    """What the covariates are worth in these windows; None where no model takes any, or all do."""
    taking = [model for model in errors.models if model in informed.models]
    others = [model for model in errors.models if model not in informed.models]
    if not (taking and others and informed.names):
        return None
    ratios = {model: errors.relative(model, reference(errors)) for model in errors.models}
    best, rival = (
        min(models, key=lambda model: (np.isnan(ratios[model]), ratios[model])) for models in (taking, others)
    )
    return Worth(
        covariates=informed.names,
        model=best,
        relative=ratios[best],
        without=rival,
        relative_without=ratios[rival],
        clear=errors.difference(best, rival).ahead,
        effects=effects(windows, best, errors.overlap),
    )


def effects(windows: Sequence[Window], model: str, overlap: int) -> tuple[Effect, ...]:
    """By how much the model's error rises where a covariate has the values of other times, the largest rise first.

    Its standard error is that over windows, of which ``overlap`` share steps with each.
    """
    names = dict.fromkeys(name for window in windows for name in window.forecasts[model].shuffled)
    found = [_effect(name, windows, model, overlap) for name in names]
    return tuple(sorted(found, key=lambda effect: -effect.rise))


def _effect(name: str, windows: Sequence[Window], model: str, overlap: int) -> Effect:
    kept = [window for window in windows if name in window.forecasts[model].shuffled]
    plain = np.stack([_errors(window, window.forecasts[model].median) for window in kept])
    moved = np.stack([_moved(window, window.forecasts[model].shuffled[name]) for window in kept])
    scale = np.nanmean(plain, axis=0)
    rises = np.nanmean((moved - plain) / np.where(scale > 0, scale, np.nan), axis=1)
    error = float(np.sqrt(variance_of_mean(rises, overlap))) if len(rises) > 1 else float("inf")
    return Effect(name, float(rises.mean()), error)


def _errors(window: Window, median: Floats) -> Floats:
    """Mean absolute error of each series, (S,)."""
    return over_steps(np.abs(window.actual - median), window.actual)


def _moved(window: Window, shuffled: Floats) -> Floats:
    return np.mean([_errors(window, median) for median in shuffled], axis=0)


def in_words(found: Worth) -> str:
    """With and without in a sentence."""
    figures = apart(found.relative, found.relative_without)
    names = listed([repr(name) for name in found.covariates])
    compared = f"{found.model} had {figures[0]} of that error with {names}, {found.without} {figures[1]} without"
    if not found.clear:
        return f"{compared}: that does not show that they help."
    return f"{compared}: {100 * (1 - found.relative / found.relative_without):.0f} % less."


def known_ahead(panel: Panel) -> tuple[str, ...]:
    """A note on covariates of which the windows are told the future."""
    columns = panel.covariates.columns if panel.covariates else ()
    names = [repr(column.name) for column in columns if column.role == "known"]
    if not names:
        return ()
    return (
        f"The windows take what came of {listed(names)} as known ahead: where that will be a forecast itself, expect a "
        "larger error.",
    )
