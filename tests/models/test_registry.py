"""Every kind of file through one door: what it holds, what can be done with it, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.forecast import fakes
from tests.user_cells import USER_CELLS
from torch import nn

import gatewise
from gatewise.cells import CELLS
from gatewise.errors import CheckpointError, InputError, ModelFileError
from gatewise.estimators import Detector, LanguageModel, SequenceClassifier, SequenceRegressor, Translator
from gatewise.forecast import Forecaster
from gatewise.models.kind import Question
from gatewise.models.registry import KINDS, kind_of
from gatewise.nn import LSTM, Chain, Recurrent
from gatewise.training import checkpoint

SMALL = {"hidden_size": 3, "max_epochs": 1, "random_state": 0}
X = [np.ones((length, 2)) * length for length in range(1, 7)]
TEXT = "abc bca cab " * 20
PANEL = fakes.panel(fakes.climbing(40))
LONG = fakes.panel(fakes.climbing(80))
SOURCE = Path(gatewise.__file__).parent


class Tokenizer:
    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") for letter in text if letter != " "]

    def decode(self, numbers: list[int]) -> str:
        return "".join(chr(number + ord("a")) for number in numbers)


def chain() -> Chain:
    torch.manual_seed(0)
    return Chain(LSTM(2, 4), nn.Linear(4, 1))


def save_stream(path: Path) -> None:
    stream = gatewise.stream(chain(), 2)
    stream.step(torch.ones(2, 2))
    stream.save(path)


def of_sequences(kind: type[SequenceClassifier | SequenceRegressor], y: list[object], path: Path) -> None:
    kind(bidirectional=False, **SMALL).fit(X, y).save(path)


def translator() -> Translator:
    return Translator(**SMALL, embedding_size=2).fit(["ab", "ba"], ["AB", "BA"])


def save_translation(path: Path) -> None:
    stream = translator().stream("ab")
    stream.step()
    stream.save(path)


def model_of(noun: str) -> Chain | Translator | None:
    """What goes with a file that holds a state alone."""
    return {"stream's state": chain, "translator's stream": translator}.get(noun, lambda: None)()


SAVED = {
    "forecaster": lambda path: Forecaster(2, model="naive", season=1).fit(PANEL).save(path),
    "sequence classifier": lambda path: of_sequences(SequenceClassifier, list("ababab"), path),
    "sequence regressor": lambda path: of_sequences(SequenceRegressor, list(range(6)), path),
    "language model": lambda path: LanguageModel(**SMALL).fit(TEXT).save(path),
    "translator": lambda path: translator().save(path),
    "detector": lambda path: Detector().fit(LONG).save(path),
    "chain": lambda path: chain().save(path),
    "stream's state": save_stream,
    "translator's stream": save_translation,
    "training checkpoint": lambda path: checkpoint.save(path, {"step": 7, "weight": torch.ones(2)}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    paths = {noun: folder / noun for noun in SAVED}
    for noun, path in paths.items():
        SAVED[noun](path)
    return paths


def test_every_kind_is_tested_and_every_container_has_a_kind() -> None:
    assert {kind.noun for kind in KINDS} == set(SAVED)
    keys = re.findall(r'^    key="(gatewise.*)",$', "\n".join(path.read_text() for path in SOURCE.rglob("*.py")), re.M)
    assert set(keys) == {kind.key for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_every_action_has_a_function_or_a_refusal(kind) -> None:
    answered = {*kind.functions} | {*kind.refusals}
    others = {"device", "onnx"}  # a chain is written as C and ONNX without them
    assert answered - others == {"load", "read", "explain", "chain", "steps"}
    assert not {*kind.functions} & {*kind.refusals}
    for function in kind.functions.values():
        module, name = function.split(":")
        assert callable(getattr(import_module(f"gatewise.models.{module}"), name))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_a_file_is_of_the_kind_that_wrote_it(kind, files) -> None:
    assert kind_of(files[kind.noun]) is kind
    for action in kind.refusals:
        with pytest.raises(ModelFileError) as refused:
            kind_of(files[kind.noun], action)
        assert str(files[kind.noun]) in str(refused.value)
        assert f"it holds a {kind.noun}, which " in str(refused.value)
        assert refused.value.hint


def test_load_gives_what_was_saved(files) -> None:
    loaded = {noun: gatewise.load(path, model=model_of(noun)) for noun, path in files.items()}
    assert type(loaded["forecaster"]) is Forecaster
    assert loaded["forecaster"].predict(PANEL).shape == (2, 7)
    assert loaded["sequence classifier"].predict(X).tolist()
    assert loaded["sequence regressor"].predict(X).shape == (6,)
    assert len(loaded["language model"].generate("a", 5)) == 5
    assert len(loaded["translator"].predict(["a", ""])) == 2
    assert type(loaded["detector"]) is Detector
    assert torch.equal(loaded["chain"](torch.ones(3, 2))[0], chain().eval()(torch.ones(3, 2))[0])
    assert loaded["training checkpoint"]["step"] == 7


def test_a_stream_goes_on_from_where_it_was_saved(files) -> None:
    stream, x = gatewise.stream(chain(), 2), torch.ones(2, 2)
    stream.step(x)
    loaded = gatewise.load(files["stream's state"], model=chain())
    assert torch.equal(loaded.step(x), stream.step(x))
    with pytest.raises(InputError, match="give load the model too"):
        gatewise.load(files["stream's state"])
    with pytest.raises(ModelFileError, match="not those of this model"):
        gatewise.load(files["stream's state"], model=LSTM(2, 5))


def test_a_translation_goes_on_from_where_it_was_saved(files) -> None:
    path = files["translator's stream"]
    stream = translator().stream("ab")
    stream.step()
    assert list(gatewise.load(path, model=translator())) == list(stream)
    with pytest.raises(InputError, match="goes with that translator"):
        gatewise.load(path, model=chain())


def test_what_a_file_does_not_hold_is_supplied(tmp_path) -> None:
    cell = next(cell for name, cell in USER_CELLS.items() if name not in CELLS)
    SequenceClassifier(cell, **SMALL).fit(X, list("ababab")).save(tmp_path / "classifier")
    LanguageModel(cell, tokenizer=Tokenizer(), **SMALL).fit(TEXT).save(tmp_path / "language")
    Chain(Recurrent(cell, 2, 3)).save(tmp_path / "chain")
    for name in ("classifier", "language", "chain"):
        with pytest.raises(ModelFileError):
            gatewise.load(tmp_path / name)
        gatewise.load(tmp_path / name, cells=[cell], tokenizer=Tokenizer() if name == "language" else None)


@pytest.mark.parametrize("supplied", ["tokenizer", "model"])
def test_what_a_file_has_no_use_for_is_refused(supplied, files) -> None:
    with pytest.raises(InputError, match=f"a forecaster takes no {supplied}"):
        gatewise.load(files["forecaster"], **{supplied: object()})


def foreign(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, path, {"format": "pt"})


def of_a_later_version(path: Path) -> None:
    SAVED["chain"](path)
    path.write_bytes(path.read_bytes().replace(b'"gatewise-chain"', b'"gatewise-chaos"'))


NO_KIND = {
    "nothing": (lambda path: None, "there is no such file"),
    "a folder": (lambda path: path.mkdir(), "this is a folder"),
    "an empty file": (lambda path: path.write_bytes(b""), "it is truncated: 0 bytes"),
    "a table": (lambda path: path.write_text("a,b\n1,2\n" * 9), "it is not a safetensors file"),
    "a pickle": (lambda path: torch.save({}, path), "it is a pickle"),
    "another's safetensors": (foreign, "gatewise has not written it"),
    "a later version's": (of_a_later_version, "upgrade gatewise"),
}


@pytest.mark.parametrize("name", NO_KIND)
def test_a_file_of_no_known_kind_is_refused(name, tmp_path) -> None:
    write, what = NO_KIND[name]
    write(tmp_path / "file")
    with pytest.raises(ModelFileError, match=what) as refused:
        gatewise.load(tmp_path / "file")
    assert refused.value.where == str(tmp_path / "file")


@pytest.mark.parametrize("noun", SAVED)
def test_a_damaged_file_is_refused(noun, files, tmp_path) -> None:
    data = files[noun].read_bytes()
    for damaged in (data[:-1], data[:40], data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]):
        (tmp_path / "file").write_bytes(damaged)
        with pytest.raises((ModelFileError, CheckpointError), match=r"damaged|truncated"):
            gatewise.load(tmp_path / "file", model=model_of(noun))


def test_questions_about_what_does_not_exist(files, tmp_path) -> None:
    kind = kind_of(files["forecaster"], "explain")
    with pytest.raises(ModelFileError, match="Naive, which has no memory"):
        kind.explain(kind.load(files["forecaster"]), PANEL)
    kind = kind_of(files["language model"], "explain")
    subject = kind.explain(kind.load(files["language model"]), TEXT, Question(last=7), source="a.txt")
    assert (subject.title, len(subject.steps)) == ("a.txt", 7)


@pytest.mark.parametrize(
    ("noun", "others"),
    [
        ("chain", ("models.sequence", "models.language", "models.forecast", "tables.options")),
        pytest.param("language model", ("models.sequence.estimator", "models.forecast"), marks=pytest.mark.slow),
        pytest.param("sequence classifier", ("models.language", "models.forecast"), marks=pytest.mark.slow),
    ],
)
def test_one_kind_imports_only_its_own_packages(noun, others, files) -> None:
    code = (
        f"import sys, gatewise\nassert 'torch' not in sys.modules\ngatewise.load({str(files[noun])!r})\n"
        f"others = {{'pandas', *(f'gatewise.{{name}}' for name in {others!r})}} & {{*sys.modules}}\n"
        "assert not others, others"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
