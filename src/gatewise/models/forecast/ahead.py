"""Covariates over the horizon: what is still missing there is filled as asked, or named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, argument
from ...tables.covariates import Covariates
from ...tables.options import CovariateOptions, FutureFill, ReadOptions
from ...tables.panel import Floats, Frequency, Panel
from ...words import count, few, stamps

_FILLS = f"{argument('future_fill', 'previous')} or {argument('future_fill', 'zero')}"


def panel_for(
    known: CovariateOptions,
    frame: Any,
    read: ReadOptions,
    horizon: int,
    *,
    future: Any = None,
    pace: Frequency | None = None,
    source: str,
) -> Panel:
    """The series of a frame with the covariates that a fitted model takes, each known over the horizon.

    known: which those are, and what is put in where one is missing. future, pace, source: as of
    `panel_with_covariates`. Raises InputError as that, and as `known_over`.
    """
    from ...tables.supplied import panel_with_covariates

    if future is not None:
        refuse_useless(known.roles)
    panel = panel_with_covariates(frame, read, known, future, horizon=horizon, pace=pace, source=source)
    return known_over(panel, horizon, known.future_fill)


def completed(known: CovariateOptions, panel: Panel, read: ReadOptions, horizon: int) -> Panel:
    """Series whose covariates were read beside them, as `panel_for` gives them."""
    from ...tables.holidays import with_holidays
    from ...tables.supplied import settled

    if not known.named:
        return panel
    if known.holidays is not None:
        panel = with_holidays(panel, known.holidays, read, horizon)
    return known_over(settled(panel, known.roles, "known"), horizon, known.future_fill)


def refuse_useless(names: Collection[str]) -> None:
    """InputError for a future where there are no covariates that it could be of."""
    if not names:
        what = "the model takes no covariates that are known ahead, and has no use for a future"
        raise InputError(what, where=argument("future"), hint=f"name them to fit: {argument('covariates')}")


def known_over(panel: Panel, horizon: int, fill: FutureFill) -> Panel:
    """The panel whose covariates that are known ahead have a value at each step of the horizon.

    Raises InputError, naming series and time, for the first that is missing, where nothing is to be put in.
    """
    covariates = panel.covariates
    if covariates is None:
        return panel
    covariates = covariates.reaching(panel.lengths + horizon)
    lengths = panel.lengths.tolist()
    for at, column in enumerate(covariates.columns):
        if column.role == "past":
            continue
        gaps = {
            row: missing
            for row, length in enumerate(lengths)
            if (missing := np.isnan(covariates.values[row][length : length + horizon, at])).any()
        }
        if not gaps:
            continue
        if fill == "none" and column.role == "known":
            raise _missing(panel, at, gaps, horizon)
        covariates = _filled(covariates, at, lengths, list(gaps), "previous" if column.role == "static" else fill)
    return replace(panel, covariates=covariates)


def unlearned(panel: Panel, horizon: int) -> tuple[str, ...]:
    """A note on each covariate that has categories over the horizon which it never had in the past of any series."""
    covariates = panel.covariates
    if covariates is None:
        return ()
    lengths, notes = panel.lengths.tolist(), list[str]()
    for at, column in enumerate(covariates.columns):
        if not column.words or column.role != "known":
            continue
        past, ahead = set[int](), set[int]()
        for values, length in zip(covariates.values, lengths, strict=True):
            past |= _codes(values[:length, at])
            ahead |= _codes(values[length : length + horizon, at])
        if fresh := [repr(column.words[code]) for code in sorted(ahead - past)]:
            notes.append(f"{column.name!r} is {few(fresh)} ahead and never was before: nothing was learned of that.")
    return tuple(notes)


def _codes(values: Floats) -> set[int]:
    return {int(code) for code in np.unique(values[~np.isnan(values)])}


def _filled(covariates: Covariates, at: int, lengths: list[int], rows: list[int], fill: FutureFill) -> Covariates:
    values = list(covariates.values)
    for row in rows:
        values[row] = values[row].copy()
        own = values[row][lengths[row] - 1 :, at]
        own[:] = np.where(np.isnan(own), 0.0, own) if fill == "zero" else _previous(own)
    return replace(covariates, values=tuple(values))


def _previous(own: Floats) -> Floats:
    places = np.maximum.accumulate(np.where(np.isnan(own), 0, np.arange(len(own))))
    return own[places]


def _missing(panel: Panel, at: int, gaps: dict[int, NDArray[np.bool_]], horizon: int) -> InputError:
    assert panel.covariates is not None
    column, row = panel.covariates.columns[at], next(iter(gaps))
    of = f" of series {panel.ids[row]!r}" if len(panel) > 1 else ""
    others = f", and of {count(len(gaps) - 1, 'other series', 'other series')}" if len(gaps) > 1 else ""
    first = stamps(panel.frequency.future(panel.times[row][-1], horizon))[int(np.argmax(gaps[row]))]
    lacking = f"{int(gaps[row].sum()):,} of {count(horizon, 'step')}"
    return InputError(
        f"{column.name!r} is not known for {lacking}{of}{others}, first {first}",
        where=column.source,
        hint=f"give its values there as {argument('future')}, or in rows of the data whose target is empty; use "
        f"{_FILLS}; or say that it is known only in the past: {argument('covariates', f'{column.name}:past')}",
    )
