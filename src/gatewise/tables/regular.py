"""The frequency and the season of observations, as asked for or inferred; irregular times are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError, argument
from ..words import count
from .calendar import ambiguous, yearless
from .context import Draft
from .frequency import alias_of, describe, infer, open_times, parse, season_of
from .grid import Grid, grid_of, moved_to_month
from .observations import Observations, in_order, repeats
from .panel import Frequency
from .times import Reading, Times, days_of_a_place, rounded

_LEAST = 8  # observations by which jitter is known
_MONTHLIKE = (("M", 1), ("Q", 3), ("Y", 12))  # months in a step that only the calendar makes equal


def the_regular(draft: Draft, readings: Sequence[tuple[Reading, Observations]]) -> tuple[Reading, Observations]:
    """The only reading whose times follow a frequency without gaps; InputError where it is not the only one.

    A reading without a year cannot be taken; where it runs on, the others that do are in doubt.
    """
    dated = [(reading, observed) for reading, observed in readings if reading.year]
    if len(readings) == 1 and dated:
        return dated[0]
    regular = [(reading, observed) for reading, observed in readings if _runs_on(draft, reading, observed)]
    if len(regular) == 1 and regular[0][0].year:
        return regular[0]
    if not any(reading.year for reading, _ in regular or dated):
        raise yearless(draft.table, draft.roles.time)
    if len(dated) == 1 and not regular:
        return dated[0]
    steps = f"{argument('frequency', 'MS')} or {argument('frequency', 'D')}"
    advice = f", or use {steps} where months or days tell them apart"
    doubtful = [reading for reading, _ in (regular or dated)]
    raise ambiguous(draft.table, draft.roles.time, doubtful, advice)


def paced(draft: Draft, observed: Observations) -> tuple[Observations, Times, Grid, Frequency]:
    """The observations with the number of each on the grid of their frequency; InputError where there is none."""
    frequency = _frequency(draft, observed) or _open_days(draft, observed)
    if frequency is None:
        evened = _evened(draft, observed)
        if evened is None:
            raise _irregular(draft, observed)
        observed, frequency = evened
    frequency = _opening(draft, observed, frequency)
    grid = grid_of(frequency, observed.times)
    ticks, on = grid.ticks(observed.times, observed.origins)
    if on.all():
        return observed, ticks, grid, frequency
    moved = _moved(draft, observed, frequency)
    if moved is None:
        off = int(np.argmin(on))
        time = f"{draft.moment(observed, off)}{draft.in_series(observed, off)}"
        what = f"the time {time} does not lie on the steps of {frequency.alias}"
        hint = f"use another {argument('frequency')}, or leave it out to have it inferred"
        raise draft.time_error(observed, off, what, hint)
    grid = grid_of(frequency, moved.times)
    return moved, grid.ticks(moved.times, moved.origins)[0], grid, frequency


def season(draft: Draft, observed: Observations, frequency: Frequency) -> int:
    """Steps in a season: the user's, or the calendar's where some series is long enough to show two."""
    asked, natural = draft.options.seasons, season_of(frequency)
    longest = int(observed.lengths.max())
    steps = asked[0] if asked else natural if longest >= 2 * natural else 1
    said = f"season {' and '.join(map(str, asked))}" if asked and steps > 1 else "no season"
    settled = f", {said}" if asked else ""
    draft.notes.append(describe(frequency) + settled)
    return steps


def _frequency(draft: Draft, observed: Observations) -> Frequency | None:
    """The frequency that is asked for or known, else the one that the times follow, if any."""
    if int(observed.times.max()) - int(observed.times.min()) >= 2**63:
        what = f"the times reach from {observed.times.min()} to {observed.times.max()}, further than can be counted"
        raise draft.table.error(what, column=draft.roles.time, hint="count from a time nearby")
    pace = draft.pace
    if pace is not None:
        if pace.counts == draft.calendar:
            kinds = ("dates", "whole numbers") if draft.calendar else ("whole numbers", "dates")
            raise draft.table.error(
                f"the times are {kinds[0]}, and those that they go on from are {kinds[1]}",
                column=draft.roles.time,
                hint="write the times in the same way",
            )
        return pace
    if draft.options.frequency is not None:
        return parse(draft.options.frequency, observed.times, calendar=draft.calendar)
    return infer(observed.times, observed.joined, calendar=draft.calendar)


def _runs_on(draft: Draft, reading: Reading, observed: Observations) -> bool:
    draft = replace(draft, calendar=reading.calendar)
    observed = in_order(observed)[0]
    observed = observed.take(np.append(~repeats(observed), True))
    frequency = _frequency(draft, observed)
    if frequency is None:
        return False
    ticks, on = grid_of(frequency, observed.times).ticks(observed.times, observed.origins)
    return bool(on.all() and (np.diff(ticks)[observed.joined] == 1).all())


def _moved(draft: Draft, observed: Observations, frequency: Frequency) -> Observations | None:
    """The observations at the start or end of their months, where the user asked for that and each finds a place."""
    times = moved_to_month(observed.times, frequency) if draft.options.frequency and draft.calendar else None
    if times is None:
        return None
    moved = Observations(observed.codes, times, observed.values, observed.rows)
    if repeats(moved).any() or not grid_of(frequency, times).ticks(times, moved.origins)[1].all():
        return None
    changed = count(int((times != observed.times).sum()), "time")
    draft.notes.append(f"{changed} moved within the month onto the frequency {frequency.alias}")
    return moved


def _irregular(draft: Draft, observed: Observations) -> InputError:
    steps = np.diff(observed.times)[observed.joined]
    if not len(steps):
        return draft.table.error(
            "no series has more than one observation",
            hint=f"a forecast needs a history; if these rows are one series, use another {argument('id')}",
        )
    sizes, counts = np.unique(steps, return_counts=True)
    first, second = (int(sizes[i]) for i in np.argsort(-counts, kind="stable")[:2])
    broken = int(np.flatnonzero(observed.joined & (np.diff(observed.times) % first != 0))[0])
    commonest = ", ".join(f"{_span(draft, size)} ({counts[sizes == size][0]} times)" for size in (first, second))
    what = (
        f"the steps in time are irregular: the commonest are {commonest}; the first break"
        f"{draft.in_series(observed, broken)} is after {draft.moment(observed, broken)}"
    )
    return draft.time_error(observed, broken + 1, what, _advice(draft, observed, sizes))


def _evened(draft: Draft, observed: Observations) -> tuple[Observations, Frequency] | None:
    """The observations and their frequency, once the clocks of their place or a jitter of their times are put right."""
    if not draft.calendar or draft.pace is not None or draft.options.frequency is not None or len(observed) < _LEAST:
        return None
    steps = np.diff(observed.times)[observed.joined]
    days, even = days_of_a_place(observed.times), rounded(observed.times, steps) if len(steps) else None
    if days is not None:
        return _put_right(
            draft, observed, days, "times an hour apart in summer and winter read as the days of one place"
        )
    if even is None:
        return None
    moved = count(int((even[0] != observed.times).sum()), "time")
    return _put_right(draft, observed, even[0], f"{moved} rounded to the step of {alias_of(even[1])}")


def _put_right(draft: Draft, observed: Observations, times: Times, words: str) -> tuple[Observations, Frequency] | None:
    changed = replace(observed, times=times)
    frequency = None if repeats(changed).any() else infer(times, changed.joined, calendar=True)
    if frequency is None:
        return None
    draft.notes.append(words)
    return changed, frequency


def _open_days(draft: Draft, observed: Observations) -> Frequency | None:
    """The frequency of some days of the week, such as Monday and Thursday, where the times are all of these."""
    return open_times(observed.times, observed.joined, Frequency("D")) if draft.calendar else None


def _opening(draft: Draft, observed: Observations, frequency: Frequency) -> Frequency:
    """The frequency without the days and hours that are closed throughout, where that leaves no gap."""
    if draft.options.frequency is not None or draft.pace is not None or not len(observed):
        return frequency
    return open_times(observed.times, observed.joined, frequency) or frequency


def _advice(draft: Draft, observed: Observations, sizes: Times) -> str:
    if draft.calendar:
        months = observed.times.view("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        if twice := _twice_a_month(observed, months):
            return f"if they are twice a month, use {argument('frequency', twice)}"
        steps = np.diff(months)[observed.joined]
        for letter, number in _MONTHLIKE:
            if (steps == number).all():
                return f"use {argument('frequency', letter)} to move each time to the start or end of its month"
    divisor = int(np.gcd.reduce(sizes))
    if float(np.diff(observed.times)[observed.joined].sum()) / divisor > 2 * len(observed):
        return "make the steps equal first, for instance by sums or means of equal spans of time"
    alias = alias_of(divisor) if draft.calendar else str(divisor)
    options = f"{argument('frequency', alias)}, which all fit, and {argument('fill')}"
    return f"if steps are missing, use {options}; else make the steps equal first"


def _twice_a_month(observed: Observations, months: Times) -> str:
    """The frequency of two days in each month, where the times are those that one has; else empty."""
    days = observed.times.view("datetime64[ns]").astype("datetime64[D]")
    starts = months.astype("datetime64[M]").astype(days.dtype)
    ends = (months + 1).astype("datetime64[M]").astype(days.dtype) - 1
    middle = days - starts == np.timedelta64(14, "D")
    if middle.all():
        return ""  # the fifteenth of each month
    return "SMS" if (middle | (days == starts)).all() else "SME" if (middle | (days == ends)).all() else ""


def _span(draft: Draft, step: int) -> str:
    if not draft.calendar:
        return str(step)
    alias = alias_of(step)
    return alias if alias[0].isdigit() else f"1{alias}"
