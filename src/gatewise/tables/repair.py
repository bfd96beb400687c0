"""From the observations of a table to complete series: each change is allowed by an option and noted, or refused."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, argument
from ..words import count
from .context import Draft
from .grid import Grid
from .numbers import spellings
from .observations import Observations, filled, in_order, merged, repeats, trimmed
from .panel import Frequency
from .table import quoted
from .times import Times

_USE_FILL = f"use {argument('fill', 'linear')}, {argument('fill', 'previous')} or {argument('fill', 'zero')}"
FILLED = {"linear": "linearly", "previous": "with the previous value", "zero": "with zero"}


def in_time(draft: Draft, observed: Observations) -> Observations:
    """The observations sorted; a note where the table was not in the order of time."""
    observed, moved = in_order(observed)
    if moved is not None:
        first = f"{draft.moment(observed, moved)}{draft.in_series(observed, moved)}"
        draft.notes.append(f"rows were not in the order of time and were sorted: first {first}")
    return observed


def unique(draft: Draft, observed: Observations) -> Observations:
    """One observation for each time of a series; InputError where no option says which."""
    repeated = repeats(observed)
    if not repeated.any():
        return observed
    how, rows = draft.options.duplicates, count(int(repeated.sum()), "row")
    second = 1 + int(np.flatnonzero(repeated)[np.argmin(observed.rows[1:][repeated])])
    if how == "refuse":
        what = (
            f"the time {draft.moment(observed, second)} appears twice{draft.in_series(observed, second)}: "
            f"the other is {draft.table.spot(int(observed.rows[second - 1]))}; {rows} repeat a time"
        )
        hint = (
            f"use {argument('duplicates', 'mean')} or {argument('duplicates', 'last')}; "
            f"if the rows belong to several series, name their column with {argument('id')}"
        )
        raise draft.time_error(observed, second, what, hint)
    rule = "their mean" if how == "mean" else "the last"
    first = f"{draft.moment(observed, second)}{draft.in_series(observed, second)}"
    draft.notes.append(f"{rows} with a time already seen, {rule} was kept: first {first}")
    return merged(observed, how)


def known(draft: Draft, observed: Observations) -> Observations:
    """Without missing values that no filling can reach; InputError where the others may not be filled.

    Where series lie side by side, in columns or in rows, one may begin later or end sooner than its neighbours.
    """
    if not observed.missing.any():
        return observed
    fill = draft.options.fill
    late = (draft.roles.wide or draft.table.turned) and fill == "none"
    # Rows at the end that have no value are times to come.
    reachable = trimmed(observed, leading=late or fill in ("linear", "previous"), trailing=True)
    if fill == "none" and reachable.missing.any():
        raise _missing(draft, reachable)
    _note_left_out(draft, observed, reachable)
    return reachable


def complete(draft: Draft, observed: Observations, ticks: Times, grid: Grid, frequency: Frequency) -> Observations:
    """Every point of the grid from the first to the last of each series; InputError where gaps may not be filled."""
    jumps = np.where(observed.joined, np.diff(ticks), 1)
    if (jumps == 1).all() and not observed.missing.any():
        return observed
    if draft.options.fill == "none":
        raise _gap(draft, observed, jumps, frequency)
    whole = filled(observed, ticks, grid, draft.options.fill, draft.table.source)
    _note_filled(draft, whole)
    return whole


def _missing(draft: Draft, observed: Observations) -> InputError:
    places = np.flatnonzero(observed.missing)
    spelled = spellings(draft.table, draft.roles.targets, len(places))
    first = int(places[np.argmin(observed.rows[places])])
    what = f"{count(len(places), 'missing value')}{f' ({spelled})' if spelled else ''}, the first here"
    return draft.value_error(observed, first, what, f"{_USE_FILL}, or put the values in")


def _gap(draft: Draft, observed: Observations, jumps: Times, frequency: Frequency) -> InputError:
    places = np.flatnonzero(jumps > 1)
    before, lost = int(places[0]), int((jumps[places] - 1).sum())
    between = f"between {draft.moment(observed, before)} and {draft.moment(observed, before + 1)}"
    what = (
        f"{count(len(places), 'gap')} in time ({count(lost, 'step')} of {frequency.alias} missing), "
        f"the first{draft.in_series(observed, before)} {between}"
    )
    hint = f"{_USE_FILL}; if the true step is another, give it as {argument('frequency')}"
    if lost > len(observed):
        hint = (
            f"filling them would make more values than there are: give the true step as {argument('frequency')}, "
            "or sums or means of equal spans of time"
        )
    return draft.time_error(observed, before + 1, what, hint)


def _note_left_out(draft: Draft, observed: Observations, reachable: Observations) -> None:
    empty = np.setdiff1d(observed.codes, reachable.codes)
    if len(empty):
        names = [draft.ids[code] for code in empty.tolist()]
        draft.notes.append(f"{count(len(empty), 'series', 'series')} without any value left out: {quoted(names)}")
    ends = int(np.isin(observed.codes, reachable.codes).sum()) - len(reachable)
    if ends:
        draft.notes.append(f"{count(ends, 'missing value')} before the first or after the last of a series left out")
    if not len(reachable):
        hint = f"use another {argument('target')}"
        raise draft.table.error("every value is missing", column=draft.roles.targets[0], hint=hint)


def _note_filled(draft: Draft, whole: Observations) -> None:
    made = np.flatnonzero(whole.rows < 0)
    series = np.unique(whole.codes[made])
    spread = draft.in_series(whole, int(made[0])) if len(series) == 1 else f" in {len(series)} series"
    first = draft.moment(whole, int(made[0])) + (draft.in_series(whole, int(made[0])) if len(series) > 1 else "")
    how = FILLED[draft.options.fill]
    draft.notes.append(f"{count(len(made), 'gap')} filled {how}{spread}: first {first}")
