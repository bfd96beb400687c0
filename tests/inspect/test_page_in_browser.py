from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import DESK, LEAST_CONTRAST, PHONE, visit
from tests.inspect import pages
from tests.inspect.test_page import ODD
from tests.matrix import FAMILY, every_pair

from gatewise.diagram import diagram
from gatewise.inspect.page import Inputs, Output, Page, PageWire, Refusal, Scores, render
from gatewise.pages.axes import number_ticks, value_scale

T, H = 30, 5
READABLE = 4.5  # WCAG 2.2, 1.4.3, level AA
PAGE = pages.page(T, H, 2, 3, places=2)
VALUE = re.compile(r'data-value="([^"]*)"')
FIELDS = ("time", "unit", "place", "output")
START = {"time": T - 1, "unit": 0, "place": 0, "output": 0}


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    with visit(browser, render(PAGE), tmp_path) as page:
        yield page


def state(page: Any) -> dict[str, int]:
    return {field: int(page.locator(f"#{field}").input_value()) for field in FIELDS}


def agrees(text: str, value: float) -> bool:
    """Whether a number is written as well as its digits allow."""
    last = 10.0 ** int(Decimal(text).as_tuple().exponent)
    return abs(float(text) - value) <= 0.501 * last and (value == 0 or float(Decimal(text)) != 0 or last < 1e-9)


def until(page: Any, wanted: Callable[[], bool]) -> None:
    """Wait for it: the page's policy lets no foreign script wait inside."""
    for _ in range(200):
        if wanted():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it never came")


def check_numbers(page: Any, document: Page = PAGE) -> None:
    """Everything that is written about the chosen step and unit, against the data."""
    at = state(page)
    place = document.places[at["place"]]
    unit = place.order[at["unit"]]
    for wire in place.wires:
        value = float(wire.numbers[at["time"], unit])
        assert agrees(page.locator(f'#values tr[data-wire="{wire.name}"] td').inner_text(), value)
        for slot in page.locator(f'.diagram:visible .number[data-value="{wire.name}"]').all_text_contents():
            assert agrees(slot, value)
    maps = [wire for wire in place.wires if wire.role != "value"]
    for wire, number in zip(maps, page.locator("#maps figcaption b").all_text_contents(), strict=True):
        assert agrees(number, float(wire.numbers[at["time"], unit]))
    for value, number in zip(
        document.inputs.numbers[at["time"]], page.locator("#inputs td").all_text_contents(), strict=True
    ):
        assert agrees(number, float(value))
    assert f"unit {unit}:" in page.locator("#live").text_content()
    assert document.steps[at["time"]] in page.locator("#when").inner_text()


@every_pair(width=[PHONE, DESK], scheme=["light", "dark"])
def test_page_opens_offline_fits_its_window_and_is_readable(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    with visit(browser, render(PAGE), tmp_path, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text = page.evaluate(LEAST_CONTRAST)
        assert contrast >= READABLE, text
        check_numbers(page)
        assert state(page) == START


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("ArrowLeft", {"time": T - 2}),
        ("ArrowLeft ArrowLeft ArrowRight", {"time": T - 2}),
        ("ArrowRight", {}),
        ("PageUp", {"time": T - 11}),
        ("PageUp PageUp PageDown", {"time": T - 11}),
        ("Home", {"time": 0}),
        ("Home End", {}),
        ("ArrowDown ArrowDown", {"unit": 2}),
        ("ArrowDown ArrowDown ArrowUp", {"unit": 1}),
        ("ArrowUp", {}),
        ("]", {"place": 1}),
        ("] [", {}),
        (". .", {"output": 2}),
        (". . ,", {"output": 1}),
    ],
)
def test_every_key_goes_where_it_says(opened: Any, keys: str, wanted: dict[str, int]) -> None:
    for key in keys.split():
        opened.keyboard.press(key)
    assert state(opened) == START | wanted
    check_numbers(opened)


def test_every_key_on_the_page_is_tested() -> None:
    pages_keys = {"←", "→", "Page Up", "Page Down", "Home", "End", "↑", "↓", "[", "]", ",", ".", "Space", "Esc"}
    html = render(PAGE)
    assert {part.split("<")[0] for part in html.split("<kbd>")[1:]} == pages_keys


