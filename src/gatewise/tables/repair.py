"""From the observations of a table to complete series: each change is allowed by an option and noted, or refused."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, argument
from ..words import count
from .calendar import Times
from .context import Draft
from .grid import Grid
from .numbers import spellings
from .observations import Observations, filled, in_order, merged, repeats, trimmed
from .panel import Frequency
from .table import quoted

_USE_FILL = f"use {argument('fill', 'linear')}, {argument('fill', 'previous')} or {argument('fill', 'zero')}"
_FILLED = {"linear": "linearly", "previous": "with the previous value", "zero": "with zero"}


def in_time(draft: Draft, found: Observations) -> Observations:
    """The observations sorted; a note where the table was not in the order of time."""
    found, moved = in_order(found)
    if moved is not None:
        first = f"{draft.moment(found, moved)}{draft.in_series(found, moved)}"
        draft.notes.append(f"rows were not in the order of time and were sorted: first {first}")
    return found


def unique(draft: Draft, found: Observations) -> Observations:
    """One observation for each time of a series; InputError where no option says which."""
    repeated = repeats(found)
    if not repeated.any():
        return found
    how, rows = draft.options.duplicates, count(int(repeated.sum()), "row")
    second = 1 + int(np.flatnonzero(repeated)[np.argmin(found.rows[1:][repeated])])
    if how == "refuse":
        raise InputError(
            f"the time {draft.moment(found, second)} appears twice{draft.in_series(found, second)}: "
            f"the other is {draft.table.spot(int(found.rows[second - 1]))}; {rows} repeat a time",
            where=draft.time_cell(found, second),
            hint=f"use {argument('duplicates', 'mean')} or {argument('duplicates', 'last')}; "
            f"if the rows belong to several series, name their column with {argument('id')}",
        )
    kept = "their mean" if how == "mean" else "the last"
    first = f"{draft.moment(found, second)}{draft.in_series(found, second)}"
    draft.notes.append(f"{rows} with a time already seen, {kept} was kept: first {first}")
    return merged(found, how)


def known(draft: Draft, found: Observations) -> Observations:
    """Without missing values that no filling can reach; InputError where the others may not be filled.

    In a wide table a column may begin later or end sooner than its neighbours.
    """
    if not found.missing.any():
        return found
    fill, late = draft.options.fill, draft.roles.wide and draft.options.fill == "none"
    kept = found
    if fill != "none" or late:
        kept = trimmed(found, leading=late or fill in ("linear", "previous"), trailing=late or fill == "linear")
    if fill == "none" and kept.missing.any():
        raise _missing(draft, kept)
    _note_left_out(draft, found, kept)
    return kept


def complete(draft: Draft, found: Observations, ticks: Times, grid: Grid, frequency: Frequency) -> Observations:
    """Every point of the grid from the first to the last of each series; InputError where gaps may not be filled."""
    jumps = np.where(found.joined, np.diff(ticks), 1)
    if (jumps == 1).all() and not found.missing.any():
        return found
    if draft.options.fill == "none":
        raise _gap(draft, found, jumps, frequency)
    whole = filled(found, ticks, grid, draft.options.fill, draft.table.source)
    _note_filled(draft, whole)
    return whole


def _missing(draft: Draft, found: Observations) -> InputError:
    places = np.flatnonzero(found.missing)
    spelled = spellings(draft.table, draft.roles.targets, len(places))
    return InputError(
        f"{count(len(places), 'missing value')}{f' ({spelled})' if spelled else ''}, the first here",
        where=draft.value_cell(found, int(places[np.argmin(found.rows[places])])),
        hint=f"{_USE_FILL}, or put the values in",
    )


def _gap(draft: Draft, found: Observations, jumps: Times, frequency: Frequency) -> InputError:
    places = np.flatnonzero(jumps > 1)
    before, lost = int(places[0]), int((jumps[places] - 1).sum())
    between = f"between {draft.moment(found, before)} and {draft.moment(found, before + 1)}"
    return InputError(
        f"{count(len(places), 'gap')} in time ({count(lost, 'step')} of {frequency.alias} missing), "
        f"the first{draft.in_series(found, before)} {between}",
        where=draft.time_cell(found, before + 1),
        hint=f"{_USE_FILL}; if the true step is another, give it as {argument('frequency')}",
    )


def _note_left_out(draft: Draft, found: Observations, kept: Observations) -> None:
    empty = np.setdiff1d(found.codes, kept.codes)
    if len(empty):
        names = [draft.ids[code] for code in empty.tolist()]
        draft.notes.append(f"{count(len(empty), 'series', 'series')} without any value left out: {quoted(names)}")
    ends = int(np.isin(found.codes, kept.codes).sum()) - len(kept)
    if ends:
        draft.notes.append(f"{count(ends, 'missing value')} before the first or after the last of a series left out")
    if not len(kept):
        hint = f"use another {argument('target')}"
        raise draft.table.error("every value is missing", column=draft.roles.targets[0], hint=hint)


def _note_filled(draft: Draft, whole: Observations) -> None:
    made = np.flatnonzero(whole.rows < 0)
    series = np.unique(whole.codes[made])
    spread = draft.in_series(whole, int(made[0])) if len(series) == 1 else f" in {len(series)} series"
    first = draft.moment(whole, int(made[0])) + (draft.in_series(whole, int(made[0])) if len(series) > 1 else "")
    how = _FILLED[draft.options.fill]
    draft.notes.append(f"{count(len(made), 'gap')} filled {how}{spread}: first {first}")
