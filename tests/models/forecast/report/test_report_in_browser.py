from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import DESK, LEAST_CONTRAST, PHONE, visit
from tests.matrix import every_pair
from tests.models.forecast import outcomes

from gatewise.models.forecast.report import render


@every_pair(width=[PHONE, DESK], scheme=["light", "dark"])
def test_report_opens_offline_fits_its_window_and_is_readable(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    with visit(browser, render(outcomes.outcome()), tmp_path, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text = page.evaluate(LEAST_CONTRAST)
        assert contrast >= 4.5, text