@pytest.mark.slow
def test_space_plays_and_stops_at_the_end(opened: Any) -> None:
    opened.keyboard.press("PageUp")
    opened.keyboard.press("Space")
    until(opened, lambda: state(opened)["time"] > T - 10)
    opened.keyboard.press("Space")
    assert opened.locator("#play").inner_text() == "Play"
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowLeft")
    opened.locator("#play").click()
    assert opened.locator("#play").inner_text() == "Stop"
    until(opened, lambda: opened.locator("#play").inner_text() == "Play")
    assert state(opened)["time"] == T - 1
    check_numbers(opened)


@pytest.mark.slow
def test_escape_gives_the_scrolling_keys_back_to_the_page(opened: Any) -> None:
    opened.keyboard.press("Escape")

    def scrolls() -> bool:  # asked again: a busy machine drops a key that scrolls while the page is still being drawn
        for key in ("ArrowDown", "End"):
            opened.keyboard.press(key)
        return opened.evaluate("scrollY > 0")

    until(opened, scrolls)
    assert state(opened) == START
    opened.keyboard.press("ArrowLeft")
    assert state(opened)["time"] == T - 2


@pytest.mark.slow
def test_click_on_a_heat_map_goes_to_its_step_and_unit(opened: Any) -> None:
    canvas = opened.locator("#maps canvas[role=img]").nth(1)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 7.5 / T, "y": box["height"] * 3.5 / H})
    assert state(opened) == START | {"time": 7, "unit": 3}
    check_numbers(opened)
    opened.keyboard.press("ArrowDown")
    assert state(opened)["unit"] == 4


@pytest.mark.slow
def test_pointing_at_a_heat_map_reads_its_number_and_leaves_the_choice(opened: Any) -> None:
    canvas = opened.locator("#maps canvas[role=img]").nth(4)
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 3.5 / T, "y": box["height"] * 2.5 / H})
    place = PAGE.places[0]
    number = opened.locator("#maps figcaption b").nth(4)
    assert agrees(number.inner_text(), float(place.wires[4].numbers[3, place.order[2]]))
    opened.mouse.move(0, 0)
    check_numbers(opened)
    assert state(opened) == START


@pytest.mark.slow
def test_click_on_a_forecast_chooses_it_and_on_an_observation_goes_to_its_step(opened: Any) -> None:
    chart = opened.locator("#said-chart svg.chart").first
    box = chart.bounding_box()
    last = T + 3 - 1
    chart.click(position={"x": box["width"] * (T + 1) / last, "y": 40})
    assert state(opened) == START | {"output": 1}
    assert PAGE.outputs[1].label in opened.locator("#sums-title").inner_text()
    chart.click(position={"x": box["width"] * 12 / last, "y": 40})
    assert state(opened)["time"] == 12
    check_numbers(opened)


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 2])
def test_sums_of_the_chosen_output_are_those_of_the_data(opened: Any, which: int) -> None:
    opened.locator("#output").select_option(str(which))
    chosen = PAGE.explained[which]
    for split, ledger in zip(chosen.splits, opened.locator(".ledger").all(), strict=True):
        written = [float(text) for text in ledger.locator("tbody td:last-child").all_text_contents()]
        columns = split.by_step.sum(0) if split is chosen.credit else [split.by_step.sum()]
        np.testing.assert_allclose(written, [*columns, *split.lines.values()], atol=6e-4)
        for total in ledger.locator("tfoot td:last-child").all_text_contents():
            assert agrees(total, split.certificate.value)
    cells = opened.locator("#certificates tbody td").all_text_contents()
    for row, certificate in enumerate(chosen.checked):
        assert cells[5 * row] == f"{certificate.total:.9g}"
        assert float(cells[5 * row + 2]) == pytest.approx(certificate.gap, rel=0.05)
        assert cells[5 * row + 4] == "holds"


@pytest.mark.slow
def test_bars_name_the_number_of_the_chosen_step_and_input(opened: Any) -> None:
    output = PAGE.explained[0]
    assert output.memory
    assert output.credit
    opened.locator("#credit button").nth(1).click()
    opened.locator("#memory svg.chart").click(position={"x": 5, "y": 20})
    assert state(opened)["time"] == 0
    numbers = opened.locator(".readout b").all_text_contents()
    assert agrees(numbers[0], float(output.memory.by_step[0, 0]))
    assert agrees(numbers[1], float(output.credit.by_step[0, 1]))
    opened.locator("#credit button").nth(1).click()
    assert agrees(opened.locator(".readout b").nth(1).inner_text(), float(output.credit.by_step[0].sum()))


