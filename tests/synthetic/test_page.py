"""The page of the synthetic series is what the tool writes, and its pictures are what the families draw."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.synthetic.main import PROFILE, Rates, page
from benchmarks.synthetic.pictures import PANELS, file_name, pictures

from gatewise.synthetic import FAMILIES, PROFILES

DOCS = Path(__file__).parents[2] / "docs"


def without_figures(text: str) -> str:
    """Without what a machine decides: rates, and its name."""
    return re.sub(r"\(([^()]|\([^()]*\))*\), in series", "(), in series", re.sub(r"\b\d+\.\d\b(?! %)", "", text))


def test_the_page_is_what_the_tool_writes() -> None:
    rates = Rates(dict.fromkeys(FAMILIES, 1.0), dict.fromkeys((one.name for one in PROFILES), 1.0), 1.0)
    written = page(rates, "pictures/synthetic")
    assert without_figures(written) == without_figures((DOCS / "synthetic.md").read_text(encoding="utf-8"))
    assert PROFILE.name in written


def test_there_is_a_picture_of_every_family_and_no_other() -> None:
    folder = DOCS / "pictures" / "synthetic"
    assert {path.name for path in folder.iterdir()} == {file_name(name) for name in FAMILIES}
    assert set(pictures()) == {file_name(name) for name in FAMILIES}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_picture_shows_a_line_for_each_panel_within_its_frame(name) -> None:
    root = ElementTree.fromstring(pictures()[file_name(name)])
    lines = [path.attrib["d"] for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert len(lines) == len(PANELS)
    for line, (_, length, *_rest) in zip(lines, PANELS, strict=True):
        points = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", line), float)
        assert len(points) == length
        assert points.min() >= 0
        assert points.max() <= 1000
