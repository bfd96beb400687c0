from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import DESK, LEAST_CONTRAST, PHONE, visit
from tests.matrix import every_pair

from gatewise.estimators import Anomalies, Detector
from gatewise.tables.panel import Frequency, Panel


@pytest.fixture(scope="module")
def anomalies() -> Anomalies:
    """Alerts of several kinds in one series, and none in another, whose name is hostile."""
    rng = np.random.default_rng(0)
    first = 50 + 10 * np.sin(2 * np.pi * np.arange(500) / 24) + rng.normal(size=500)
    first[200] += 60
    first[300:315] = np.nan
    first[440:] += 50
    times = np.datetime64("2024-01-01", "ns") + np.arange(500) * np.timedelta64(1, "h")
    made = np.isnan(first)
    panel = Panel(
        ("load", "<script>alert(1)</script>"),
        (times, times[:100]),
        (np.nan_to_num(first), rng.normal(size=100)),
        Frequency("h"),
        24,
        made=(made, np.zeros(100, np.bool_)),
    )
    found = Detector(rate=0.01).fit(panel).anomalies_
    assert found is not None
    return found


@every_pair(width=[PHONE, DESK], scheme=["light", "dark"])
def test_the_page_opens_offline_fits_its_window_and_is_readable(
    browser: Any, anomalies: Anomalies, tmp_path: Path, width: int, scheme: str
) -> None:
    kinds = {alert.kind for alert in anomalies.alerts}
    assert {"spike", "gap", "level"} <= kinds
    with visit(browser, anomalies.to_html(), tmp_path, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text = page.evaluate(LEAST_CONTRAST)
        assert contrast >= 4.5, text
        words = page.inner_text("body")
        assert all(f"{kind.capitalize()} at" in words for kind in kinds)
        assert "<script>alert(1)</script>" in words