@pytest.mark.slow
def test_axes_are_those_of_the_chart_kit(opened: Any) -> None:
    """The script draws labels where Python put them, and bars on the scale that Python chose."""
    output = PAGE.explained[0]
    assert output.memory
    assert output.credit
    for chart, values in (("#memory", output.memory.by_step.sum(1)), ("#credit", output.credit.by_step.sum(1))):
        check_axis(opened, chart, values)
    opened.locator("#credit button").nth(1).click()
    check_axis(opened, "#credit", output.credit.by_step)  # one scale for all single inputs
    assert PAGE.chart
    (forecast,) = PAGE.chart.pictures()
    labels = opened.locator("#said-chart text.y").all_text_contents()
    assert labels == [tick.text for tick in number_ticks(forecast.up)]


def check_axis(page: Any, section: str, values: np.ndarray) -> None:
    scale = value_scale([[0.0], values])
    ticks = number_ticks(scale)
    assert page.locator(f"{section} text.y").all_text_contents() == [tick.text for tick in ticks]
    heights = page.locator(f"{section} text.y").evaluate_all(
        "labels => labels.map(e => parseFloat(e.getAttribute('y')))"
    )
    np.testing.assert_allclose(heights, [tick.at for tick in ticks], atol=0.006)
    zero = page.locator(f"{section} line.axis").last.get_attribute("y1")
    assert float(zero.rstrip("%")) == pytest.approx(float(scale(0.0)))


@pytest.mark.slow
def test_click_on_a_time_constant_chooses_its_unit(opened: Any) -> None:
    opened.locator("#units button").nth(1).click()
    assert state(opened) == START | {"unit": 1}
    scales = PAGE.places[0].timescales
    assert scales
    unit = PAGE.places[0].order[1]
    assert opened.locator("#units [aria-current=true]").inner_text().startswith(f"unit {unit}")
    assert agrees(opened.locator("#units b").nth(1).inner_text().lstrip("> "), float(scales.steps[unit]))


@pytest.mark.slow
def test_each_field_of_a_heat_map_has_the_colour_of_its_number(opened: Any) -> None:
    place = PAGE.places[0]
    canvas = "document.querySelectorAll('#maps canvas[role=img]')[1]"
    pixels = opened.evaluate(f"[...{canvas}.getContext('2d').getImageData(0, 0, {T}, {H}).data]")
    shown = lightness(np.array(pixels).reshape(H, T, 4)[..., :3])
    numbers = place.wires[1].numbers[:, place.order].T
    order = np.argsort(numbers, axis=None)
    assert (np.diff(shown.ravel()[order]) >= -1).all(), "rounding to 256 levels of three colours"


@pytest.mark.slow
def test_colours_of_a_heat_map_are_those_of_its_scale(opened: Any) -> None:
    """Lightness grows with a value between 0 and 1, and falls with the distance from zero on either side alike."""
    strips = opened.evaluate(
        "[0, 2].map((map) => { const strip = document.querySelectorAll('.scale canvas')[map];"
        " return [...strip.getContext('2d').getImageData(0, 0, 128, 1).data]; })"
    )
    gate, candidate = (lightness(np.array(strip).reshape(-1, 4)[:, :3]) for strip in strips)
    assert (np.diff(gate) > 0).all()
    assert (np.diff(gate)).max() < 3 * np.diff(gate).mean()
    assert (np.diff(candidate[:64]) > 0).all()
    assert (np.diff(candidate[64:]) < 0).all()
    assert np.abs(candidate - candidate[::-1]).max() < 3


