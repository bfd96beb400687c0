"""What later data must share with those learned from, and a history that grows at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ... import fields
from ...errors import InputError
from ...fields import Fields
from ...tables.covariates import Covariates, Role, followed
from ...tables.holidays import NAME as HOLIDAYS
from ...tables.options import ReadOptions
from ...tables.panel import Frequency, Panel
from ...words import count, few, stamps
from ..arguments import LONGEST_SEASON
from .bounds import floor_of, floors
from .model import Model


@dataclass(frozen=True)
class Schema:
    """The names of two columns, and the pace of time.

    target: empty where every series had a column of its own. frequency: alias, see `Frequency`. season: steps in
    one season; longer: those in longer seasons; unshown: those in one that the data do not show. covariates: by the
    names of those that the model takes, whether they are known ahead or only in the past. holidays: the country of
    those that it takes, empty where there is none. static: the names of those that it takes, never change, and tell
    series apart.
    """

    time: str
    target: str
    frequency: str
    season: int
    longer: tuple[int, ...] = ()
    unshown: int = 1
    covariates: Mapping[str, str] = field(default_factory=dict[str, str])
    holidays: str = ""
    static: Sequence[str] = ()

    @classmethod
    def of(cls, panel: Panel, *, informed: Collection[Role] = ()) -> Self:
        """The schema of these series. informed: the roles of the covariates that the model takes."""
        columns = [one for one in panel.covariates.columns if one.role in informed] if panel.covariates else []
        code = next((one.country for one in columns if one.country), "")
        roles = {one.name: one.role for one in columns if one.role in ("known", "past") and not one.country}
        seasons = panel.season, panel.longer, panel.unshown
        static = [one.name for one in columns if one.role == "static" and _tells_apart(panel, one.name)]
        return cls(panel.time, panel.target, panel.frequency.alias, *seasons, roles, code, static)

    @property
    def informed(self) -> bool:
        """Whether the model takes any covariates."""
        return bool(self.covariates or self.holidays or self.static)

    def to_json(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)

    def naming(self, read: ReadOptions, frame: Any) -> ReadOptions:
        """How a further table is read: of a frame, the columns of time and target by name where it has them."""
        if isinstance(frame, str | Path):
            return read
        known: list[Any] = list(getattr(frame, "columns", []))
        time, target = (name if name in known else None for name in (self.time, self.target))
        return replace(read, time=read.time or time, target=read.target or target)

    def disagreement(self, panel: Panel) -> str:
        """How the series differ from the schema, in words; empty where they do not."""
        for what, learned, present in (
            ("time column", self.time, panel.time),
            ("target column", self.target, panel.target),
            ("frequency", self.frequency, panel.frequency.alias),
        ):
            if learned and present and learned != present:
                return f"the model was made for the {what} {learned!r}, the data have {present!r}"
        names = panel.covariates.names if panel.covariates else ()
        needed = [*self.covariates, *self.static, *([HOLIDAYS] if self.holidays else [])]
        if lacking := [repr(name) for name in needed if name not in names]:
            return f"the model was made for the covariates {few(lacking)}, which the data were read without"
        return ""


def _tells_apart(panel: Panel, name: str) -> bool:
    """Whether a covariate that never changes is not the same in all series."""
    assert panel.covariates is not None
    at = panel.covariates.names.index(name)
    return len({float(values[0, at]) for values in panel.covariates.values}) > 1


SCHEMA = Fields(
    {
        "time": fields.text,
        "target": fields.text,
        "frequency": fields.text,
        "season": fields.whole(1, LONGEST_SEASON),
        "longer": fields.listed(fields.whole(2, LONGEST_SEASON), 9),
        "unshown": fields.whole(1, LONGEST_SEASON),
        "covariates": fields.table(fields.one_of(("known", "past"))),
        "holidays": fields.text,
        "static": fields.listed(fields.text),
    },
    lacking=("longer", "unshown", "covariates", "holidays", "static"),
)
"""A `Schema` in a file."""

Times = NDArray[np.generic]
LEAST_ROOM = 64


class Growth:
    """A panel that is extended at a cost in proportion to the new rows, and what forecasts it.

    panel: as it stands; one that was given out before stays as it was. floors: those of its series.
    """

    def __init__(self, panel: Panel, model: Model) -> None:
        self.panel, self.model, self.floors = panel, model.following(), floors(panel)
        self._rows = {name: row for row, name in enumerate(panel.ids)}
        self._rooms: dict[str, tuple[Room, Room, Room]] = {}

    def extend(self, new: Panel) -> Panel:
        """Put the rows behind those of the same series.

        Raises InputError, and changes nothing, where they do not go on from there.
        """
        _check(self.panel, self._rows, new)
        times, values, made = list(self.panel.times), list(self.panel.values), list(self.panel.made)
        for name, later, more, fresh in zip(new.ids, new.times, new.values, new.made, strict=True):
            row = self._rows[name]
            moments, numbers, marks = self._rooms.setdefault(name, (Room(), Room(), Room()))
            times[row], values[row] = moments.extended(times[row], later), numbers.extended(values[row], more)
            made[row] = marks.extended(made[row], fresh)
            self.floors[row] = min(self.floors[row], floor_of(more))
        covariates = self._continued(new)
        self.panel = replace(
            self.panel, times=tuple(times), values=tuple(values), made=tuple(made), covariates=covariates
        )
        return self.panel

    def _continued(self, new: Panel) -> Covariates | None:
        """The covariates up to where those of the new rows reach."""
        old = self.panel.covariates
        if old is None or new.covariates is None:
            return old
        rows = [self._rows[name] for name in new.ids]
        return followed(old, new.covariates, rows, self.panel.lengths[rows].tolist())


class Room:
    """Memory with room at its end. Arrays that were given out are never written to again."""

    def __init__(self) -> None:
        self._memory: NDArray[Any] | None = None
        self._used = 0

    def extended(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """Old and new in one array; the old is copied unless the last call gave it and there is room left."""
        used, memory = len(old) + len(new), self._memory
        if memory is None or old.base is not memory or len(old) != self._used or used > len(memory):
            memory = np.empty(used + max(used // 2, LEAST_ROOM), old.dtype)
            memory[: len(old)] = old
        memory[len(old) : used] = new
        self._memory, self._used = memory, used
        return memory[:used]


def _check(panel: Panel, rows: dict[str, int], new: Panel) -> None:
    """Raise InputError unless every new series goes on where its history ends."""
    if not sum(len(values) for values in new.values):
        raise InputError("there are no new rows", hint="give the rows that came after the history")
    strange = [name for name in new.ids if name not in rows]
    if strange:
        raise InputError(
            f"there is no series {', '.join(repr(name) for name in strange[:3])} in the history",
            hint=f"it holds {few(panel.ids, 5)}; to forecast other series, give their whole history: predict(frame)",
        )
    if len(set(new.ids)) < len(new.ids):
        raise InputError("a series appears twice among the new rows", hint="give each series once")
    ahead: dict[tuple[Any, int], Times] = {}
    for name, later, values in zip(new.ids, new.times, new.values, strict=True):
        end = panel.times[rows[name]][-1]
        key = end, len(later)
        if key not in ahead:
            ahead[key] = panel.frequency.future(*key)
        if not np.array_equal(ahead[key], later):
            raise _misfit(name, end, later, panel.frequency)
        if len(values) != len(later) or not np.isfinite(values).all():
            raise InputError(f"series {name!r} has no finite value for each new time", hint="put the values in")


def steps_missing(name: str, end: Any, later: Times, frequency: Frequency) -> int:
    """How many steps lie between the end of a series and the first of later times.

    Raises InputError where that is not on a step after the end.
    """
    ticks, on = _ticks(np.concatenate(([end], later)), frequency)
    if not on.all() or ticks[1] <= ticks[0]:
        raise _misfit(name, end, later, frequency)
    return int(ticks[1] - ticks[0]) - 1


def _misfit(name: str, end: Any, later: Times, frequency: Frequency) -> InputError:
    """What is wrong with times that do not go on after the end."""
    known = int((later <= end).sum())
    if known:
        first, last, held = _words(later[later <= end].min(), later[later <= end].max(), end)
        span = first if known == 1 else f"{first} to {last}"
        return InputError(
            f"{count(known, 'row')} of series {name!r} ({span}) overlap with its history, which ends at {held}",
            hint="give only rows after that",
        )
    times = np.concatenate(([end], later))
    ticks, on = _ticks(times, frequency)
    if not on.all():
        off, held = _words(times[np.argmin(on)], end)
        return InputError(
            f"the time {off} of series {name!r} does not lie on the steps of {frequency.alias} after {held}",
            hint="give rows with the frequency of the history",
        )
    at = int(np.argmax(np.diff(ticks) != 1))
    before, after = _words(times[at], times[at + 1])
    if ticks[at + 1] <= ticks[at]:
        return InputError(f"{after} comes after {before} in series {name!r}", hint="give each time once, in order")
    missing = count(int(ticks[at + 1] - ticks[at]) - 1, "step")
    return InputError(
        f"{missing} of {frequency.alias} missing in series {name!r} between {before} and {after}",
        hint="give the rows in between too",
    )


def _ticks(times: Times, frequency: Frequency) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The number of each time on the grid that begins with the first, and whether it lies on it."""
    from ...tables.grid import grid_of

    plain = times.astype(np.int64) if frequency.counts else times.astype("datetime64[ns]").view(np.int64)
    return grid_of(frequency, plain).ticks(plain, np.full(len(plain), plain[0]))


def _words(*times: Any) -> list[str]:
    return stamps(np.array(times))
