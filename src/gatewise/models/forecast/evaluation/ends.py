"""Series that end at different times: which are compared, and up to when a network may learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Panel
from ....words import count, few


@dataclass(frozen=True)
class Ends:
    """Whose windows lie in the same time.

    rows: positions in the panel of the series compared. clock: whether all of them are cut off at one time, so that
    no network learns what happened elsewhere while a window lasted.
    """

    rows: NDArray[np.int64]
    clock: bool
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, panel: Panel, rows: NDArray[np.int64], held_back: int) -> Ends:
        """Of these series those that end within the last ``held_back`` steps, if they are at least half.

        Times that are a plain counter of each series say nothing of its neighbours, and leave all.
        """
        if panel.frequency.counts:
            return cls(rows, False)
        ends = panel.ends
        latest = rows[np.argmax(ends[rows])]
        late = ends[rows] > panel.times[latest][-held_back - 1]
        notes = _early(panel, np.flatnonzero(ends < ends.max()))
        if late.mean() >= 0.5:
            return cls(rows[late], True, (*notes, *_not_compared(panel, rows[~late], held_back)))
        return cls(rows, False, (*notes, "So many end apart that networks may have learned from times after a window."))

    def training(self, panel: Panel, steps: int) -> Panel:
        """What was known, of all series, when the windows ``steps`` before the ends began."""
        if not self.clock:
            return panel.without_last(steps)
        return panel.until(min(panel.times[row][-steps - 1] for row in self.rows.tolist()))


def _early(panel: Panel, early: NDArray[np.int64]) -> tuple[str, ...]:
    if not len(early):
        return ()
    return (
        f"{len(early):,} of {count(len(panel), 'series', 'series')} end before the others "
        f"({few([panel.ids[row] for row in early])}): each is forecast from its own end.",
    )


def _not_compared(panel: Panel, ended: NDArray[np.int64], held_back: int) -> tuple[str, ...]:
    if not len(ended):
        return ()
    return (
        f"{count(len(ended), 'series', 'series')} that ended {held_back:,} steps or more before the last were not "
        f"compared ({few([panel.ids[row] for row in ended])}).",
    )
