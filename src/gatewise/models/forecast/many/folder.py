"""Where everything of a run stands in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """The folder of a run. What is in `work` is removed once the run is over.

    Readers of Parquet folders take names that begin with an underscore for no data.
    """

    path: Path

    @property
    def manifest(self) -> Path:
        """What the run was and came to: only there once it is over."""
        return self.path / "_manifest.json"

    @property
    def set_aside(self) -> Path:
        """The ids of series that were refused, or forecast by another model, with the reason."""
        return self.path / "_set-aside.csv"

    @property
    def model(self) -> Path:
        """The model that forecasts."""
        return self.path / "_model.safetensors"

    @property
    def work(self) -> Path:
        """What only an unfinished run needs."""
        return self.path / "_unfinished"

    @property
    def asked(self) -> Path:
        """What is asked for: the first file of a run."""
        return self.work / "asked.json"

    @property
    def plan(self) -> Path:
        """How it is done: there once the buckets and the model are."""
        return self.work / "plan.json"

    @property
    def buckets(self) -> Path:
        """The rows, parted."""
        return self.work / "buckets"

    @property
    def totals(self) -> Path:
        """The sums of the horizon, parted as the forecasts are."""
        return self.path / "_totals"

    def part(self, bucket: int) -> Path:
        """The forecasts of a bucket."""
        return self.path / f"part-{bucket:05}.parquet"

    def total(self, bucket: int) -> Path:
        """The sums of a bucket."""
        return self.totals / f"part-{bucket:05}.parquet"

    def record(self, bucket: int) -> Path:
        """What came of a bucket: there once its part is."""
        return self.work / f"part-{bucket:05}.json"
