"""Files with a right checksum over hostile contents: refused by the one documented error, and nothing is made of them.

Where a file is taken although it claims something, what it claims is not used.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tests.models.test_registry import PANEL, SAVED, model_of

import gatewise
from gatewise.container import Container, records
from gatewise.errors import CheckpointError, ModelFileError
from gatewise.estimators import LanguageModel, SequenceClassifier
from gatewise.forecast import Forecaster
from gatewise.models.modelfile import DETECTOR_FILE, ESTIMATOR_FILE, FORECASTER_FILE
from gatewise.models.translation import stream as translations
from gatewise.nn import LSTM, Chain, Standardize
from gatewise.nn import chain as chains
from gatewise.nn import stream as streams
from gatewise.training import checkpoint

CONTAINERS = {
    "forecaster": FORECASTER_FILE,
    "LSTM": FORECASTER_FILE,
    "detector": DETECTOR_FILE,
    "chain": chains.FILE,
    "normal": chains.FILE,
    "stream's state": streams.FILE,
    "translator's stream": translations.FILE,
    "training checkpoint": checkpoint.FILE,
}
OTHERS = {
    "LSTM": lambda path: Forecaster(2, model="lstm", season=4, budget=0.01).fit(PANEL).save(path),
    "normal": lambda path: Chain(
        Standardize(torch.zeros(2), torch.ones(2)), torch.nn.LayerNorm(2), torch.nn.ReLU(), LSTM(2, 3)
    ).save(path),
}
ROOM = 200 << 20


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for noun, save in {**SAVED, **OTHERS}.items():
        save(folder / noun)
    return folder


@contextmanager
def little_memory() -> Iterator[None]:
    """No more address space than there is, and some MiB: what allocates on trust fails, and is told by its message."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def changed(saved, folder, noun, change, tensors=None):
    """A file that says something else, with a checksum that is right."""
    container: Container = CONTAINERS.get(noun, ESTIMATOR_FILE)
    held, _ = container.read(saved / noun)
    record = records(saved / noun)[container.key]
    for name in ("sha256", "format", "gatewise"):
        del record[name]
    replaced = change(json.loads(json.dumps(record))) if change else record
    container.write(folder / "file", tensors(held) if tensors else held, replaced)
    return folder / "file"


def at(value, *places):
    """The change of one entry."""

    def change(record):
        inner = record
        for place in places[:-1]:
            inner = inner[place]
        inner[places[-1]] = value
        return record

    return change


def load(noun, path):
    return gatewise.load(path, model=model_of(noun))


