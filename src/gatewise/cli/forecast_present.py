"""An outcome for a reader at a terminal; without colour it says the same."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..escape import visible
from ..models.forecast.listing import Columns, forecast_columns, score_columns
from ..models.forecast.outcome import Outcome
from ..models.forecast.results import Backtest
from ..tables.panel import Floats
from ..words import count, sentence, stamps, steps

_FEW_SERIES, _MOST_STEPS, _FEW_STEPS, _SLACK = 3, 48, 12, 3
_GAP = 2
_BLOCKS = "▁▂▃▄▅▆▇█"


def present(outcome: Outcome, console: Console) -> None:
    """Print the verdict, the leaderboard, the forecast of the first series and what was inferred."""
    _say(console, f"{outcome.source}: {_size(outcome)}", "bold")
    _say(console, outcome.verdict)
    if outcome.backtest:
        _head(console, f"Backtest, {_trial(outcome.backtest)}")
        console.print(_fitting(console, score_columns(outcome.backtest)))
    for row in range(min(len(outcome.panel), _FEW_SERIES)):
        _present_series(outcome, row, console)
    hidden = len(outcome.panel) - _FEW_SERIES
    if hidden > 0:
        _say(console, f"... and {count(hidden, 'more series', 'more series')}; --out FILE.csv writes them all", "dim")
    if outcome.notes:
        _head(console, "What was inferred")
        for note in outcome.notes:
            console.print(Text(_bullet(note, console.width)))


def _present_series(outcome: Outcome, row: int, console: Console) -> None:
    ahead = steps(outcome.horizon, outcome.panel.frequency.alias)
    name = f"{outcome.panel.ids[row]}: " if len(outcome.panel) > 1 else ""
    _head(console, f"{name}{outcome.model}, the next {ahead}")
    if spark := _sparkline(outcome, row, console):
        console.print(spark)
    most = _MOST_STEPS if len(outcome.panel) == 1 else _FEW_STEPS
    shown = outcome.horizon if outcome.horizon <= most + _SLACK else _FEW_STEPS
    columns = [(head, cells[:shown]) for head, cells in forecast_columns(outcome, row)]
    console.print(_fitting(console, columns))
    if outcome.horizon > shown:
        _say(console, f"... and {count(outcome.horizon - shown, 'more step')}; --out FILE.csv writes them all", "dim")


def _size(outcome: Outcome) -> str:
    panel = outcome.panel
    series = count(len(panel), "series", "series")
    first, last = stamps(outcome.span)
    return f"{series}, {count(int(panel.lengths.sum()), 'observation')}, {first} to {last}"


def _trial(backtest: Backtest) -> str:
    return f"{count(len(backtest.windows), 'window')} of {count(backtest.horizon, 'step')}: lower is better"


def _fitting(console: Console, columns: Columns) -> Table:
    """The columns as a table, without the last ones where the terminal is too narrow for them."""
    widths = [max(cell_len(cell) for cell in (head, *cells)) + _GAP for head, cells in columns]
    room = int(np.sum(np.cumsum(widths) - _GAP <= console.width))
    return _table(columns[: max(room, 2)])


def _table(columns: Columns) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for place, (head, _) in enumerate(columns):
        table.add_column(Text(head), justify="right" if place else "left", no_wrap=True)
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _sparkline(outcome: Outcome, row: int, console: Console) -> Text | None:
    """The last stretch of history and, in colour, the forecast; None where the terminal lacks the letters."""
    if "utf" not in console.encoding.lower():
        return None
    past = outcome.panel.values[row][-max(3 * outcome.horizon, 2 * outcome.panel.season) :]
    both = np.concatenate([past, outcome.quantiles.median[row]])
    width = min(len(both), console.width - 1, 72)
    edge = round(width * len(past) / len(both))
    letters = _blocks(np.array([part.mean() for part in np.array_split(both, width)]))
    return Text.assemble(letters[:edge], ("|", "dim"), (letters[edge:], "bold cyan"))


def _blocks(values: Floats) -> str:
    low, high = values.min(), values.max()
    places = (values - low) / (high - low) * (len(_BLOCKS) - 1) if high > low else np.zeros(len(values))
    return "".join(_BLOCKS[place] for place in places.round().astype(int))


def _head(console: Console, text: str) -> None:
    console.print()
    _say(console, text, "bold")


def _bullet(note: str, width: int) -> str:
    words = visible(sentence(note))
    return fill(words, width, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(visible(text), style))