def lightness(colours: np.ndarray) -> np.ndarray:
    """L* of CIELAB, 0 to 100."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


@pytest.mark.slow
def test_output_whose_sum_does_not_check_is_not_drawn(browser: Any, tmp_path: Path) -> None:
    refusal = Refusal("1951-07", 1.0, "", T, "Not shown: " + str(ODD))
    with visit(browser, render(replace(PAGE, outputs=(refusal, *PAGE.outputs[1:]))), tmp_path) as page:
        assert page.locator("#refusal").inner_text() == refusal.sentence
        assert refusal.sentence in page.locator("#certificates").inner_text()
        assert page.locator("#memory, #credit").filter(visible=True).count() == 0
        page.keyboard.press(".")
        assert not page.locator("#refusal").is_visible()
        assert page.locator("#memory, #credit").filter(visible=True).count() == 2


@pytest.mark.slow
def test_page_without_forecast_outputs_or_time_constants_works(browser: Any, tmp_path: Path) -> None:
    bare = replace(PAGE, outputs=(), chart=None, places=(replace(PAGE.places[0], timescales=None),))
    with visit(browser, render(bare), tmp_path) as page:
        page.keyboard.press("ArrowLeft")
        page.keyboard.press(".")
        assert not page.locator("#times").is_visible()
        assert int(page.locator("#time").input_value()) == T - 2
    scored = replace(PAGE, chart=None, outputs=(Output("class", 1.0),), scores=Scores("Class", ("a", "b"), [0.9, 0.1]))
    with visit(browser, render(scored), tmp_path) as page:
        assert page.locator("#said table td:last-child").all_text_contents() == ["0.9000", "0.1000"]


@pytest.mark.slow
def test_numbers_that_are_infinite_are_written_and_not_coloured(browser: Any, tmp_path: Path) -> None:
    wire = PAGE.places[0].wires[5]
    numbers = wire.numbers.copy()
    numbers[-1] = -np.inf
    place = replace(PAGE.places[0], wires=(replace(wire, numbers=numbers),))
    with visit(browser, render(replace(PAGE, places=(place,))), tmp_path) as page:
        assert page.locator("#values td").inner_text() == "-inf"
        pixels = f"document.querySelector('#maps canvas').getContext('2d').getImageData(0, 0, {T}, 1).data"
        assert page.evaluate(f"[...{pixels}]")[3::4] == [255] * (T - 1) + [0]


@pytest.mark.slow
def test_every_slot_in_the_diagram_of_every_cell_is_filled(browser: Any, tmp_path: Path) -> None:
    first, draw = PAGE.places[0], np.random.default_rng(0)
    places = []
    for cell in FAMILY.values():
        svg = diagram(cell, numbers=True)
        wires = tuple(PageWire(name, draw.normal(size=(T, H))) for name in sorted(set(VALUE.findall(svg))))
        places.append(replace(first, layer=len(places), cell=cell.name, diagram=svg, wires=wires))
    document = replace(PAGE, places=tuple(places))
    with visit(browser, render(document), tmp_path) as page:
        for _ in places:
            check_numbers(page, document)
            assert "" not in page.locator(".diagram:visible .number").all_text_contents()
            page.keyboard.press("]")
        assert state(page)["place"] == len(places) - 1


FOREIGN = "e => [...e.childNodes].some(part => part.nodeType === 3 && /alert|\\u05de/.test(part.data))"


@pytest.mark.slow
@pytest.mark.parametrize("name", [pages.HOSTILE, pages.RIGHT_TO_LEFT * 40, "a_very_long_name" * 30])
def test_foreign_names_are_inert_isolated_and_fit(browser: Any, tmp_path: Path, name: str) -> None:
    evil = replace(
        PAGE,
        title=name,
        about=((name, name),),
        steps=tuple(name for _ in PAGE.steps),
        inputs=Inputs((name, name), PAGE.inputs.numbers),
        outputs=tuple(replace(output, label=name, unit=name) for output in PAGE.outputs),
        chart=replace(PAGE.chart, name=name, times=tuple(name for _ in PAGE.chart.times)),
        scores=Scores(name, (name,), [0.5]),
        places=tuple(replace(place, cell=name) for place in PAGE.places),
    )
    with visit(browser, render(evil), tmp_path, PHONE) as page:
        for key in ("ArrowLeft", "]", "."):
            page.keyboard.press(key)
        assert state(page) == {"time": T - 2, "unit": 0, "place": 1, "output": 1}
        assert page.evaluate("[document.scripts.length, document.images.length]") == [2, 0]
        assert page.evaluate("[...document.querySelectorAll('*')].filter(e => e.onerror || e.onclick).length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        shown = f"[...document.body.querySelectorAll('*')].filter({FOREIGN})"
        kinds = "e => ['isolate', 'isolate-override'].includes(getComputedStyle(e).unicodeBidi) || e.tagName"
        assert set(page.evaluate(f"{shown}.map({kinds})")) - {True, "OPTION", "SCRIPT"} == set()
