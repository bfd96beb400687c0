"""Outcomes as a table for people, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from .. import machine
from .experiment import Outcome
from .plan import Plan

HEADING = ("against overfitting", "training", "lowest validation", "validation", "test", "test of the seeds", "gain")


_INTRODUCTION = """\
An LSTM of {units} units learns {chorales} chorales of Bach, chord by chord, for {epochs} epochs of Adam at {rate:g},
from {seeds} seeds. Soon it knows them by heart: it gets worse on chorales that it has not seen, while it still gets
better on its own. Then the same with one regulariser at a time.
"""
_PICTURE = """\
![Training and validation loss over the epochs, for every regulariser]({})

Every line is a seed. Grey is the validation loss without any regulariser, dots are weights that early stopping keeps.
"""
_MEANING = """\
Figures are the negative log-likelihood of a chord in nats, lower is better: means over the seeds, of the weights that a
run leaves, on whole chorales without noise. *Lowest validation* is the best of all epochs, which without early stopping
nobody keeps. *Gain* is what the test set gains over nothing. Settings are the papers' or a first guess; the last row's
is one of the two best of five mixtures, tried on the validation chorales with one seed. Another processor may change
the last digits.
"""


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row of cells for each outcome; the first, without a cure, is what the others gain over."""
    return [(outcome.cure.name, *_figures(outcome, outcomes[0])) for outcome in outcomes]


def _figures(outcome: Outcome, plain: Outcome) -> list[str]:
    low, high = outcome.spread("test")
    means = [outcome.left("train"), outcome.best(), outcome.left("valid"), outcome.left("test")]
    gain = "" if outcome is plain else f"{plain.left('test') - outcome.left('test'):.2f}"
    return [*(f"{mean:.2f}" for mean in means), f"{low:.2f} to {high:.2f}", gain]


def page(outcomes: Sequence[Outcome], plan: Plan, seconds: float, picture: str) -> str:
    """The table with what was done, by what command, when, and on what.

    seconds: of processor time. picture: a link to the plot, or ''.
    """
    about = machine.description()
    commit = str(about["commit"])[:12] + (", with changes" if about["changed"] else "")
    lines = [
        "# Overfitting, shown and cured",
        "",
        _INTRODUCTION.format(**asdict(plan)),
        *([_PICTURE.format(picture)] if picture else []),
        _MEANING,
        _line(HEADING),
        _line(["---", *["---:"] * (len(HEADING) - 1)]),
        *map(_line, rows(outcomes)),
        "",
        *(f"* **{outcome.cure.name}**: {outcome.cure.text}." for outcome in outcomes[1:]),
        "",
        f"Printed by `python -m benchmarks overfitting` on {str(about['time'])[:10]} at commit {commit}, in "
        f"{seconds / 60:.0f} minutes of one core's time ({about['processor']}).",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
