"""Engines that hand the parts of a table to processes, by the recipes of the guide: whether the bits are one process's.

Each of dask, ray and spark that is installed forecasts the same series by two workers; Spark needs Java too. Whatever
is missing is said, and only what was asked for by name has to be there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from gatewise.forecast import Batch, Forecaster

from .data import series

MONTHS, HORIZON, WORKERS = 72, 12, 2
LEARNED_FROM = 50
"""Series, where a model learns."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--engine", choices=[*ENGINES], action="append", help="by default all that are installed")


def measure(given: argparse.Namespace) -> bool:
    """Print a row for each engine. Whether all give the bits of this process."""
    table = series(given.series, MONTHS)
    asked = given.engine or [*ENGINES]
    missing = [engine for engine in asked if find_spec(_PACKAGES[engine]) is None]
    for engine in missing:
        print(f"{engine} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        learned = table[table["unique_id"].isin(table["unique_id"].unique()[:LEARNED_FROM])]
        Forecaster(HORIZON, model=given.model).fit(learned).save(path)
        batch = Batch(path)
        print(f"{given.series:,} series of {MONTHS} months, {HORIZON} ahead, {given.model}, {WORKERS} workers")
        expected = _in_order(batch(table))
        same = [_row(engine, batch, table, expected) for engine in asked if engine not in missing]
    return all(same) and not (given.engine and missing)


def _row(engine: str, batch: Batch, table: pd.DataFrame, expected: pd.DataFrame) -> bool:
    begun = time.perf_counter()
    found = _in_order(ENGINES[engine](batch, table))
    seconds = time.perf_counter() - begun
    differing = len(expected) if len(found) != len(expected) else int((found != expected).any(axis=1).sum())
    print(f"{engine}: {differing:,} of {len(expected):,} rows differ from this process's, {seconds:.1f} s in all")
    return not differing


def _in_order(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Rows by series and time, in plain types."""
    plain = forecasts.astype({"unique_id": object, "ds": "datetime64[ns]"})
    return plain.sort_values(["unique_id", "ds"], ignore_index=True)


def by_dask(batch: Batch, table: pd.DataFrame) -> pd.DataFrame:
    """By processes of Dask."""
    import dask.dataframe as dd

    parts = dd.from_pandas(table.set_index("unique_id"), npartitions=2 * WORKERS).reset_index()
    forecasts: Any = parts.map_partitions(batch, meta=batch.meta)
    return forecasts.compute(scheduler="processes", num_workers=WORKERS)


def by_ray(batch: Batch, table: pd.DataFrame) -> pd.DataFrame:
    """By Ray Data, whose processes import what this one does."""
    import ray

    environment = {"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}}
    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        runtime_env=environment,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        grouped = ray.data.from_pandas(table).groupby("unique_id")
        return grouped.map_groups(lambda part: batch(part), batch_format="pandas").to_pandas()
    finally:
        ray.shutdown()


def by_spark(batch: Batch, table: pd.DataFrame) -> pd.DataFrame:
    """By Spark on this machine, in coordinated universal time, as its times are those of a session."""
    from pyspark.sql import SparkSession, functions

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder: Any = SparkSession.builder
    options = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(2 * WORKERS),
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.master(f"local[{WORKERS}]").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        buckets = spark.createDataFrame(table).withColumn(
            "bucket", functions.abs(functions.hash("unique_id")) % (4 * WORKERS)
        )
        return buckets.groupBy("bucket").applyInPandas(lambda part: batch(part), batch.schema).toPandas()
    finally:
        spark.stop()


ENGINES: dict[str, Callable[[Batch, pd.DataFrame], pd.DataFrame]] = {
    "dask": by_dask,
    "ray": by_ray,
    "spark": by_spark,
}
_PACKAGES = {"dask": "dask", "ray": "ray", "spark": "pyspark"}
