from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.models.forecast import outcomes

from gatewise.models.forecast.report import render
from gatewise.models.forecast.results import Backtest, Outcome, Score, Window
from gatewise.tables.panel import Frequency, Panel

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m"


class Page(HTMLParser):
    """The page as a list of tags, its text, and the title and description of each chart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.text.setdefault(self.open[-1], []).append(data.strip())

    @property
    def charts(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if attributes.get("role") == "img" and tag == "svg"]

    @property
    def words(self) -> str:
        return " ".join(text for texts in self.text.values() for text in texts)


def many(count: int = 40) -> Panel:
    return outcomes.panel(tuple(f"shop {i}" for i in range(count)))


def flat() -> Outcome:
    """One constant series, one step ahead, MASE undefined."""
    panel = Panel(("flat",), (np.arange(10),), (np.full(10, 7.0),), Frequency("1"), 1)
    forecasts = {name: outcomes.quantiles(name, np.full((1, 1), 7.0), width=0.0) for name in ("Naive", "LSTM")}
    scores = tuple(
        Score(name, 1.0, np.inf, 1.0, 100.0, np.nan, 0.0, np.nan, np.nan, {}, {}, 0.1, np.array([np.nan]))
        for name in forecasts
    )
    window = Window(np.array([0]), (8,), np.full((1, 1), 7.0), np.array([np.nan]), forecasts, steps_back=1)
    judgement = replace(outcomes.judgement("few"), reference="Naive")
    backtest = Backtest(1, 1, scores, (window,), judgement, "Naive equals the LSTM.", step=1)
    return Outcome(
        panel, forecasts["Naive"], outcomes.LEVELS, backtest, (), "flat.csv", "gatewise forecast flat.csv", "1"
    )


@pytest.mark.parametrize(
    ("outcome", "charts"),
    [
        (outcomes.outcome(), 6),
        (outcomes.outcome(tested=False), 2),
        (outcomes.outcome(many()), 13),
        (outcomes.outcome(many(), tested=False), 6),
        (outcomes.outcome(outcomes.panel(length=60, counter=True)), 6),
        (outcomes.outcome(horizon=1), 6),
        (flat(), 2),
    ],
    ids=["one", "untested", "many", "many untested", "counter", "one step", "flat"],
)
def test_every_chart_has_a_title_and_a_description(outcome: Outcome, charts: int) -> None:
    page = Page(render(outcome))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.charts) == charts
    for chart in page.charts:
        label = chart["aria-labelledby"]
        assert label
        assert set(label.split()) <= set(ids)
    assert len(page.text["desc"]) == charts
    assert "nan" not in page.words
    assert all("nan" not in (attributes.get("d") or "") for _, attributes in page.tags)


def test_page_is_complete_in_itself() -> None:
    html = render(outcomes.outcome(many()))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "embed"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith(("on", "src", "href"))]


def test_page_may_neither_send_nor_point_elsewhere() -> None:
    tags = Page(render(outcomes.outcome())).tags
    policy = next(a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    words = {"default-src 'none'", "base-uri 'none'", "form-action 'none'"}
    assert words <= set(policy.split("; "))


def test_page_says_what_there_is_to_say() -> None:
    told = outcomes.outcome()
    words = Page(render(told)).words
    assert told.backtest
    for part in (told.verdict, told.source, told.command, *told.notes, "0.60", "1961-12-01", "82 %", "12 months"):
        assert part in words
    for score in told.backtest.scores:
        assert score.model in words


def test_foreign_text_stays_text() -> None:
    told = outcomes.outcome(outcomes.panel((HOSTILE, "b")))
    told = replace(told, notes=(HOSTILE,), source=HOSTILE, command=HOSTILE)
    html = render(told)
    assert "<script" not in html
    assert "<img" not in html
    assert "\x1b" not in html
    assert r"\x1b[31m" in html
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert "<script>alert(1)</script>" in page.words


def test_many_series_show_the_worst_the_median_and_the_best() -> None:
    data = many(9)
    told = outcomes.outcome(data)
    assert told.backtest
    windows = tuple(
        replace(window, insample_scale=np.array([5.0, 9, 1, 7, 3, 8, 2, 6, 4]) * 1e-9 + 0 * window.insample_scale)
        for window in told.backtest.windows
    )
    exact = tuple(
        replace(window, forecasts={name: outcomes.quantiles(name, window.actual + 1) for name in window.forecasts})
        for window in windows
    )
    page = Page(render(replace(told, backtest=replace(told.backtest, windows=exact))))
    assert [text for text in page.text["h2"] if text.startswith("shop")] == ["shop 2", "shop 0", "shop 1"]
    assert "6 more series are not drawn." in page.words


def test_same_outcome_same_page() -> None:
    assert render(outcomes.outcome()) == render(outcomes.outcome())
