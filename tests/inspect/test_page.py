from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.inspect import pages

from gatewise.errors import ExplanationError, InputError, ShapeError
from gatewise.inspect.certificate import Certificate
from gatewise.inspect.page import Inputs, Output, Page, PageWire, Refusal, Scores, Split, explained, render
from gatewise.inspect.page.binning import MOST_BYTES, binned

ODD = Certificate("a sum", 1.0, 2.0, 0.5, 1e-6)


class Document(HTMLParser):
    """The tags of a page, its texts by tag, and what stands in its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def small(**sizes: int) -> Page:
    return pages.page(**({"T": 30, "H": 5, "I": 2, "horizon": 3} | sizes))


def fourteen_values(page: Page) -> Page:
    more = [PageWire(f"value {k}", page.places[0].wires[0].numbers) for k in range(14 - len(page.places[0].wires))]
    return replace(page, places=(replace(page.places[0], wires=(*page.places[0].wires, *more)),))


def test_page_is_complete_in_itself() -> None:
    document = Document(render(small()))
    assert not {tag for tag, _ in document.tags} & {"link", "iframe", "img", "object", "embed", "base", "form"}
    for _, attributes in document.tags:
        assert not [name for name in attributes if name.startswith(("on", "src", "href"))]
    assert len(document.ids()) == len(set(document.ids()))
    assert not re.search(r"@import|url\(", render(small()))


def test_policy_lets_run_the_script_of_the_page_and_nothing_else() -> None:
    document = Document(render(small()))
    policy = next(a["content"] for tag, a in document.tags if a.get("http-equiv") == "Content-Security-Policy")
    made = base64.b64encode(hashlib.sha256(document.scripts[1].encode()).digest()).decode()
    assert policy
    assert f"script-src 'sha256-{made}'" in policy
    assert policy.startswith("default-src 'none'")


def test_foreign_text_cannot_end_the_data_nor_become_a_tag() -> None:
    evil = pages.HOSTILE
    page = small()
    html = render(
        replace(
            page,
            title=evil,
            about=((evil, evil),),
            steps=tuple(evil for _ in page.steps),
            inputs=Inputs((evil, evil), page.inputs.numbers),
            outputs=tuple(replace(output, label=evil, unit=evil) for output in page.outputs),
            scores=Scores(evil, (evil,), np.ones(1)),
        )
    )
    document = Document(html)
    assert [tag for tag, _ in document.tags].count("script") == 2
    assert "<img" not in html
    assert "\u202e" not in html
    assert json.loads(document.scripts[0])["inputs"]["names"][0].startswith("<script>alert(1)</script>\"'")


def test_same_page_same_text() -> None:
    assert render(small()) == render(small())


def test_two_hundred_steps_of_sixty_four_units_fit() -> None:
    html = render(fourteen_values(pages.page(T=200, H=64)))
    assert len(html.encode()) < 2_000_000
    assert "steps share each column" not in html


def test_more_steps_share_columns_and_the_page_says_so() -> None:
    html = render(fourteen_values(pages.page(T=2000, H=64, horizon=2)))
    assert len(html.encode()) <= MOST_BYTES
    assert "4 steps share each column" in html


def test_too_many_units_are_refused() -> None:
    numbers = np.zeros((1, 800_000), np.float32)
    page = small(T=1)
    place = replace(page.places[0], wires=(PageWire("c", numbers),), timescales=None)
    with pytest.raises(InputError, match="too much for a page"):
        render(replace(page, places=(place,)))


def test_columns_of_several_steps_hold_means_of_values_and_sums_of_contributions() -> None:
    page = small(T=10)
    short = binned(page, 4)
    assert short.steps == ("1949-01 to 1949-04", "1949-05 to 1949-08", "1949-09 to 1949-10")
    before, after = page.places[0].wires[0].numbers, short.places[0].wires[0].numbers
    np.testing.assert_array_equal(after[2], before[8:].astype(float).mean(0).astype(np.float32))
    credits = [output.credit.by_step for output in (page.explained[0], short.explained[0]) if output.credit]
    np.testing.assert_array_equal(credits[1][0], credits[0][:4].astype(float).sum(0).astype(np.float32))
    assert binned(short, 2).bin == 8


def test_output_whose_sum_does_not_check_cannot_be_made() -> None:
    with pytest.raises(ExplanationError, match="a sum does not add up"):
        Output("1961-01", 2.0, certificates=(ODD,))
    with pytest.raises(ExplanationError, match="a sum does not add up"):
        Output("1961-01", 2.0, credit=Split(np.ones((1, 1)), {}, ODD))


def test_sum_that_checks_is_refused_where_it_is_not_what_would_be_drawn() -> None:
    right = Certificate("a sum", 2.0, 2.0, 0.0, 1e-6)
    Output("1961-01", 2.0, memory=Split(np.ones((1, 1)), {"bias": 1.0}, right))
    with pytest.raises(ExplanationError, match="as drawn"):
        Output("1961-01", 2.0, memory=Split(np.ones((1, 1)), {"bias": 1.1}, right))
    with pytest.raises(ExplanationError, match="as drawn"):
        Output("1961-01", 2.0, memory=Split(np.full((1, 1), np.nan), {"bias": 1.0}, right))


def test_explained_makes_a_refusal_of_it() -> None:
    refused = explained("1961-01", 2.0, certificates=(ODD,))
    assert refused == Refusal("1961-01", 2.0, "", None, "Not shown: a sum does not add up: " + ODD._figures() + ".")
    assert isinstance(explained("1961-01", 2.0), Output)


def test_arrays_of_another_shape_are_refused_by_name() -> None:
    page = small()
    with pytest.raises(ShapeError, match="the value i"):
        replace(page.places[0].wires[0], numbers=np.zeros(3))
    with pytest.raises(ShapeError, match="the value i of layer 0"):
        replace(page, steps=page.steps[:-1])
    with pytest.raises(ShapeError, match="the inputs"):
        Inputs(("a",), np.zeros((30, 2)))
    with pytest.raises(ShapeError, match="output by input"):
        replace(page, inputs=Inputs(("a",), page.inputs.numbers[:, :1]))
    with pytest.raises(ShapeError, match="the median"):
        replace(page.chart, median=np.zeros(2))
    with pytest.raises(InputError, match="at least one step and one layer"):
        replace(page, places=())


def test_a_number_that_is_none_stays_readable() -> None:
    page = small()
    tree = json.loads(Document(render(replace(page, outputs=(Output("x", np.nan),)))).scripts[0])
    assert tree["outputs"][0]["value"] is None


def test_units_are_ordered_by_memory_and_unknown_ones_come_last() -> None:
    place = small(H=3).places[0]
    assert place.timescales
    steps = np.array([2.0, np.nan, 7.0])
    assert replace(place, timescales=replace(place.timescales, steps=steps)).order == [2, 0, 1]
    assert replace(place, timescales=None).order == [0, 1, 2]
