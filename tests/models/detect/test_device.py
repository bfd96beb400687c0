"""A detector in C says of rows what the library says of them, on this machine and on an emulated board."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.device.compiled import compiled
from examples.boards import BOARDS, build, run
from tests.models.forecast.pretrained.untrained import forward, network
from tests.needs import need, needs_gcc
from tests.tolerance import FLOAT32_RANKS

import gatewise
from gatewise.cli import follow
from gatewise.errors import InputError
from gatewise.estimators import Detector
from gatewise.models.detect import device, device_forecast, expectation
from gatewise.models.detect.expectation import FIRST
from gatewise.models.detect.shapes import MEMORY
from gatewise.models.detect.tails import WINDOW
from gatewise.models.detect.watch import KINDS, MODELS, Watch
from gatewise.models.forecast.pretrained.recorded import TOLERANCE
from gatewise.tables.panel import Floats

KIND, BEGINS, EXPECTED = map(device.OUTPUTS.index, ("kind", "begins", "expected"))


def load(rows: int, seed: int = 0) -> Floats:
    """A rhythm of 24 rows in floats, with spikes, gaps, a freeze and another level."""
    draw = np.random.default_rng(seed)
    values = 20 + 5 * np.sin(2 * np.pi * np.arange(rows) / 24) + draw.normal(size=rows)
    values[draw.integers(0, rows, rows // 150)] += 20
    values[rows // 2 : rows // 2 + 30] = values[rows // 2]
    values[-rows // 6 :] += 15
    values[draw.integers(0, rows, rows // 150)] = np.nan
    values[rows // 3 : rows // 3 + 9] = np.nan
    return values.astype(np.float32).astype(np.float64)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network with random weights in the place of that which comes trained."""
    weights = {name: tensor.numpy() for name, tensor in network().state_dict().items()}
    for module in (expectation, device_forecast):
        monkeypatch.setattr(module, "pretrained", forward)
    monkeypatch.setattr(device_forecast, "pretrained_weights", lambda: weights)


