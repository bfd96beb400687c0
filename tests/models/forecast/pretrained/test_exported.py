"""The forecaster as a file of ONNX or of C: the quantiles that it gives here, whatever the season and the history."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from benchmarks.device.compiled import compiled
from examples.boards import BOARDS, build, run
from tests.models.forecast.fakes import panel, setup
from tests.models.forecast.pretrained.untrained import forward, network
from tests.needs import need
from tests.tolerance import FLOAT32_FORECAST

from gatewise.errors import InputError
from gatewise.export.c.recorded.program import Example, ProgramFile
from gatewise.models.forecast import exported
from gatewise.models.forecast.bounds import Bounds
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, forecast_all
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.pretrained.model import PretrainedModel, longest, since_first
from gatewise.models.forecast.pretrained.model import forecast as forecast_after
from gatewise.models.forecast.pretrained.network import MIDDLE
from gatewise.models.forecast.pretrained.recorded import Medians, Program
from gatewise.tables.panel import Floats


class Small(PretrainedModel):
    """With random weights, of a size for tests, and intervals stretched."""

    def __init__(self, told: Setup, also: tuple[int, int] | None = None) -> None:
        super().__init__(told)
        self.network = forward((0.8, 0.9, 1.0, 1.1, 1.5), also)

    @property
    def weights(self) -> dict[str, Any]:
        return {name: tensor.numpy() for name, tensor in network().state_dict().items()}


def small(horizon: int, season: int, also: tuple[int, int] | None = None, **told: Any) -> Small:
    return Small(setup(horizon, season, **told), also)


WRITERS: dict[str, Callable[..., Any]] = {
    "onnx": lambda model, told, folder, rows: exported.to_onnx(model, told, folder / "f.onnx", rows, None),
    "c": lambda model, told, folder, rows: exported.to_c(model, told, folder, "f", rows),
}


def in_onnx(model: Small, folder: Path, rows: int) -> Callable[[Floats], Floats]:
    written = WRITERS["onnx"](model, model.setup, folder, rows)
    assert written.inputs == {"history": (rows,)}
    assert written.outputs == {"quantiles": (5, len(model.setup.levels))}
    session = onnxruntime.InferenceSession(written.path, providers=["CPUExecutionProvider"])
    return lambda values: session.run(["quantiles"], {"history": values})[0]


def in_c(model: Small, folder: Path, rows: int) -> Callable[[Floats], Floats]:
    need("gcc")
    written = WRITERS["c"](model, model.setup, folder, rows)
    assert (written.sizes.inputs, written.sizes.outputs) == (rows, 5 * len(model.setup.levels))
    library = compiled([written.source], folder / "f.so", "-O0", "-DF_SELFTEST")
    work, found = np.full(written.sizes.ram // 8 + 8, np.nan), np.empty((5, len(model.setup.levels)))
    assert library.f_selftest(pointer(work)) == 0

    def forecast(values: Floats) -> Floats:
        library.f_forecast(*map(pointer, (work, values, found)))
        return found.copy()

    return forecast


forecast = Program._forecast


def pointer(array: Any) -> Any:
    return array.ctypes.data_as(ctypes.c_void_p)


FORMATS = {"onnx": in_onnx, "c": in_c}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("season", "rows", "told"),
    [
        (12, 40, {}),
        (1, 20, {"widening": {80: 1.3}, "unshown": 8, "also": (3, 8)}),  # a history of nine is told of no season
        pytest.param(6, 30, {"also": (3, 6)}, marks=pytest.mark.slow),
        pytest.param(24, 400, {}, marks=pytest.mark.slow),  # its second season has whole ones, or none
        pytest.param(7, 30, {"bounds": Bounds(minimum=-1.0, maximum=2.0)}, marks=pytest.mark.slow),
        pytest.param(7, 1900, {}, marks=pytest.mark.slow),  # patches do not reach as far back as its second season
        pytest.param(12, 700, {"also": (3, 12)}, marks=pytest.mark.slow),  # longer than what is looked back on
        pytest.param(1, 120, {"unshown": 48}, marks=pytest.mark.slow),
    ],
)
def test_a_file_forecasts_as_the_model_does(tmp_path, form, season, rows, told) -> None:
    model = small(5, season, **told)
    answer = FORMATS[form](model, tmp_path, rows)
    draw, time = np.random.default_rng(3), np.arange(rows)
    intermittent = draw.integers(0, 9, rows) * (draw.random(rows) < 0.3)
    seasonal = np.sin(2 * np.pi * time / max(season, 5)) + 0.1 * draw.normal(size=rows)
    negative, growing = draw.normal(size=rows).cumsum() - 50, 5 * 1.03 ** (time / 10)
    whole = (negative, growing, seasonal, intermittent.astype(np.float64), np.full(rows, 7.0))
    histories = [*whole, *with_gaps(negative), *with_gaps(seasonal + 2)]
    found = np.stack([answer(values) for values in histories])
    np.testing.assert_allclose(found, told_by(model, histories), rtol=FLOAT32_FORECAST, atol=FLOAT32_FORECAST)
    nothing = np.full(rows, np.nan)
    too_few = np.where(time < rows - model.needs + 1, np.nan, negative)
    for values in (np.where(time == 3, np.inf, negative), np.where(time == 3, -np.inf, too_few), too_few, nothing):
        assert np.isnan(answer(values)).all()


def with_gaps(values: Floats) -> list[Floats]:
    """Missing at the beginning, down to the few that are needed; within, now and then and for long; at the end."""
    rows, time = len(values), np.arange(len(values))
    draw = np.random.default_rng(5)
    gone = [time < rows - length for length in (3, 8, 9, 10, 17, rows // 2, rows - 1)]
    gone += [draw.random(rows) < share for share in (0.1, 0.5, 0.9)]
    gone += [(time > rows // 5) & (time < 4 * rows // 5), time >= rows - 2, time >= rows // 2]
    gone += [gone[5] | gone[8], gone[5] | gone[7] | (time >= rows - 3), time != 2]
    return [np.where(each, np.nan, values) for each in gone]


def told_by(model: Small, histories: list[Floats]) -> Floats:
    """What the library forecasts after series with gaps."""
    series = [since_first(values) for values in histories]
    made = tuple(np.isnan(values) for values in series)
    filled = [np.where(gone, values[0], values) for gone, values in zip(made, series, strict=True)]
    return forecast_all(model, panel(*filled, season=model.setup.season, made=made), model.setup).values


BOARD = "cortex-m7"
PROGRAM = """#include "board.h"
#include "model.h"
static model_work work;
int main(void)
{
    return model_selftest(&work);
}
"""


@pytest.mark.slow
def test_the_pretrained_network_forecasts_on_an_emulated_board(tmp_path) -> None:
    """In its flash, in its memory, without a library: the self-test compares with what the library forecasts."""
    need(*BOARDS[BOARD].missing())
    model = PretrainedModel(setup(3, 12))
    written = exported.to_c(model, model.setup, tmp_path, "model", 30)
    (tmp_path / "main.c").write_text(PROGRAM)
    sources, flags = [tmp_path / "main.c", written.source], ("-O2", "-DMODEL_SELFTEST", f"-I{tmp_path}")
    assert run(BOARDS[BOARD], build(BOARDS[BOARD], sources, tmp_path / "program", flags), 300).code == 0


@pytest.mark.slow
@pytest.mark.parametrize(("season", "rows"), [(12, 100), (1, 70), (7, 91), (48, 650)])
def test_a_program_of_medians_forecasts_from_the_first_observation_on(season: int, rows: int) -> None:
    model, steps, place = small(5, season), 9, np.arange(rows)
    program = Medians(model.network, model.weights, season, rows, steps)
    file = ProgramFile(program.recording, {"x": program.history}, {"y": program.medians}, name="f", verb="run")
    draw = np.random.default_rng(1)
    values = np.sin(place / 2) + draw.normal(size=rows) / 4
    short = [np.where(place < rows - length, np.nan, values) for length in (1, 7, 8, 9, 33, rows // 2, rows - 1)]
    holes = [np.where(draw.random(rows) < share, np.nan, one) for one in (values, short[5]) for share in (0.1, 0.5)]
    for history in (values, *short, *holes, np.where(place >= rows - 20, np.nan, values), np.full(rows, 3.0)):
        told = forecast_after(model.network, [since_first(history)], season, 1, steps)[0]
        assert file.difference([Example({"x": history}, {"y": told[:, MIDDLE]})]) <= exported.TOLERANCE
    nothing = np.full(rows, np.nan)
    assert file.difference([Example({"x": nothing}, {"y": np.full(steps, np.nan)})]) == 0


def test_a_file_reads_as_much_as_a_forecast_looks_back_on() -> None:
    assert longest(forward(), setup(5, 12)) == 512
    assert longest(forward(), setup(5, 24)) == 1024
    assert longest(forward(also=(24, 1)), setup(5, 12)) == 1024


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_not_written_is_refused(tmp_path, form) -> None:
    model = small(5, 12)
    naive = CONTESTANTS["naive"].make(setup(5, 12))
    whole = replace(model.setup, bounds=Bounds(whole=True))
    refused = [(naive, model.setup, 30, "only the pretrained"), (model, whole, 30, "whole numbers")]
    refused += [(model, model.setup, rows, "history") for rows in (2, True)]
    for one, told, rows, words in refused:
        with pytest.raises(InputError, match=words):
            WRITERS[form](one, told, tmp_path, rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("off", [0.01, np.nan])
def test_a_file_that_would_forecast_otherwise_is_not_written(tmp_path, monkeypatch, off) -> None:
    monkeypatch.setattr(Program, "_forecast", lambda *given: forecast(*given) + off)
    model = small(5, 12)
    with pytest.raises(InputError, match="nothing was written"):
        exported.to_c(model, model.setup, tmp_path, "f", 30)
    assert not list(tmp_path.iterdir())


def test_c_needs_a_name_and_a_folder(tmp_path) -> None:
    model = small(5, 12)
    for folder, name, words in ((tmp_path, "int", "reserved"), (tmp_path / "nowhere", "f", "folder")):
        with pytest.raises(InputError, match=words):
            exported.to_c(model, model.setup, folder, name, 30)
    assert not list(tmp_path.iterdir())
