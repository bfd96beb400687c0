"""What a run is asked for: while it is unchanged, a run that was interrupted goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ....errors import InputError
from ....files import not_opened
from ....tables.options import ReadOptions
from ....tables.reading import parquet_files
from .records import sha256


@dataclass(frozen=True)
class Asked:
    """The source and the arguments of `forecast_many`.

    source: a folder of Parquet files, or a file. settings: arguments of `Forecaster`, None for its defaults. load: the
    file of a saved model, None to make one. total: whether sums of the horizon are forecast too.
    """

    source: Path
    horizon: int | None
    settings: Mapping[str, Any]
    load: Path | None
    read: ReadOptions
    total: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it, with what tells whether the files are still the same."""
        return {
            "source": str(self.source.resolve()),
            "files": [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in self.files],
            "horizon": self.horizon,
            **self.settings,
            "total": self.total,
            "levels": list(self.settings["levels"] or ()),
            "load": "" if self.load is None else sha256(self.load.read_bytes()),
            "read": {**asdict(self.read), "season": list(self.read.seasons or ())},
        }

    @property
    def files(self) -> list[Path]:
        """The files of the source. Raises InputError where there are none."""
        if self.source.is_dir():
            return parquet_files(self.source.resolve())
        if not self.source.exists():
            raise not_opened(self.source, FileNotFoundError())
        return [self.source.resolve()]


def check_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise InputError where a run that stands in the folder was asked for something else."""
    different = next((name for name in now if before.get(name) != now[name]), None)
    if different is not None:
        what = "a run of files that have changed since" if different == "files" else f"a run with another {different}"
        raise InputError(
            f"the folder holds {what}", where=str(folder), hint="choose another folder, or remove this one"
        )
