"""Which model forecasts: the one asked for, or the winner of a backtest."""

from __future__ import annotations

from typing import NamedTuple

from ...tables.panel import Panel
from ...words import capital
from .evaluation.backtest import compare
from .evaluation.contest import TooShortError
from .evaluation.contestants import CONTESTANTS, plainest
from .model import Setup
from .results import Backtest

AUTO = "auto"


class ChosenModel(NamedTuple):
    """The word of the model that forecasts, the backtest behind it (None where none was run), and notes on it."""

    word: str
    backtest: Backtest | None = None
    notes: tuple[str, ...] = ()


def choose(panel: Panel, setup: Setup, word: str, *, windows: int | None, step: int | None, refit: bool) -> ChosenModel:
    """Run the backtest, see `compare`; with ``"auto"`` its winner is chosen, or the plainest model of short series."""
    chosen = None if word == AUTO else word
    try:
        backtest = compare(panel, setup, windows=windows, step=step, refit=refit, chosen=chosen)
    except TooShortError as short:
        if chosen:
            return ChosenModel(chosen, notes=(capital(f"{short.what}: the forecast is untested."),))
        word = plainest(setup)
        return ChosenModel(
            word, notes=(capital(f"{short.what}, so the forecast is {CONTESTANTS[word].name}'s, untested."),)
        )
    winner = next(word for word, contestant in CONTESTANTS.items() if contestant.name == backtest.winner)
    return ChosenModel(chosen or winner, backtest, backtest.notes)
