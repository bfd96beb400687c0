"""Programs that were recorded compute in ONNX Runtime what they compute in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest

from gatewise.errors import InputError
from gatewise.export.onnx.recorded import model_of
from gatewise.export.recording import ONE_BY_ONE, Recording
from gatewise.models.forecast.pretrained.smoothing import FILTERS, Smoothed, smooth
from gatewise.models.forecast.pretrained.sums import Sums, carried, over_time

from ..tolerance import RECORDED

EXAMPLE = np.linspace(-2.5, 3, 12).reshape(3, 4)
INDICES = np.array([[0, 2, 2], [3, 1, 0], [1, 1, 1]])


def _smoothed(level: Any, trend: Any, value: Any) -> Any:
    missing = np.isnan(level)
    level = np.where(missing, value, 0.7 * level + 0.3 * value) + trend
    return level, 0.5 * trend + 0.01 * value


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "slices, axes and joins": lambda x: np.concatenate([np.moveaxis(x[:, 1:], 0, 1)[::-1], np.ones((3, 2))], axis=1),
    "gathering": lambda x: np.take_along_axis(x, INDICES, axis=1) + np.stack([x[..., 1], x[..., 2]])[0][:, None],
    "nothing": lambda x: np.concatenate([abs(x[:, 9:]), x, np.stack([x[:, 4:]] * 2)[1] * 2], axis=1),
    "sums": lambda x: x.sum(axis=-1)[:, None] + np.cumsum(x, axis=1) + (x > 0).sum(axis=0),
    "least so far": lambda x: np.fmin.accumulate(x, axis=1) - np.maximum.accumulate(x, axis=0),
    "quotients where there are any": lambda x: np.divide(x, x[::-1], out=np.ones_like(x), where=x[::-1] > 0),
    "missing values": lambda x: np.nan_to_num(np.where(EXAMPLE > 0, x, np.nan)) + np.clip(x, -1, 1) ** 2,
    "products": lambda x: (EXAMPLE.T @ x) @ np.eye(4) - 2 / (3 + abs(x[:1])),
    "single precision": lambda x: (1 + np.tanh(x.astype(np.float32) / 2)).astype(np.float64) / 2,
    "least": lambda x: np.where(x.min(axis=1) >= 0, 0.0, -x[:, 0]),
    "states": lambda x: over_time(_smoothed, (np.full((2, 3), np.nan), np.zeros((2, 3))), x)[0],
}


def _since_the_first(x: Any) -> Any:
    first = np.argmax(~np.isnan(x), axis=1)[:, None]
    places = first + np.arange(4)
    return np.stack([Sums(x).mean(first, places), np.nan_to_num(x) * 0 + (places - 3) // 2])


def _read(smoothed: Smoothed) -> Any:
    origins = np.broadcast_to(np.arange(1, 5), (3, 4))
    parts = [read(number, origins) for number in range(2) for read in (smoothed.level, smoothed.trend)]
    return np.concatenate(parts, axis=2)


GAPS: dict[str, Callable[[Any], Any]] = {
    "the first": lambda x: np.take_along_axis(x, np.argmax(~np.isnan(x), axis=1)[:, None], axis=1),
    "the first of columns": lambda x: np.take_along_axis(x, np.argmax(~np.isnan(x), axis=0)[None], axis=0),
    "of a table": lambda x: np.take_along_axis(
        EXAMPLE, np.argmax(~np.isnan(x), axis=1)[:, None] + np.arange(2), axis=1
    ),
    "of what is moved": lambda x: np.take_along_axis(x[::-1], np.argmax(~np.isnan(x), axis=1)[:, None], axis=1),
    "since the first": _since_the_first,
    "the latest": lambda x: np.stack([carried(x), carried(x, 2)]),
    "least and most so far": lambda x: np.fmin.accumulate(x, axis=1) + np.fmax.accumulate(x, axis=0) - np.nan_to_num(x),
    "smoothed": lambda x: _read(smooth((x, FILTERS[3:5]))[0]),
    "smoothed together": lambda x: _read(smooth((x, FILTERS[:1]), (x[::-1], FILTERS[3:5]))[1]),
}
"""What looks for gaps, whichever there are."""
WITH_GAPS = (
    EXAMPLE,
    np.where(INDICES[:, [0, 1, 2, 0]] == 1, np.nan, EXAMPLE[::-1]),
    np.where(np.arange(4) < INDICES[0][:, None], np.nan, EXAMPLE),
    np.where(np.eye(3, 4) + np.eye(3, 4, 1) > 0, np.nan, -EXAMPLE),
    np.full((3, 4), np.nan),
)


def run(program: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    recording = Recording()
    given = recording.input(EXAMPLE)
    model = model_of(recording, {"x": given}, {"y": program(given)}, "program")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_computes_the_same_elsewhere(name: str) -> None:
    for x in (EXAMPLE, 0.1 + EXAMPLE[::-1, ::-1] ** 2 / 3):
        np.testing.assert_allclose(run(PROGRAMS[name], x), PROGRAMS[name](x), **RECORDED["float32"])


@pytest.mark.parametrize("name", GAPS)
def test_a_program_that_was_recorded_without_gaps_finds_them(name: str) -> None:
    for x in WITH_GAPS:
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(run(GAPS[name], x), GAPS[name](x), **RECORDED["float64"])


@pytest.mark.parametrize("name", sorted(ONE_BY_ONE))
def test_every_function_of_entries_computes_the_same_elsewhere(name: str) -> None:
    def program(x: Any) -> Any:
        function = getattr(np, name)
        size = abs(x) + 1e-9
        given = [size, np.minimum(size, 1.0)][: function.nin]
        given = [one > 0.5 for one in given] if name.startswith("logical") else given
        return np.where(function(*given), size, 0.0) if function(*given).dtype == bool else function(*given)

    np.testing.assert_allclose(run(program, EXAMPLE), program(EXAMPLE), **RECORDED["float64"])


@pytest.mark.parametrize("program", [lambda x: x if x[0, 0] > 0 else -x, np.asarray, np.sin, np.sort, np.add.reduce])
def test_what_cannot_be_recorded_is_refused(program: Callable[[Any], Any]) -> None:
    with pytest.raises(InputError, match="record"):
        program(Recording().input(EXAMPLE))


def test_what_is_computed_twice_is_computed_once() -> None:
    recording = Recording()
    given = recording.input(EXAMPLE)
    for _ in range(2):
        found = np.cumsum(np.where(np.isnan(given[:, ::2]), 0.0, given[:, ::2]), axis=1)
    once = len(recording.nodes)
    assert found.value == np.cumsum(np.nan_to_num(given[:, ::2]), axis=1).value
    assert len(recording.nodes) == once
    assert np.cumsum(np.nan_to_num(given[:, ::2]), axis=0).value != found.value
    assert len(recording.nodes) == once + 1