LINEAR, LAYERS, NORM = ("parts", 1, "arguments"), ("parts", 0, "arguments"), ("parts", 1, "arguments")
PARAMS, NETWORK = ("params",), ("settings", "network")
REFUSED = {
    "an embedding beyond memory": ("language model", at(5 * 10**7, *PARAMS, "embedding_size")),
    "a network beyond memory": ("language model", at(50_000, *PARAMS, "hidden_size")),
    "layers without end": ("language model", at(10**9, *PARAMS, "num_layers")),
    "blocks without end": ("language model", at({"heads": 10**9}, *PARAMS, "options")),
    "a dropped memory of text": ("language model", at({"zoneout": {"c": "x"}}, *PARAMS, "options")),
    "a bound in words": ("language model", at({"clip_gates": "1); evil("}, *PARAMS, "options")),
    "an option that there is not": ("language model", at({"evil": 1}, *PARAMS, "options")),
    "a parameter that there is not": ("language model", at(1, *PARAMS, "evil")),
    "parameters in a list": ("language model", at([1], "params")),
    "a seed below zero": ("language model", at(-1, "fitted", "seed")),
    "a loss in words": ("language model", at("x", "fitted", "loss")),
    "a vocabulary of numbers": ("language model", at([1, 2], "fitted", "vocabulary", "entries")),
    "a vocabulary of nothing": ("language model", at([], "fitted", "vocabulary", "entries")),
    "a vocabulary that repeats": ("language model", at(["a", "a", "b", "c", " "], "fitted", "vocabulary", "entries")),
    "a field that there is not": ("language model", at(1, "evil")),
    "a classifier beyond memory": ("sequence classifier", at(20_000, *PARAMS, "hidden_size")),
    "labels of objects": ("sequence classifier", at("i4,i4", "fitted", "kind")),
    "labels of nothing": ("sequence classifier", at("|V100000000", "fitted", "kind")),
    "labels in lists": ("sequence classifier", at([[["a"]] * 3, 1], "fitted", "classes_")),
    "one label twice": ("sequence classifier", at(["a", "a"], "fitted", "classes_")),
    "names for other features": ("sequence classifier", at(["a"], "fitted", "feature_names_in_")),
    "a number of names": ("sequence classifier", at(5, "fitted", "feature_names_in_")),
    "one target twice": ("sequence regressor", at([[0.0, 0.0], [1.0, 1.0]], "fitted", "target_scale_")),
    "a deviation of zero": ("sequence regressor", at([[0.0], [0.0]], "fitted", "target_scale_")),
    "a linear layer on a device": ("chain", at("cpu", *LINEAR, "device")),
    "a linear layer beyond memory": ("chain", at(10**9, *LINEAR, "out_features")),
    "a recurrent layer on a device": ("chain", at("cpu", *LAYERS, "device")),
    "sizes in a list without end": ("chain", at([1] * 10**5, *LAYERS, "hidden_size")),
    "true for a size": ("chain", at(True, *LAYERS, "hidden_size")),
    "parts without end": ("chain", at([{"part": "Tanh", "arguments": {}}] * 20_000, "parts")),
    "more layers than weights": ("chain", lambda record: {"parts": [record["parts"][0]] * 20}),
    "features beyond memory": ("normal", at(10**8, "parts", 0, "arguments", "features")),
    "an epsilon in words": ("normal", at("1e-5f); evil(", *NORM, "eps")),
    "an epsilon in a list": ("normal", at([1], *NORM, "eps")),
    "an epsilon beyond floats": ("normal", at(10**400, *NORM, "eps")),
    "no weights over a width beyond memory": (
        "normal",
        lambda record: at(False, *NORM, "elementwise_affine")(at([10**12], *NORM, "normalized_shape")(record)),
    ),
    "a map in place": ("normal", at({"inplace": True}, "parts", 2, "arguments")),
    "a horizon beyond reason": ("forecaster", at(10**9, "horizon")),
    "a level of 200 %": ("forecaster", at([200], "levels")),
    "a season that is no number": ("forecaster", at("7", "schema", "season")),
    "a baseline with settings": ("forecaster", at({"evil": 1}, "settings")),
    "a look-back without end": ("LSTM", at(2 * 10**7, *NETWORK, "look_back")),
    "a patch without end": ("LSTM", at(2 * 10**7, *NETWORK, "patch")),
    "units beyond memory": ("LSTM", at(10**6, *NETWORK, "hidden")),
    "members without end": ("LSTM", at(10**9 + 1, *NETWORK, "members")),
    "another horizon inside": ("LSTM", at(3, "horizon")),
    "other levels inside": ("LSTM", at(list(range(1, 99)), "levels")),
    "another season inside": ("LSTM", at(5, "schema", "season")),
    "beginnings of text": ("stream's state", at(["x"], "begins")),
    "units of text": ("translator's stream", at(["x"], "left", 0)),
    "a unit beyond the vocabulary": ("translator's stream", at([10**9], "written", 0)),
    "a source of nothing": ("translator's stream", at([[]], "left")),
    "a source beyond reason": ("translator's stream", at([[3] * 10**5], "left")),
    "nothing left": ("translator's stream", at([], "left")),
    "a short float": ("training checkpoint", at({"float": "00"}, "state")),
    "a float of a number": ("training checkpoint", at({"float": 3}, "state")),
    "a key without a hash": ("training checkpoint", at({"dict": [[[1], 2]]}, "state")),
    "a tuple of a number": ("training checkpoint", at({"tuple": 5}, "state")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_claims_is_refused_and_nothing_is_allocated(name, saved, tmp_path):
    noun, change = REFUSED[name]
    path = changed(saved, tmp_path, noun, change)
    with little_memory(), pytest.raises((ModelFileError, CheckpointError)) as refused:
        load(noun, path)
    assert refused.value.where == str(path)
    assert "allocate" not in refused.value.what
    assert len(refused.value.what) < 400


def test_more_than_memory_would_be_noticed():
    with little_memory(), pytest.raises(RuntimeError, match="allocate"):
        torch.empty(1 << 30)


TENSORS = {
    "whole numbers": ("language model", lambda weight: weight.long()),
    "truths": ("sequence classifier", lambda weight: weight.bool()),
    "complex numbers": ("normal", lambda weight: weight.to(torch.complex64)),
    "bytes": ("LSTM", lambda weight: weight.to(torch.float8_e4m3fn)),
    "no numbers in a readout": ("language model", lambda weight: weight * torch.nan if len(weight) == 4 else weight),
    "no numbers in an embedding": ("sequence regressor", lambda weight: weight * torch.inf),
    "no numbers in networks": ("LSTM", lambda weight: weight * torch.nan),
    "too large a number for its dtype": ("language model", lambda weight: weight.double() + 1e300),
    "another shape": ("normal", lambda weight: weight[:1].expand(7, *weight.shape[1:])),
    "nothing": ("chain", lambda weight: weight[:0]),
    "no memory of a source": ("translator's stream", lambda weight: weight[:0]),
    "no dimension": ("stream's state", lambda weight: weight.flatten()[0]),
    "no rows": ("stream's state", lambda weight: weight[:0]),
    "rows without numbers": ("stream's state", lambda weight: torch.empty(1 << 40, 0)),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_of_another_kind_are_refused(name, saved, tmp_path):
    noun, change = TENSORS[name]
    path = changed(saved, tmp_path, noun, None, lambda held: {key: change(weight) for key, weight in held.items()})
    with little_memory(), pytest.raises(ModelFileError) as refused:
        load(noun, path)
    assert "allocate" not in refused.value.what


@pytest.mark.parametrize("noun", ["normal", "sequence classifier", "LSTM"])
def test_a_tensor_too_many_is_refused(noun, saved, tmp_path):
    path = changed(saved, tmp_path, noun, None, lambda held: {**held, "members.0.evil": torch.ones(1)})
    with pytest.raises(ModelFileError, match=r"place|neither"):
        load(noun, path)


def test_a_scale_that_is_not_positive_is_refused(saved, tmp_path):
    path = changed(saved, tmp_path, "normal", None, lambda held: {**held, "parts.0.scale": torch.zeros(2)})
    with pytest.raises(ModelFileError, match="a scale is not positive"):
        load("normal", path)


def test_tensors_of_several_dtypes_are_refused(saved, tmp_path):
    path = changed(saved, tmp_path, "chain", None, lambda held: {**held, "parts.1.bias": held["parts.1.bias"].double()})
    with pytest.raises(ModelFileError, match=r"several dtypes, torch.float32, torch.float64"):
        load("chain", path)


@pytest.mark.parametrize("key", ["gatewise", "gatewise-estimator", "gatewise-chain", "gatewise_checkpoint"])
@pytest.mark.parametrize("text", ["[1]", "3", '{"format":1e999}', '[["a",1]]', '{"format":1,"estimator":{}}'])
def test_a_record_that_is_none_is_refused(key, text, tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "file", {key: text})
    with pytest.raises((ModelFileError, CheckpointError)):
        gatewise.load(tmp_path / "file")


@pytest.mark.parametrize("offset", ["1e999", "NaN", "-4", "1" + "0" * 400, '"4"'])
def test_offsets_that_are_none_are_refused(offset, tmp_path):
    header = f'{{"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,{offset}]}},"__metadata__":{{"gatewise":"{{}}"}}}}'
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(ModelFileError, match="its header is damaged"):
        gatewise.load(tmp_path / "file")
    with pytest.raises(ModelFileError, match="its header is damaged"):
        FORECASTER_FILE.read(tmp_path / "file")


def test_threads_never_come_out_of_a_file(saved, tmp_path):
    LanguageModel(hidden_size=2, max_epochs=1, n_jobs=2, verbose=True).fit("abc " * 99).save(tmp_path / "ours")
    assert LanguageModel.load(tmp_path / "ours").n_jobs is None
    path = changed(saved, tmp_path, "language model", at(10**6, *PARAMS, "n_jobs"))
    model = LanguageModel.load(path)
    assert (model.n_jobs, model.verbose) == (None, False)
    assert model.score("abc") > 0


def test_labels_are_as_wide_as_the_longest_whatever_the_file_claims(saved, tmp_path):
    path = changed(saved, tmp_path, "sequence classifier", at("<U60000000", "fitted", "kind"))
    with little_memory():
        assert SequenceClassifier.load(path).classes_.dtype == "<U1"


@pytest.mark.parametrize("make", ["fifo", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(make, tmp_path):
    path = tmp_path / "file"
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    else:
        path = "/dev/zero"
    for load_one in (gatewise.load, Chain.load, checkpoint.load):
        with pytest.raises((ModelFileError, CheckpointError), match="it cannot be read: this is a"):
            load_one(path)


@pytest.mark.parametrize("spoil", ["infinite", "short float", "foreign", "fifo", "folder"])
def test_a_spoilt_newest_checkpoint_falls_back_to_the_older_one(spoil, tmp_path):
    checkpoint.save(tmp_path / checkpoint.NAME.format(1), {"step": 1})
    newest = tmp_path / checkpoint.NAME.format(2)
    if spoil == "infinite":
        header = b'{"a":{"data_offsets":[0,1e999]}}'
        newest.write_bytes(len(header).to_bytes(8, "little") + header)
    elif spoil == "short float":
        checkpoint.FILE.write(newest, {}, {"state": {"float": "00"}})
    elif spoil == "foreign":
        SAVED["chain"](newest)
    else:
        os.mkfifo(newest) if spoil == "fifo" else newest.mkdir()
    with pytest.warns(RuntimeWarning, match=newest.name):
        assert checkpoint.newest(tmp_path) == {"step": 1}


EARLIER = sorted((Path(__file__).parent / "earlier").iterdir())


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.name)
def test_files_of_earlier_versions_still_load(path):
    """Written at commit 7dfc126, when a file said more than now: with n_jobs, and with two rows of a stream."""
    model = gatewise.load(path.parent / "chain64") if path.name == "stream" else None
    loaded = gatewise.load(path, model=model)
    if path.name == "checkpoint":
        assert loaded["b"][2] == {"c": float("inf"), 3: "x"}
    elif path.name == "classifier":
        assert loaded.options == {"zoneout": {"c": 0.1}, "layer_norm": "output"}
        assert loaded.predict([[[1.0]], [[2.0]]]).shape == (2,)
