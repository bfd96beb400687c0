"""Many series of which some cannot be used: these are set aside by name and reason, where one table would be refused.

What makes a series unusable is what `repair` and `regular` refuse; here it is found in all series at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import InputError
from .columns import named_columns
from .context import Draft
from .covariate_columns import read_columns, set_apart
from .frequency import infer
from .grid import Grid, grid_of
from .observations import MOST_FILLED, Observations, in_order, repeats, trimmed
from .options import ReadOptions
from .panel import Frequency, Panel
from .panels import drafted, regular_panel
from .table import Table
from .times import Times

LOOKED_AT = 200
"""Series by which the frequency of most is known."""
MOST_SPOILT = 50
"""Series with cells that cannot be read, beyond which the column is taken for another than was meant."""


@dataclass
class SoundSeries:
    """The series that can be used, and the names of the others by reason. panel: None where there are none."""

    panel: Panel | None
    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def sound_series(
    table: Table, options: ReadOptions, pace: Frequency | None = None, covariates: Sequence[str] = ()
) -> SoundSeries:
    """The series of a long table, with those set aside that a table of them would be refused for.

    options: with the names of the columns of ids and times. pace: the frequency; None for that of most series.
    covariates: names of columns that are read beside the target. Raises InputError where it is not the fault of some
    series.
    """
    table, beside = set_apart(table, covariates)
    table, refused = _without_missing_times(table, options)
    for _ in range(MOST_SPOILT):
        if not table.one(f"SELECT count(*) FROM {table.relation}")[0]:
            return SoundSeries(None, refused)
        try:
            draft, observed = drafted(table, options, pace, beside)
            read_columns(draft.table, beside, options)  # so that a cell that cannot be read has its series
            break
        except InputError as error:
            if error.row is None or error.column == options.id:
                raise
            name = _series_of(table, options, error.row)
            refused.setdefault(f"a cell of the column {error.column!r} that cannot be read", []).append(name)
            table = _without(table, options, [name])
    else:
        raise table.error(f"more than {MOST_SPOILT} series hold cells that cannot be read", hint="correct the column")
    observed = _set_aside(draft, in_order(observed)[0], refused, pace)
    return SoundSeries(regular_panel(draft, observed, beside) if len(observed) else None, refused)


def _set_aside(
    draft: Draft, observed: Observations, refused: dict[str, list[str]], pace: Frequency | None
) -> Observations:
    """The observations of sound series; the names of others go to ``refused``."""
    for reason, check in _OF_VALUES.items():
        observed = _passing(reason, check(draft, observed), draft, observed, refused)
    frequency = pace or _usual(draft, observed)
    if frequency is None:
        return observed
    for reason, checked in _OF_TIMES.items():
        if len(observed):
            unsound = checked(draft, observed, grid_of(frequency, observed.times))
            observed = _passing(reason, unsound, draft, observed, refused)
    return observed


def _passing(
    reason: str, unsound: Times, draft: Draft, observed: Observations, refused: dict[str, list[str]]
) -> Observations:
    """The observations without the series of these codes, which may repeat."""
    if not len(unsound):
        return observed
    refused.setdefault(reason, []).extend(draft.ids[code] for code in np.unique(unsound).tolist())
    return observed.take(~np.isin(observed.codes, unsound))


def _repeated(draft: Draft, observed: Observations) -> Times:
    if draft.options.duplicates != "refuse":
        return np.zeros(0, np.int64)
    return observed.codes[1:][repeats(observed)]


def _empty(draft: Draft, observed: Observations) -> Times:
    return np.setdiff1d(observed.codes, observed.codes[~observed.missing])


def _missing(draft: Draft, observed: Observations) -> Times:
    reachable = _reachable(observed)
    return reachable.codes[reachable.missing] if draft.options.fill == "none" else np.zeros(0, np.int64)


def _off_steps(draft: Draft, observed: Observations, grid: Grid) -> Times:
    _, on = grid.ticks(observed.times, observed.origins)
    return observed.codes[~on]


def _with_gaps(draft: Draft, observed: Observations, grid: Grid) -> Times:
    if draft.options.fill != "none":
        return np.zeros(0, np.int64)
    reachable = _reachable(observed)
    ticks, _ = grid.ticks(reachable.times, reachable.origins)
    return reachable.codes[1:][reachable.joined & (np.diff(ticks) > 1)]


def _far_apart(draft: Draft, observed: Observations, grid: Grid) -> Times:
    ticks, _ = grid.ticks(observed.times, observed.origins)
    last = observed.starts + observed.lengths - 1
    return observed.codes[last[ticks[last] >= MOST_FILLED * observed.lengths]]


def _reachable(observed: Observations) -> Observations:
    """Without rows at the end that have no value, which are times to come."""
    return trimmed(observed, leading=False, trailing=True)


_OF_VALUES: dict[str, Callable[[Draft, Observations], Times]] = {
    "a time that appears twice": _repeated,
    "no value at all": _empty,
    "missing values": _missing,
}
"""What makes a series unusable: the codes of those it is true of."""
_OF_TIMES: dict[str, Callable[[Draft, Observations, Grid], Times]] = {
    "times that do not lie on the steps of the others": _off_steps,
    "gaps in time": _with_gaps,
    "times that lie too far apart to be filled": _far_apart,
}


def _usual(draft: Draft, observed: Observations) -> Frequency | None:
    """The frequency of most of the first series; None where none has one."""
    aliases: Counter[str] = Counter()
    spans = zip(observed.starts[:LOOKED_AT].tolist(), observed.lengths[:LOOKED_AT].tolist(), strict=True)
    for start, length in spans:
        times = observed.times[start : start + length]
        found = infer(times, np.ones(length - 1, np.bool_), calendar=draft.calendar) if length > 1 else None
        aliases.update([found.alias] if found else [])
    return Frequency(aliases.most_common(1)[0][0]) if aliases else None


def _without_missing_times(table: Table, options: ReadOptions) -> tuple[Table, dict[str, list[str]]]:
    id, time = _place(table, "id", options.id), _place(table, "time", options.time)
    empty = f"trim(c{time}) = ''" if table.is_text(time) else "false"
    cells = f"SELECT DISTINCT CAST(c{id} AS VARCHAR) AS name FROM {table.relation} WHERE c{time} IS NULL OR {empty}"
    names = table.connection.execute(f"{cells} ORDER BY name").fetchall()
    refused = [name for (name,) in names if name is not None]
    return (_without(table, options, refused), {"missing times": refused}) if refused else (table, {})


def _without(table: Table, options: ReadOptions, names: list[str]) -> Table:
    """The table without the rows of these series."""
    relation = f"{table.relation}_sound"
    table.connection.execute(f"CREATE TEMP TABLE {relation}_not AS SELECT unnest(?) AS name", [names])
    kept = f"CAST(c{_place(table, 'id', options.id)} AS VARCHAR) NOT IN (SELECT name FROM {relation}_not)"
    table.connection.execute(f"CREATE TEMP VIEW {relation} AS SELECT * FROM {table.relation} WHERE {kept}")
    return replace(table, relation=relation)


def _series_of(table: Table, options: ReadOptions, row: int) -> str:
    """The series of a row of ``rows``."""
    return table.cell(row, _place(table, "id", options.id))


def _place(table: Table, role: str, name: str | None) -> int:
    assert name is not None
    return named_columns(table, {role: name})[role]
