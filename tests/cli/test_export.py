"""gatewise export: files of every kind that can be saved, and one line for whatever cannot be used."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from tests.needs import needs_gcc
from tests.tolerance import FLOAT32_FORECAST
from torch import nn

from gatewise.cli import follow
from gatewise.estimators import LanguageModel, SequenceClassifier, SequenceRegressor, Translator
from gatewise.export import to_c
from gatewise.forecast import Forecaster
from gatewise.models.forecast.pretrained.weights import pretrained_weights
from gatewise.nn import LSTM, Chain, Recurrent, Standardize

from .. import user_cells
from ..user_cells import no_output_activation

TEXT = "abc bca cab " * 40


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def chain():
    torch.manual_seed(0)
    return Chain(Standardize(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0])), LSTM(2, 4), nn.Linear(4, 1))


def sequences(count=6):
    generator = np.random.default_rng(0)
    return [generator.normal(size=(length, 2)) for length in range(5, 5 + count)]


def of_chain(path):
    chain().save(path)


def of_classifier(path):
    SequenceClassifier(hidden_size=4, bidirectional=False, max_epochs=1).fit(sequences(), list("aabbcc")).save(path)


def of_regressor(path):
    targets = np.arange(6.0)
    SequenceRegressor(hidden_size=4, bidirectional=False, max_epochs=1).fit(sequences(), targets).save(path)


def of_language(path):
    LanguageModel(hidden_size=4, embedding_size=3, max_epochs=1).fit(TEXT).save(path)


SAVED = {"chain": of_chain, "classifier": of_classifier, "regressor": of_regressor, "language": of_language}


def a_table(path):
    rows = "\n".join(f"{row},{row % 7 - 3}" for row in range(30))
    path.write_text(f"a,b\n{rows}\n")


def a_long_table(path):
    rows = "\n".join(f"s{row // 10},x,{29 - row},{row},{row % 7 - 3}" for row in range(30))
    path.write_text(f"id,label,t,a,b\n{rows}\n")


def a_text(path):
    path.write_bytes(gzip.compress(TEXT.encode()))


CALIBRATION = {
    "chain": (a_table, []),
    "classifier": (a_long_table, ["--time-col", "t"]),
    "regressor": (a_long_table, ["--time-col", "t"]),
    "language": (a_text, []),
}


@needs_gcc
@pytest.mark.parametrize("kind", SAVED)
def test_a_saved_model_becomes_c_that_passes_its_own_test(kind, tmp_path, capsys):
    SAVED[kind](tmp_path / "saved")
    write, words = CALIBRATION[kind]
    write(tmp_path / "inputs")
    for options in ([], ["--dtype", "int8", "--calibration", "inputs", *words]):
        assert follow(["export", "saved", "--to", "c", "--name", "net", *options, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["files"] == ["net.c", "net.h"]
        assert ("snr_db" in told) == bool(options)
        (tmp_path / "main.c").write_text('#include "net.h"\nint main(void) { return net_selftest(); }\n')
        build = ["gcc", "-std=c99", "-DNET_SELFTEST", "main.c", "net.c", "-o", "selftest"]
        assert subprocess.run(build, capture_output=True, text=True).stderr == ""
        assert subprocess.run(["./selftest"]).returncode == 0


@pytest.mark.parametrize("kind", SAVED)
def test_a_saved_model_becomes_onnx(kind, tmp_path, capsys):
    SAVED[kind](tmp_path / "saved")
    assert follow(["export", "saved", "--to", "onnx", "--out", str(tmp_path), "--name", "a model"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == str(tmp_path / "a model.onnx")
    assert told[-1].startswith("ONNX Runtime and the model differ by")
    assert onnxruntime.InferenceSession(tmp_path / "a model.onnx").get_inputs()[0].name == "x"


def test_what_is_told_of_a_file_of_c(tmp_path, capsys):
    of_chain(tmp_path / "saved")
    assert follow(["export", "saved", "--to", "c", "--target", "cortex-m4"]) == 0
    sizes = to_c(chain(), tmp_path, name="again", target="cortex-m4").sizes
    assert capsys.readouterr().out.splitlines() == [
        "model.c, model.h",
        "float32 for cortex-m4, 2 inputs, 1 output",
        f"{sizes.flash:,} bytes of weights, {sizes.ram:,} of RAM for each state, {sizes.stack:,} of stack",
        f"{sizes.macs:,} multiplications a step",
    ]


def test_a_cell_of_ones_own_is_given_in_words(tmp_path, capsys):
    Chain(Recurrent(no_output_activation, 2, 3)).save(tmp_path / "saved")
    assert follow(["export", "saved", "--to", "c"]) == 1
    assert "give it in --cell: in Python as [no_output_activation], in the shell as module:" in capsys.readouterr().err
    assert follow(["export", "saved", "--to", "c", "--cell", f"{user_cells.__file__}:no_output_activation"]) == 0
    assert follow(["export", "saved", "--to", "c", "--cell", "lstm"]) == 1


def test_calibration_counts_every_step_of_every_sequence(tmp_path, capsys):
    of_chain(tmp_path / "saved")
    a_long_table(tmp_path / "long.csv")
    words = ["export", "saved", "--to", "c", "--dtype", "int8", "--calibration", "long.csv", "--id-col", "id"]
    assert follow(words) == 1
    assert "long.csv, row 2, column 'label': 'x' is not a number" in capsys.readouterr().err
    text = (tmp_path / "long.csv").read_text().replace(",label", "").replace(",x", "")
    (tmp_path / "long.csv").write_text(text)
    assert follow([*words, "--time-col", "t", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration_steps"] == 30


WRONG_WORDS = {
    "another form": (["--to", "tflite"], "--to is 'tflite'"),
    "another target": (["--to", "c", "--target", "z80"], "there is no target 'z80'"),
    "another dtype": (["--to", "c", "--dtype", "int4"], "there is no dtype 'int4'"),
    "a keyword": (["--to", "c", "--name", "int"], "int is reserved by C"),
    "a path as name": (["--to", "onnx", "--name", "../model"], "--name is '../model'"),
    "no calibration": (["--to", "c", "--dtype", "int8"], "int8 needs inputs"),
    "calibration of floats": (["--to", "c", "--calibration", "saved"], "float32 takes no calibration"),
    "a target of onnx": (["--to", "onnx", "--target", "simd"], "--target applies to C only"),
    "no folder": (["--to", "c", "--out", "nowhere"], "the folder does not exist"),
    "a file for a folder": (["--to", "onnx", "--out", "net.onnx"], "ends like a file\nhint: give '.', and --name net"),
    "no form": ([], "Missing option '--to'"),
}


@pytest.mark.parametrize("name", WRONG_WORDS)
def test_words_that_cannot_be_followed(name, tmp_path, capsys):
    (tmp_path / "saved").write_bytes(b"")
    words, said = WRONG_WORDS[name]
    assert follow(["export", "saved", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def a_forecaster(path):
    words = ["--horizon", "2", "--model", "seasonal_naive", "--backtest", "0", "--save", str(path)]
    assert follow(["forecast", str(Path(__file__).parents[2] / "examples" / "air_passengers.csv"), *words]) == 0


@pytest.mark.slow
def test_a_pretrained_forecaster_reads_a_history_in_the_units_of_the_data(tmp_path, capsys):
    table = Path(__file__).parents[2] / "examples" / "air_passengers.csv"
    words = ["--horizon", "4", "--model", "pretrained", "--backtest", "0", "--save", "saved"]
    assert follow(["forecast", str(table), *words]) == 0
    capsys.readouterr()
    assert follow(["export", "saved", "--to", "onnx", "--history", "30", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["inputs"] == {"history": [30]}
    frame = pd.read_csv(table).iloc[-30:]
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"history": frame.iloc[:, 1].to_numpy(np.float64)})
    expected = Forecaster.load("saved").predict_quantiles(frame).values[0]
    np.testing.assert_allclose(found, expected, rtol=FLOAT32_FORECAST)
    assert follow(["export", "saved", "--to", "onnx", "--history", "2"]) == 1
    assert "--history is 2" in capsys.readouterr().err
    assert follow(["export", "saved", "--to", "c", "--history", "30", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["inputs"], said["outputs"], said["board"]) == (30, expected.size, "cortex-m3")
    assert said["flash"] < 2 * sum(weights.size for weights in pretrained_weights().values()) + 64 * 1024
    assert follow(["export", "saved", "--to", "c", "--history", "30", "--series", "a"]) == 1
    assert "it holds no series" in capsys.readouterr().err


def in_both_directions(path):
    SequenceClassifier(hidden_size=4, max_epochs=1).fit(sequences(), list("aabbcc")).save(path)


def in_both_directions_too(path):
    Chain(LSTM(2, 3, bidirectional=True)).save(path)


WRONG_FILES = {
    "a forecaster": (a_forecaster, "only the pretrained network is written"),
    "two directions": (in_both_directions, "reads sequences from both ends"),
    "a chain in two directions": (in_both_directions_too, "bidirectional"),
    "a table": (a_table, "it is not a safetensors file"),
    "a pickle": (lambda path: torch.save({}, path), "it is a pickle"),
    "nothing": (lambda path: None, "there is no such file"),
    "a folder": (lambda path: path.mkdir(), "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_files_that_cannot_be_exported(name, tmp_path, capsys):
    write, said = WRONG_FILES[name]
    write(tmp_path / "saved")
    capsys.readouterr()
    assert follow(["export", "saved", "--to", "c"]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") <= 2
    assert not list(tmp_path.glob("model.*"))


def test_a_file_that_is_read_is_not_replaced(tmp_path, capsys):
    of_chain(tmp_path / "model.c")
    before = (tmp_path / "model.c").read_bytes()
    assert follow(["export", "model.c", "--to", "c"]) == 2
    assert "would be replaced" in capsys.readouterr().err
    assert (tmp_path / "model.c").read_bytes() == before


def test_calibration_that_does_not_fit_the_model(tmp_path, capsys):
    of_chain(tmp_path / "saved")
    words = ["export", "saved", "--to", "c", "--dtype", "int8", "--calibration", "inputs"]
    (tmp_path / "inputs").write_text("a,b,c\n1,2,3\n")
    assert follow(words) == 1
    assert "it has shape (1, 3), not (T, 2)" in capsys.readouterr().err
    (tmp_path / "inputs").write_text("a,b\n1,2\n3,oops\n")
    assert follow(words) == 1
    assert "inputs, row 3, column 'b': 'oops' is not a number" in capsys.readouterr().err
    of_language(tmp_path / "saved")
    (tmp_path / "inputs").write_text("abcX")
    assert follow(words) == 1
    assert "the character 'X' does not occur" in capsys.readouterr().err


def test_classify_makes_what_can_be_exported(tmp_path, capsys):
    a_long_table(tmp_path / "data.csv")
    text = (tmp_path / "data.csv").read_text().replace("s2,x", "s2,y")
    (tmp_path / "data.csv").write_text(text)
    learn = ["classify", "data.csv", "--epochs", "1", "--time-col", "t", "--one-way", "--save", "saved"]
    assert follow(learn) == 0
    assert follow(["export", "saved", "--to", "c"]) == 0
    assert "2 inputs, 2 outputs" in capsys.readouterr().out
    assert follow(["classify", "data.csv", "--load", "saved", "--one-way"]) == 2


def test_a_translator_becomes_an_encoder_a_decoder_and_its_units(tmp_path, capsys):
    Translator(hidden_size=4, embedding_size=3, max_epochs=1).fit(["ab", "ba"], ["AB", "BA"]).save(tmp_path / "saved")
    assert follow(["export", "saved", "--to", "onnx", "--name", "small", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == ["small_encoder.onnx", "small_decoder.onnx", "small_units.json"]
    assert said["encoder"]["inputs"] == {"source": ["batch", "source"]}
    assert list(said["decoder"]["outputs"])[:2] == ["log_probabilities", "attention"]
    assert follow(["export", "saved", "--to", "onnx"]) == 0
    assert "decoder: inputs: units (rows), memory (batch, source, 4)" in capsys.readouterr().out
    assert follow(["export", "saved", "--to", "c"]) == 1
    assert "export it to ONNX" in capsys.readouterr().err
