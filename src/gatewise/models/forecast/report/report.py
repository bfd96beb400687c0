"""The report: one page of HTML that opens offline, with the view inside the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ....errors import GatewiseError
from ....escape import visible
from ....pages import templates
from ....pages.figure import Figure
from ....pages.marks import series
from ....tables.panel import Panel
from ....words import count, sentence, stamps, steps
from ..bounds import Bounds
from ..document import effect_columns, forecast_columns, score_columns, total_columns
from ..model import Predictor
from ..pretrained.model import PretrainedModel
from ..regression.model import Regression
from ..results import Backtest, Outcome, Worth, error_by_series
from .comparison import coverage_chart, error_chart, spread_chart
from .fan import fan_chart, past_chart
from .overlay import backtest_chart, contenders
from .ratios import ratio_chart

if TYPE_CHECKING:
    from jinja2 import Template

_FEW, _MOST_TOTALS = 3, 200


@dataclass(frozen=True)
class Example:
    """One series shown in full; ``remark`` says why it was picked, '' where every series is shown."""

    name: str
    remark: str
    fan: Figure
    past: Figure | None
    overlay: Figure | None
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard; ``bar`` is the length of its bar in percent of the widest."""

    style: str
    bar: float
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """heads: of the columns. hidden: how many rows are left out."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden: int


def shown_first(outcome: Outcome) -> int:
    """The row of the series that the report shows first."""
    return _picked(outcome, _shown(outcome))[0][0]


def _shown(outcome: Outcome) -> str:
    return contenders(outcome.model, outcome.backtest)[0] if outcome.backtest else outcome.model


def render(outcome: Outcome, within: EmbeddedPage | None = None) -> str:
    """The report as HTML text. within: the views inside the network, which stand in a frame that reaches nothing."""
    backtest = outcome.backtest
    model = _shown(outcome)
    return _template().render(
        outcome=outcome,
        within=within,
        facts=_facts(outcome),
        examples=[_example(outcome, row, remark) for row, remark in _picked(outcome, model)],
        board=_leaderboard(backtest) if backtest else (),
        heads=[head for head, _ in score_columns(backtest)] if backtest else (),
        comparisons=_comparisons(outcome, backtest, model) if backtest else (),
        scored=_scored(backtest) if backtest else "",
        worth=backtest.worth if backtest else None,
        totals=_totals(outcome),
        newcomers=_newcomers(outcome),
        effects=_effects(backtest.worth) if backtest and backtest.worth else (),
    )


@cache
def _template() -> Template:
    environment = templates(__package__ or "")
    environment.filters["sentence"] = sentence
    return environment.get_template("report.html.j2")


def _facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    panel = outcome.panel
    first, last = stamps(outcome.span)
    return (
        ("Model", outcome.model),
        ("Ahead", steps(outcome.horizon, panel.frequency.alias)),
        ("Series", f"{len(panel):,}"),
        ("Observations", f"{panel.lengths.sum():,}"),
        ("From", first),
        ("To", last),
        ("Season", steps(panel.season, panel.frequency.alias) if panel.season > 1 else "none"),
    )


def _picked(outcome: Outcome, model: str) -> list[tuple[int, str]]:
    """Rows to show in full: all where they are few, else the best, the median and the worst by backtest error."""
    total = len(outcome.panel)
    if total <= _FEW:
        return [(row, "") for row in range(total)]
    errors = error_by_series(outcome.backtest, model, total) if outcome.backtest else np.full(total, np.nan)
    order = [row for row in np.argsort(errors).tolist() if np.isfinite(errors[row])]
    if len(order) < _FEW:
        return [(row, "") for row in range(_FEW)]
    places = (("Largest error", -1), ("Median error", len(order) // 2), ("Smallest error", 0))
    return [(order[at], f"{word} in the backtest: MASE {errors[order[at]]:.3f}") for word, at in places]


def _example(outcome: Outcome, row: int, remark: str) -> Example:
    overlay = backtest_chart(outcome, outcome.backtest, row) if outcome.backtest else None
    name = visible(outcome.panel.ids[row])
    heads, columns = zip(*forecast_columns(outcome, row), strict=True)
    rows = tuple(zip(*columns, strict=True))
    return Example(name, remark, fan_chart(outcome, row), past_chart(outcome, row), overlay, heads, rows)


def _leaderboard(backtest: Backtest) -> list[Row]:
    defined = [score.relative for score in backtest.scores if np.isfinite(score.relative)]
    widest = max(defined, default=0.0) or 1.0
    rows = zip(*(cells for _, cells in score_columns(backtest)), strict=True)
    bars = (100 * score.relative / widest if np.isfinite(score.relative) else 0.0 for score in backtest.scores)
    return [Row(series(place), bar, cells) for place, (bar, cells) in enumerate(zip(bars, rows, strict=True))]


def _totals(outcome: Outcome) -> Table | None:
    """What the horizon adds up to, of the first series where there are many."""
    if outcome.totals is None:
        return None
    heads, columns = zip(*total_columns(outcome, outcome.totals), strict=True)
    rows = tuple(zip(*(cells[:_MOST_TOTALS] for cells in columns), strict=True))
    return Table(heads, rows, max(len(outcome.panel) - _MOST_TOTALS, 0))


def _newcomers(outcome: Outcome) -> list[tuple[str, Table]]:
    """The forecasts of series without a history, by their names."""
    if outcome.newcomers is None:
        return []
    panel, quantiles = outcome.newcomers
    own, tables = replace(outcome, panel=panel, quantiles=quantiles), list[tuple[str, Table]]()
    for row, name in enumerate(panel.ids[:_MOST_TOTALS]):
        heads, columns = zip(*forecast_columns(own, row), strict=True)
        tables.append((visible(name), Table(heads, tuple(zip(*columns, strict=True)), 0)))
    return tables


def _effects(worth: Worth) -> list[Row]:
    """One line for each covariate; the bar is what the error rises by."""
    rows = zip(*(cells for _, cells in effect_columns(worth)), strict=True)
    widest = max([one.rise for one in worth.effects], default=0.0)
    bars = [100 * max(one.rise, 0.0) / widest if widest > 0 else 0.0 for one in worth.effects]
    return [Row(series(0), bar, cells) for bar, cells in zip(bars, rows, strict=True)]


def _comparisons(outcome: Outcome, backtest: Backtest, model: str) -> list[Figure]:
    made = (
        ratio_chart(backtest),
        error_chart(backtest),
        coverage_chart(backtest),
        spread_chart(backtest, model, len(outcome.panel)),
    )
    return [figure for figure in made if figure]


def _scored(backtest: Backtest) -> str:
    values = sum(int((~np.isnan(window.actual)).sum()) for window in backtest.windows)
    best = backtest.judgement.intervals
    intervals = f" The best intervals, by MSIS, are those of {best}." if best else ""
    rows = len(np.unique(np.concatenate([window.series for window in backtest.windows])))
    return (
        f"{count(len(backtest.windows), 'window')} of {count(backtest.horizon, 'step')}, "
        f"{count(rows, 'series', 'series')}: {count(values, 'observation')} against their forecasts.{intervals}"
    )


UNOPENED = "The network came trained; gatewise inspect opens its memory on any series, from a saved model."


@dataclass(frozen=True)
class EmbeddedPage:
    """page: one of HTML, complete in itself, or "". script: what a policy must let run for it, or "". sentence: what
    it is, or why there is none."""

    page: str
    script: str
    sentence: str


def embedded_page(model: Predictor, panel: Panel, row: int, bounds: Bounds) -> EmbeddedPage:
    """What can be seen inside the model's network on one series of the panel. bounds: of its forecasts."""
    name = panel.ids[row]
    if isinstance(model, PretrainedModel | Regression):  # compiling what looks inside takes longer than the forecast
        return EmbeddedPage("", "", UNOPENED)
    from ....inspect.explain import look_inside  # which imports torch
    from ....inspect.page import script_hash
    from ..inside.subject import subject_of

    try:
        page = look_inside(subject_of(model, panel, name, bounds=bounds)).to_html()
    except GatewiseError as error:
        return EmbeddedPage("", "", f"Nothing is shown of the inside: {error.what}.")
    which = f" of {name}" if len(panel) > 1 else ""
    return EmbeddedPage(page, script_hash(), f"The gates and the memory behind the forecast{which}, to step through.")
