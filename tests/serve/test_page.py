"""The page at ``/`` in a real browser: it asks its own server, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.browser import DESK, LEAST_CONTRAST, PHONE

from gatewise.serve import application, running

from .conftest import ROOT, load

READABLE = 4.5  # WCAG 2.2, 1.4.3, level AA
TABLE = (ROOT / "examples" / "air_passengers.csv").read_text()


@pytest.fixture(scope="module")
def address(files: dict[str, Path]) -> Iterator[str]:
    with running(application(files)) as address:
        yield address


@contextmanager
def opened(browser: Any, address: str, width: int = DESK, scheme: str = "light") -> Iterator[Any]:
    """The page; it may complain of nothing, and ask nobody else."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: request.url.startswith((address, "data:")) or complaints.append(request.url))
    page.on("console", lambda message: "400" in message.text or complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert complaints == []


def ask(page: Any, name: str, text: str | None = None) -> Any:
    """The answer of a model on the page."""
    card = page.locator(f".card[data-model={name}]")
    if text is not None:
        card.locator("textarea").fill(text)
    card.locator("button").click()
    answer = card.locator(".answer")
    for _ in range(400):
        if answer.inner_text() and card.locator("button").is_enabled():
            return answer
        page.wait_for_timeout(25)
    raise AssertionError("no answer came")


def test_a_table_is_tried(browser, address):
    with opened(browser, address) as page:
        answer = ask(page, "passengers", TABLE)
        assert "SeasonalNaive, 3 steps of MS" in answer.inner_text()
        assert answer.locator("tbody tr").count() == 3
        assert answer.locator("tbody th").first.inner_text() == "1961-01-01"
        assert answer.locator("tbody td").first.inner_text() == "417.0"
        assert answer.locator("path.truth").get_attribute("d").count("L") == 59
        assert answer.locator("path.band").count() == 2


def test_two_series_and_what_stands_there_to_begin_with(browser, address):
    rows = [f"2020-{month:02}-01,{name},{month}" for name in ("<b>a</b>", "b") for month in range(1, 13)]
    with opened(browser, address) as page:
        assert ask(page, "passengers").locator("tbody tr").count() == 3
        answer = ask(page, "passengers", "\n".join(["Month,id,#Passengers", *rows]))
        assert answer.locator("option").all_inner_texts() == ["<b>a</b>", "b"]
        answer.locator("select").select_option("b")
        assert answer.locator("svg.chart title").text_content() == "Forecast of b by SeasonalNaive"
        assert answer.locator("b").count() == 0


def test_an_alert_is_shown(browser, address):
    with opened(browser, address) as page:
        answer = ask(page, "watch", load(132)[120:].to_csv(index=False))
        told, rows = answer.locator("table").all()
        assert told.locator("tbody tr").first.inner_text().startswith("2024-01-06T05:00\tload\tspike\t1")
        assert rows.locator("tbody tr").count() == 12


@pytest.mark.parametrize(
    ("name", "words"),
    [("classifier", "%"), ("regressor", "prediction"), ("language", "a"), ("chain", "output 2"), ("watch", "score")],
)
def test_every_model_answers_what_stands_there(browser, address, name, words):
    with opened(browser, address) as page:
        assert words in ask(page, name).inner_text()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("passengers", "", "the table"),
        ("passengers", "a,b\n1", "row 2 has 1 cells, and the first row 2"),
        ("passengers", 'a,"b\n1,2', "a quote is not closed"),
        ("passengers", "Month,#Passengers\n2020-01-01,1\n2020-01-02,2\n2020-01-03,4", "made for the frequency"),
        ("watch", "time,load\n2024-01-01,1", "overlap with its history"),
        ("classifier", "1, x", '"x" in "1, x" is no number'),
        ("classifier", "1", "it has 1 features, and the model reads 2"),
        ("language", "ü", "does not occur"),
    ],
)
def test_what_is_wrong_is_said(browser, address, name, text, words):
    with opened(browser, address) as page:
        answer = ask(page, name, text)
        assert words in answer.locator(".wrong").inner_text()


def test_a_file_of_this_machine_is_read(browser, address, tmp_path):
    (tmp_path / "table.csv").write_text(TABLE.replace(",", ";"))
    with opened(browser, address) as page:
        page.locator(".card[data-model=passengers] input[type=file]").set_input_files(tmp_path / "table.csv")
        page.wait_for_timeout(200)
        assert ask(page, "passengers").locator("tbody tr").count() == 3


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(browser, address, width, scheme):
    with opened(browser, address, width, scheme) as page:
        for name in ("passengers", "classifier", "language", "chain", "watch"):
            ask(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text = page.evaluate(LEAST_CONTRAST)
        assert contrast >= READABLE, text


def test_the_policy_lets_nothing_else_in(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
