"""What descriptions of series are worth for one without a history: rivers, each forecast from the others alone.

    python -m benchmarks newcomers

Monthly mean flows of the river basins of the CAMELS sample, 2000 to 2008, described by area, height, slope, rain,
aridity, snow and the season of heavy rain. Each in turn is taken away and its last twelve months are forecast as a
mixture of the others' forecasts by the pretrained network, once with those alike counting most and once with all
counting alike. What is printed: the pinball loss over .025, .1, .5, .9 and .975 as a share of the mean flow, as a mean
and a median over the basins, and the percent of months in the 80 % intervals.

How much a column may count, and must gain to do so, was found on this set and on simulated ones.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.forecast import Forecaster, ReadOptions
from gatewise.models.forecast.results import SCORED_LEVELS
from gatewise.tables.panel import Floats

from .data import FOLDER as DATA

HORIZON, YEARS, LEAST_KNOWN = 12, slice("2000", "2008"), 0.97
READ = ReadOptions(time="month", id="basin", target="flow")
DESCRIBED = ("area_gages2", "elev_mean", "slope_mean", "p_mean", "aridity", "frac_snow", "high_prec_timing")


def main(arguments: Sequence[str]) -> None:
    """Print both ways."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks newcomers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data")
    flows, static = basins(parser.parse_args(arguments).data / "hydrology" / "camels_sample.tar.gz")
    print(f"| {len(static)} basins | loss, mean | loss, median | in 80 % |\n|---|---:|---:|---:|")
    for name, table in (("those alike count most", static), ("all count alike", static[["basin"]].assign(none=0))):
        figures = np.array([_figures(flows, table, basin) for basin in static["basin"]])
        losses, held = figures.T
        print(f"| {name} | {losses.mean():.2f} | {np.median(losses):.2f} | {100 * held.mean():.0f} % |", flush=True)


def basins(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Monthly flows in long form, and a row for each basin."""
    flows: dict[str, pd.Series] = {}
    described: list[pd.DataFrame] = []
    with tarfile.open(path) as archive:
        for member in archive:
            name, file = Path(member.name).name, archive.extractfile(member)
            if file is None:
                continue
            if name.endswith("_streamflow_qc.txt"):
                cells = pd.read_csv(io.BytesIO(file.read()), sep=r"\s+", header=None)
                days = pd.to_datetime(pd.DataFrame({"year": cells[1], "month": cells[2], "day": cells[3]}))
                flows[name[:8]] = pd.Series(cells[4].where(cells[4] >= 0).to_numpy(), days)
            elif name in ("camels_topo.txt", "camels_clim.txt"):
                table = pd.read_csv(io.BytesIO(file.read()), sep=";", dtype={"gauge_id": str})
                described.append(table.set_index("gauge_id"))
    months = pd.DataFrame(flows).resample("MS").mean().loc[YEARS]
    static = described[0].join(described[1])[list(DESCRIBED)]
    known = [name for name in months if name in static.index and months[name].notna().mean() > LEAST_KNOWN]
    filled = months[known].ffill().bfill().rename_axis("month").reset_index()
    return filled.melt("month", var_name="basin", value_name="flow"), static.loc[known].rename_axis(
        "basin"
    ).reset_index()


def _figures(flows: pd.DataFrame, static: pd.DataFrame, basin: str) -> tuple[float, float]:
    """The loss of one basin, and the share of its months in the 80 % interval."""
    others, own = flows[flows["basin"] != basin], flows.loc[flows["basin"] == basin, "flow"].to_numpy()[-HORIZON:]
    past = others[others["month"] < others["month"].max() - pd.DateOffset(months=HORIZON - 1)]
    model = Forecaster(HORIZON, model="pretrained", season=12).fit(past, static=static, read=READ)
    forecast = model.forecast(new=[basin])
    assert forecast.newcomers is not None
    values: Floats = forecast.newcomers[1].values[0]
    away, levels = own[:, None] - values, np.array(SCORED_LEVELS)
    loss = np.maximum(levels * away, (levels - 1) * away).mean() / own.mean()
    low, high = values[:, 1], values[:, 3]
    return float(loss), float(((low <= own) & (own <= high)).mean())
