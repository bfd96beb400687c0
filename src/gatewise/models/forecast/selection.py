"""Which model forecasts: the one asked for, or the one that a backtest chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...tables.panel import Panel
from ...words import capital
from .evaluation.backtest import compare
from .evaluation.contest import TooShortError
from .evaluation.contestants import CONTESTANTS, untested
from .model import Setup
from .results import Backtest

AUTO = "auto"


class ChosenModel(NamedTuple):
    """The word of the model that forecasts, the backtest behind it (None where none was run), and notes on it."""

    word: str
    backtest: Backtest | None = None
    notes: tuple[str, ...] = ()

    @property
    def members(self) -> frozenset[str] | None:
        """The words of those that took part, of which alone a pool is made; None where nothing was compared."""
        if self.backtest is None:
            return None
        names = self.backtest.windows[0].forecasts
        return frozenset(word for word, contestant in CONTESTANTS.items() if contestant.name in names)

    @property
    def widening(self) -> Mapping[int, float]:
        """The factors by which its intervals are widened, by level."""
        return self.backtest.widening if self.backtest else {}


def choose(panel: Panel, setup: Setup, word: str, *, windows: int | None, step: int | None, refit: bool) -> ChosenModel:
    """Run the backtest, see `compare`; with ``"auto"`` the model that it chooses, or that of short series."""
    chosen = None if word == AUTO else word
    try:
        backtest = compare(panel, setup, windows=windows, step=step, refit=refit, chosen=chosen)
    except TooShortError as short:
        if chosen:
            return ChosenModel(chosen, notes=(capital(f"{short.what}: the forecast is untested."),))
        word = untested(setup)
        return ChosenModel(
            word, notes=(capital(f"{short.what}, so the forecast is {CONTESTANTS[word].name}'s, untested."),)
        )
    best = next(word for word, contestant in CONTESTANTS.items() if contestant.name == backtest.judgement.chosen)
    return ChosenModel(chosen or best, backtest, backtest.notes)
