"""One worker: it forecasts the buckets whose numbers come in, one a line, and says so, a line of JSON each.

python -m gatewise.models.forecast.many.worker FOLDER
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd

from ....errors import GatewiseError, InputError
from ....files import TEMPORARY, atomic_write
from ....tables.options import ReadOptions
from ....tables.panel import Frequency, Panel
from ....tables.sound import sound_series
from ....tables.table import database
from ....training.torch_state import exactly_threads
from ..ahead import completed
from ..batch import forecast_apart
from ..estimator import Forecaster
from ..evaluation.contestants import CONTESTANTS
from ..fitted import FittedForecaster
from ..results import Quantiles, central_levels, forecast_frame, total_frame
from ..totals.totals import Asked, totals
from .buckets import bucket, single_threaded
from .folder import Folder
from .records import read_record, sha256, write_record
from .rows import Columns

Names = dict[str, list[str]]
"""Series by the reason why something was done with them."""


class Worker:
    """What forecasts the buckets of one folder."""

    def __init__(self, folder: Folder) -> None:
        plan = read_record(folder.plan)
        assert plan is not None, "a worker is started once there is a plan"
        self.folder, self.source = folder, plan["source"]
        self.columns, self.frequency = Columns.from_json(plan["columns"]), Frequency(plan["frequency"])
        self.read = self.columns.named(ReadOptions(**plan["read"]))
        self.fitted: FittedForecaster = Forecaster.load(folder.model)
        self.horizon, self.total = self.fitted.setup_.horizon, plan["total"]

    def forecast(self, number: int) -> None:
        """Write the part of a bucket, and then its record."""
        with bucket(self.folder.buckets, number, self.columns, self.source) as table:
            sound = sound_series(table, self.read, self.frequency, self.columns.beside)
        refused, fell_back = sound.refused, Names()
        forecast = self._forecast(_sorted(sound.panel), refused) if sound.panel else None
        content = sums = b""
        if forecast is not None:
            panel, quantiles = forecast
            fell_back = {reason: list(names) for reason, names in quantiles.stand_ins.items()}
            levels = central_levels(quantiles.levels)
            if self.total:
                sums = self._parquet(total_frame(self._totals(panel, quantiles), panel, self.horizon, levels))
                atomic_write(self.folder.total(number), sums)
            content = self._parquet(forecast_frame(quantiles, panel, levels))
            atomic_write(self.folder.part(number), content)
        series = 0 if forecast is None else len(forecast[0])
        written = {"sha256": sha256(content), "totals": sha256(sums), "series": series}
        record = {**written, "refused": refused, "fell_back": fell_back}
        write_record(self.folder.record(number), record)

    def _forecast(self, panel: Panel, refused: Names) -> tuple[Panel, Quantiles] | None:
        """The series that could be forecast, and the forecasts; the names of others go to ``refused``."""
        try:
            return panel, forecast_apart(self.fitted, self._informed(panel))
        except InputError as error:
            if len(panel) == 1:
                refused.setdefault(error.what, []).append(panel.ids[0])
                return None
        halves = np.array_split(np.arange(len(panel)), 2)
        parts = [part for half in halves if (part := self._forecast(panel.select(half), refused))]
        if not parts:
            return None
        names = {name for part, _ in parts for name in part.ids}
        kept = panel.select([row for row, name in enumerate(panel.ids) if name in names])
        stand_ins: dict[str, tuple[str, ...]] = {}
        for _, forecast in parts:
            stand_ins |= {why: stand_ins.get(why, ()) + ids for why, ids in forecast.stand_ins.items()}
        values = np.concatenate([forecast.values for _, forecast in parts])
        return kept, replace(parts[0][1], values=values, stand_ins=stand_ins)

    def _informed(self, panel: Panel) -> Panel:
        """The series with the covariates that the model takes."""
        return completed(self.fitted.known_covariates, panel, self.read, self.horizon)

    def _totals(self, panel: Panel, quantiles: Quantiles) -> Quantiles:
        """The sums of the horizon; how far errors of steps add up is learned from the series of the bucket."""
        asked = Asked(self.fitted.model_, CONTESTANTS[self.fitted.kind_], self.fitted.setup_)
        with exactly_threads(1):
            return totals(quantiles, self._informed(panel), asked, None)

    def _parquet(self, frame: pd.DataFrame) -> bytes:
        """The frame, with ids as text."""
        frame = frame.astype({"unique_id": object})
        file = self.folder.work / TEMPORARY.format(secrets.token_hex(8))
        with database(str(file)) as connection:
            single_threaded(connection)
            connection.register("frame", frame)
            connection.execute("COPY frame TO '{}' (FORMAT parquet)".format(str(file).replace("'", "''")))
        content = file.read_bytes()
        file.unlink()
        return content


def _sorted(panel: Panel) -> Panel:
    """The series by their names."""
    return panel.select(np.argsort(np.array(panel.ids), kind="stable"))


def _listen(asked: SimpleQueue[int]) -> None:
    """Hand on what is asked for, and end at once when whoever asks has gone."""
    for line in sys.stdin:
        asked.put(int(line))
    os._exit(0)


def main(folder: Folder) -> None:
    """Answer standard input, until it ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    asked = SimpleQueue[int]()
    Thread(target=_listen, args=(asked,), daemon=True).start()
    worker = Worker(folder)
    while True:
        number = asked.get()
        answer: dict[str, Any] = {"bucket": number}
        try:
            worker.forecast(number)
        except GatewiseError as error:
            answer |= {"what": error.what, "where": error.where, "hint": error.hint}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(Folder(Path(sys.argv[1])))