class InC:
    """A detector that was written, compiled here."""

    def __init__(self, written: Any, folder: Path, *flags: str, compiler: str = "gcc") -> None:
        name = written.source.stem
        define = f"-D{name.upper()}_SELFTEST"
        flags = flags or ("-O2",)
        self.library = compiled([written.source], folder / f"{name}.so", define, *flags, compiler=compiler)
        self.name, self.state = name, np.zeros(written.sizes.ram // 4, np.float32)
        self.call("reset", self.state)

    def call(self, function: str, *arrays: Any) -> int:
        pointers = [one.ctypes.data_as(ctypes.c_void_p) if isinstance(one, np.ndarray) else one for one in arrays]
        return getattr(self.library, f"{self.name}_{function}")(*pointers)

    def read(self, rows: Floats) -> Floats:
        x, y = rows.astype(np.float32), np.full((len(rows), len(device.OUTPUTS)), np.nan, np.float32)
        self.call("run", self.state, x, y, ctypes.c_size_t(len(x)))
        return y.astype(np.float64)


def test_the_rows_of_the_self_test_have_an_alert_of_every_kind() -> None:
    told = device.outputs_of(Watch(0.01, 24, "seasonal_naive"), device.golden_rows())
    assert {*told[:, KIND].astype(int).tolist()} == {-1, *range(len(KINDS))}
    assert told[:, BEGINS].sum() >= len(KINDS) - 1


@needs_gcc
@pytest.mark.parametrize("known", [57, *(pytest.param(one, marks=pytest.mark.slow) for one in (700, 2 * MEMORY + 300))])
def test_rows_are_judged_as_by_the_library(tmp_path: Path, known: int) -> None:
    """Known rows before the ranks are full, after, and after the past has been shortened once."""
    count = 900 if known < WINDOW else MEMORY
    values = load(known + count)
    watch = Watch(0.01, 24, "seasonal_naive")
    watch.read(values[:known])
    in_c = InC(device.write(watch, tmp_path, "det", "load"), tmp_path)
    assert in_c.call("selftest") == 0
    found, told = in_c.read(values[known:]), device.outputs_of(watch, values[known:])
    np.testing.assert_array_equal(found[:, KIND:], told[:, KIND:])
    assert {*told[:, KIND].astype(int).tolist()} > {-1}
    np.testing.assert_allclose(found[:, 2], told[:, 2], atol=FLOAT32_RANKS)
    np.testing.assert_allclose(found[:, :2], told[:, :2], atol=FLOAT32_RANKS)
    in_c.call("reset", in_c.state)
    np.testing.assert_array_equal(np.concatenate([in_c.read(one) for one in np.array_split(values[known:], 3)]), found)


def with_long_gaps(rows: int, season: int) -> Floats:
    """Rows of which so many are missing that a forecast reads a few after a gap, and once none at all."""
    values, reach = load(rows, season), expectation.Due(rows, season).reach
    values[: FIRST + 3] = np.nan
    values[150 : 150 + reach + 30] = np.nan
    values[200 + reach : rows : 7] = np.nan
    return values


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize(("season", "known"), [(1, 10), (24, 57), (7, 200), (48, 0)])
def test_forecasts_are_the_librarys_after_few_rows_and_after_gaps(
    tmp_path: Path, untrained: None, season: int, known: int
) -> None:
    """From before the first, between two of them, and after one; then again from where the detector stood."""
    values = with_long_gaps(1200, season)
    watch = Watch(0.01, season)
    watch.read(values[:known])
    in_c = InC(device.write(watch, tmp_path, "det", "load"), tmp_path, "-O0")
    assert in_c.call("selftest") == 0
    found, told = in_c.read(values[known:]), device.outputs_of(watch, values[known:])
    compare(found, told)
    assert np.isnan(told[:, EXPECTED]).sum() > 30
    in_c.call("reset", in_c.state)
    np.testing.assert_array_equal(np.concatenate([in_c.read(one) for one in np.array_split(values[known:], 3)]), found)


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize(("season", "known", "count"), [(24, 700, 900), (1, 2 * MEMORY + 300, 1000)])
def test_the_network_that_comes_trained_expects_in_c_what_it_does_here(
    tmp_path: Path, season: int, known: int, count: int
) -> None:
    values = load(known + count)
    watch = Watch(0.01, season)
    watch.read(values[:known])
    in_c = InC(device.write(watch, tmp_path, "det", "load"), tmp_path, "-O1")
    assert in_c.call("selftest") == 0
    compare(in_c.read(values[known:]), device.outputs_of(watch, values[known:]))


def compare(found: Floats, told: Floats) -> None:
    """Of rows that are judged with a network: alerts and kinds as in the library, the rest as near as floats are."""
    np.testing.assert_array_equal(found[:, KIND:EXPECTED], told[:, KIND:EXPECTED])
    np.testing.assert_allclose(found[:, :KIND], told[:, :KIND], atol=FLOAT32_RANKS)
    largest = float(np.nanmax(np.abs(told[:, EXPECTED])))
    np.testing.assert_allclose(found[:, EXPECTED], told[:, EXPECTED], rtol=0, atol=TOLERANCE * largest)


@pytest.mark.slow
@needs_gcc
def test_the_self_test_finds_a_network_that_is_another(tmp_path: Path, untrained: None) -> None:
    watch = Watch(0.01, 7)
    watch.read(load(300))
    written = device.write(watch, tmp_path, "det", "load")
    text = written.source.read_text()
    mutations = {
        "    --state->left;": "    if (--state->left == 3u) --state->left;",
        "history[det_READ - back]": "history[(det_READ - back + 1u) % det_READ]",
        "- back] : det_bits(0x7fc00000u));": "- back] : 0.0f);",
        "    state->left = det_STEPS;\n}\n\nstatic float": "    state->ahead[1] += 1e-3;\n}\n\nstatic float",
    }
    for number, (right, wrong) in enumerate(mutations.items()):
        assert right in text
        written.source.write_text(text.replace(right, wrong, 1))
        folder = tmp_path / str(number)
        folder.mkdir()
        assert InC(written, folder, "-O0").call("selftest") > 0, right


@pytest.mark.slow
def test_forecasts_that_would_be_others_are_not_written(tmp_path: Path, untrained: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(device_forecast, "TOLERANCE", -1.0)  # some processors give the very same
    with pytest.raises(InputError, match="nothing was written"):
        device.write(Watch(0.01, 1), tmp_path, "det", "load")
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@needs_gcc
def test_the_self_test_finds_a_past_that_is_another_and_a_law_that_is_another(tmp_path: Path) -> None:
    watch = Watch(0.01, 24, "seasonal_naive")
    watch.read(load(300))
    written = device.write(watch, tmp_path, "det", "load")
    text = written.source.read_text()
    bounds = ("QUIET", "SOME", "SHORTEST_GAP")
    mutations = {f"#define det_{name} ": f"#define det_{name} 1u + " for name in bounds}
    for number, (right, wrong) in enumerate({"at < 300u": "at < 299u", "/ 2u]": "/ 3u]", **mutations}.items()):
        assert right in text
        written.source.write_text(text.replace(right, wrong))
        folder = tmp_path / str(number)
        folder.mkdir()
        assert InC(written, folder).call("selftest") > 0


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("model", MODELS)
def test_every_compiler_takes_it_without_a_word(tmp_path: Path, untrained: None, model: str) -> None:
    need("clang")
    watch = Watch(0.001, 1, model)
    watch.read(load(80))
    written = device.write(watch, tmp_path, "det", "load")
    here = InC(written, tmp_path).read(load(200, 1))
    np.testing.assert_array_equal(InC(written, tmp_path, "-O3", compiler="clang").read(load(200, 1)), here)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "model"),
    [*((board, "seasonal_naive") for board in ("cortex-m4", "cortex-m55", "rv32imac")), ("cortex-m7", "pretrained")],
)
def test_the_self_test_holds_on_a_board(tmp_path: Path, board: str, model: str) -> None:
    need(*BOARDS[board].missing())
    watch = Watch(0.01, 24, model)
    watch.read(load(200))
    written = device.write(watch, tmp_path, "det", "load")
    main = tmp_path / "main.c"
    main.write_text(
        '#include "det.h"\n'
        '_Static_assert(sizeof(det_state) == DET_STATE_BYTES, "");\n'
        "int main(void) { return det_selftest(); }\n"
    )
    flags = ("-O2", "-ffp-contract=off", "-DDET_SELFTEST", f"-I{tmp_path}")
    assert run(BOARDS[board], build(BOARDS[board], [main, written.source], tmp_path / "program", flags), 300).code == 0


