"""Where data are that may not be shipped: ``../shared/data`` beside the checkout, or what GATEWISE_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ.get("GATEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
