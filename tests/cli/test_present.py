from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from tests.models.forecast import outcomes

from gatewise.cli.console import Screen
from gatewise.cli.forecast import present
from gatewise.models.forecast.results import Outcome


def printed(outcome: Outcome, width: int = 80, **console: bool | str) -> str:
    target = StringIO()
    present(outcome, Screen(file=target, width=width, **console))
    return target.getvalue()


def test_everything_is_said() -> None:
    told = outcomes.outcome()
    text = printed(told)
    for part in (
        told.verdict,
        "3 windows of 12 steps",
        "The error of LSTM with a covariate's values",
        "125.0 %",
        "SeasonalNaive",
        "LSTM, the next 12 months",
        "1961-12-01",
    ):
        assert part in text
    for note in told.notes:
        assert note in text
    assert printed(outcomes.outcome(tested=False)).count("Not tested") == 1


def test_many_series_show_the_first_few() -> None:
    text = printed(outcomes.outcome(outcomes.panel(tuple(f"shop {i}" for i in range(40))), horizon=24))
    assert "shop 2: LSTM" in text
    assert "shop 3" not in text
    assert "and 37 more series" in text
    assert text.count("and 12 more steps") == 3


def test_long_horizons_are_cut() -> None:
    assert "and 88 more steps" in printed(outcomes.outcome(horizon=100, tested=False))
    assert "more step" not in printed(outcomes.outcome(horizon=48, tested=False))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_tables_fit_the_terminal(width: int) -> None:
    lines = printed(outcomes.outcome(), width).splitlines()
    assert max(map(len, lines)) <= max(width, 25)
    assert "…" not in "".join(lines)


def test_colour_changes_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = printed(outcomes.outcome())
    assert "\x1b" not in plain
    coloured = printed(outcomes.outcome(), force_terminal=True, color_system="standard")
    assert "\x1b" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    uncoloured = printed(outcomes.outcome(), force_terminal=True)
    assert "\x1b[36m" not in uncoloured
    assert "539.2" in uncoloured


def test_hostile_text_is_spelled_out() -> None:
    told = outcomes.outcome(outcomes.panel(("\x1b]0;owned\x07[red]", "b")))
    told = replace(told, source="\x1b[2J.csv", notes=("column '\x1b[1m'",))
    text = printed(told)
    assert "\x1b" not in text
    for part in (r"\x1b]0;owned\x07[red]: LSTM", r"\x1b[2J.csv", r"Column '\x1b[1m'."):
        assert part in text