def frame(names: str = "a") -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=100, freq="h")
    return pd.concat([pd.DataFrame({"id": name, "time": times, "load": load(100)}) for name in names])


def test_a_file_is_exported_by_command(
    tmp_path: Path, untrained: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Detector(model="seasonal_naive").fit(frame("ab")).save("watch")
    Detector(season=1).fit(frame()).save("asks")
    assert follow(["export", "asks", "--to", "c", "--name", "net"]) == 0
    assert "The network that comes with gatewise forecasts the rows." in (tmp_path / "net.h").read_text()
    assert follow(["export", "watch", "--to", "c", "--name", "det", "--series", "b"]) == 0
    assert "Of series b; it goes on after 100 rows" in (tmp_path / "det.h").read_text()
    capsys.readouterr()
    for words, said in (
        (["watch"], "knows 2 series"),
        (["watch", "--series", "c"], "no series 'c'"),
        (["watch", "--series", "a", "--target", "simd"], "--target applies to chains of layers only"),
    ):
        assert follow(["export", *words, "--to", "c"]) != 0
        assert said in capsys.readouterr().err
    assert follow(["export", "watch", "--to", "onnx"]) != 0
    assert "is no chain" in capsys.readouterr().err


def test_what_c_cannot_hold_is_refused(tmp_path: Path) -> None:
    watch = Watch(0.01, 24, "seasonal_naive")
    watch.read(np.array([1e60] * 60))
    with pytest.raises(InputError, match="beyond what a float holds"):
        device.write(watch, tmp_path, "det", "load")
    with pytest.raises(InputError, match="not fitted"):
        Detector(model="seasonal_naive").to_c(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_detector_without_a_network_goes_on_from_its_file(tmp_path: Path) -> None:
    table = frame()
    detector = Detector(model="seasonal_naive").fit(table[:80])
    detector.save(tmp_path / "watch")
    loaded = gatewise.load(tmp_path / "watch")
    assert loaded.model == "seasonal_naive"
    wanted = Detector(model="seasonal_naive").fit(table).anomalies_.to_pandas()[80:]
    found = pd.concat([loaded.update(table[80:90]).to_pandas(), loaded.update(table[90:]).to_pandas()])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), wanted.reset_index(drop=True), check_exact=True)
