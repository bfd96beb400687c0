"""Which seasons the series of a panel have: those of the calendar that most of them show, or one that is found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...tables.frequency import seasons_of
from ...tables.panel import Floats, Panel
from ...words import steps
from .seasonality import LEAST_SEASONS, cycle, is_visible, without

MOST_SERIES, MOST_SEASONS, MOST_OBSERVATIONS = 50, 20, 2000
"""Series that are looked at, and of each its latest observations: so many seasons, or so many observations."""


@dataclass(frozen=True)
class Seasons:
    """season: steps in the shortest season, 1 for none. longer: those of longer ones. words: how they are known.

    unshown: steps in the calendar's shortest season where the data do not show it, 1 for none.
    """

    season: int
    longer: tuple[int, ...]
    words: str
    unshown: int = 1


def with_seasons(panel: Panel, held_back: int) -> Panel:
    """The panel with the seasons that it shows, told in its notes; one whose season is settled stays as it is.

    held_back: observations at the end of each series that are not looked at, because a backtest is to forecast them.
    """
    if not panel.assumed:
        return panel
    seasons = seasons_in(panel.without_last(held_back), panel)
    notes = (*panel.notes, seasons.words)
    told = {"season": seasons.season, "longer": seasons.longer, "unshown": seasons.unshown}
    return replace(panel, **told, assumed=False, notes=notes)


def seasons_in(past: Panel, whole: Panel) -> Seasons:
    """The seasons of the calendar that at least half of the past's series show, of those that could show them.

    Where none could, the calendar's shortest is assumed if the whole of some series holds two. Where times are a plain
    counter, one season is looked for in all that the series repeat.
    """
    sample = _sample(past)
    if whole.frequency.counts:
        found = cycle([values[-MOST_OBSERVATIONS:] for values in sample]) if sample else 1
        words = f"season {found}, found in the data" if found > 1 else "no season: none stands out of the data"
        return Seasons(found, (), words)
    candidates = seasons_of(whole.frequency)
    if not candidates:
        return Seasons(1, (), "no season")
    shown = _shown(sample, candidates)
    if shown:
        longer = f", and a longer one of {steps(shown[1], 'step')}" if len(shown) > 1 else ""
        return Seasons(shown[0], tuple(shown[1:]), f"season {shown[0]}, visible in the data{longer}")
    return _unseen(candidates[0], sample, int(whole.lengths.max()))


def _unseen(season: int, sample: list[Floats], longest: int) -> Seasons:
    if any(len(values) >= LEAST_SEASONS * season for values in sample):
        return Seasons(1, (), f"no season: one of {season} steps is not visible in the data", season)
    if longest >= 2 * season:
        words = f"season {season}, assumed: it would take {LEAST_SEASONS * season} observations to see it in the data"
        return Seasons(season, (), words)
    words = f"no season (one of {season} needs {2 * season} observations, the longest series has {longest})"
    return Seasons(1, (), words, season)


def _sample(panel: Panel) -> list[Floats]:
    """Series spread evenly over the panel, of the longer half, as logarithms where they are positive."""
    if not len(panel):
        return []
    long = np.flatnonzero(panel.lengths >= np.median(panel.lengths))
    rows = long[np.unique(np.linspace(0, len(long) - 1, min(len(long), MOST_SERIES)).round().astype(int))]
    return [np.log(values) if values.min() > 0 else values for values in (panel.values[row] for row in rows.tolist())]


def _shown(sample: list[Floats], candidates: tuple[int, ...]) -> list[int]:
    """The candidates, rising, that at least half of the series show that are long enough; each beside those before."""
    shown: list[int] = []
    for season in candidates:
        latest = max(MOST_OBSERVATIONS, MOST_SEASONS * season)
        able = [values[-latest:] for values in sample if len(values) >= LEAST_SEASONS * season]
        if able and np.mean([is_visible(values, season) for values in able]) >= 0.5:
            shown.append(season)
            sample = [without(values, season) for values in sample]
    return shown
