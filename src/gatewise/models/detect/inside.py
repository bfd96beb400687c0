"""The network behind what a detector expected of one row, to look into."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from ...errors import InputError, argument
from ...inspect.subject import Subject
from ...tables.panel import Panel
from ...words import few, number, ordinal, stamps
from ..forecast.bounds import Bounds
from ..forecast.inside.subject import subject_of as subject_of_forecast
from ..forecast.model import Setup
from ..forecast.pretrained.model import PretrainedModel
from ..forecast.pretrained.sums import carried
from ..forecast.results import quantile_levels
from .anomalies import Anomalies
from .detector import Detector
from .expectation import FIRST, Expectation, Expected
from .watch import MODEL

BAND = 95
"""Percent of the interval on the chart: that of the band in a detector's table."""

BOUNDLESS = Bounds(minimum=-sys.float_info.max)
"""What is expected of a row may be below zero."""


def subject_of(detector: Detector, rows: Panel, series: str | None = None, row: int | None = None) -> Subject:
    """The network's forecast that a row was compared with.

    Args:
        detector: The detector, which stays where it is.
        rows: Rows that come after those known.
        series: Which series, by its name; by default the first of them.
        row: Which row of that series, counted from 1, missing ones before them included; by default the one that
            surprised the most.

    Returns:
        The network at the end of what was known when that row was forecast, and the forecast.

    Raises:
        InputError: The rows do not follow, there is no such series or row, or nothing was expected of it.
    """
    if series is not None and series not in rows.ids:
        raise InputError(f"there is no series {series!r}", hint=f"there is {few(rows.ids, 5)}")
    own = rows.select([0 if series is None else rows.ids.index(series)])
    anomalies = detector.unpack(detector.pack()).update(own)
    at, watch = _row(anomalies, row), detector.watch(own.ids[0])
    past = watch.shapes.past
    if not isinstance(watch.expectation, Expectation):
        what = "the detector compares a row with that one season before, and has no network that can be looked into"
        raise InputError(what, hint=f"take one that has: {argument('model', MODEL)}")
    expected = watch.expectation.behind(past, watch.known, anomalies.panel.observed[0], at)
    if expected is None:
        what = f"nothing was expected of row {at + 1}"
        raise InputError(what, hint=f"the first {FIRST} rows that are observed are only learned from")
    setup = Setup(expected.steps, expected.season, quantile_levels((BAND,)), longer=(1,))
    before = anomalies.panel.frequency.until(detector.ends_[own.ids[0]], len(past))
    times = np.concatenate([before, anomalies.panel.times[0]])[: expected.known - watch.known + len(past)]
    panel = _known(anomalies.panel, times, expected)
    subject = subject_of_forecast(PretrainedModel(setup), panel, step=expected.step, bounds=BOUNDLESS)
    return replace(subject, about=(*_about(anomalies, at), *subject.about))


def _row(anomalies: Anomalies, row: int | None) -> int:
    """The row that is looked at, from 0."""
    (verdicts,) = anomalies.verdicts
    count = len(verdicts.surprise)
    if row is None:
        return int(np.argmax(np.where(np.isnan(verdicts.expected[:, 1]), -1.0, verdicts.surprise)))
    if not 1 <= row <= count:
        raise InputError(f"{argument('output')} is {row}", hint=f"give the number of a row, from 1 to {count:,}")
    return row - 1


def _known(rows: Panel, times: np.ndarray, expected: Expected) -> Panel:
    """What was read when the row was forecast, as a panel of one series, with the latest values where some are missing.

    times: of all that was known then.
    """
    history = expected.history
    values, made = carried(history[None])[0], np.isnan(history)
    return replace(
        rows, times=(times[-len(history) :],), values=(values,), made=(made,), season=expected.season, notes=()
    )


def _about(anomalies: Anomalies, at: int) -> tuple[tuple[str, str], ...]:
    """What the detector says of the row."""
    (verdicts,), (observed,) = anomalies.verdicts, anomalies.panel.observed
    low, middle, high = verdicts.expected[at].tolist()
    value, time = float(observed[at]), stamps(anomalies.panel.times[0][at : at + 1])[0]
    told = "missing" if np.isnan(value) else number(value)
    return (
        ("Row", f"{time}, the {ordinal(at + 1)} of these"),
        ("Observed", f"{told}; expected {number(middle)}, 95 of a hundred from {number(low)} to {number(high)}"),
        ("Surprise", f"{verdicts.surprise[at]:.2f} decades; above {verdicts.level[at]:.2f} an alert may begin"),
    )
