from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.user_cells import USER_CELLS

from gatewise.cells import CELLS
from gatewise.declaration import cell
from gatewise.errors import InputError, ModelFileError
from gatewise.estimators import LanguageModel, SequenceClassifier, SequenceRegressor
from gatewise.models.modelfile import ESTIMATOR_FILE as FILE

QUICK = {"hidden_size": 2, "max_epochs": 1, "random_state": 0}
X = [np.ones((index % 3 + 1, 1)) * index for index in range(8)]
assert cell


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    SequenceClassifier(**QUICK).fit(X, list("abababab")).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("labels", [list("abababab"), [0, 1] * 4, [1.0, 2.0] * 4, [True, False] * 4], ids=str)
def test_a_loaded_classifier_is_the_saved_one(labels, tmp_path):
    model = SequenceClassifier(**QUICK).fit(X, labels)
    model.save(tmp_path / "m")
    loaded = SequenceClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.get_params() == model.get_params()


def test_a_loaded_regressor_is_the_saved_one(tmp_path):
    model = SequenceRegressor(**QUICK).fit(X, np.arange(16.0).reshape(8, 2))
    model.save(tmp_path / "m")
    assert np.array_equal(SequenceRegressor.load(tmp_path / "m").predict(X), model.predict(X))
    with pytest.raises(ModelFileError, match="it holds a SequenceRegressor, not a SequenceClassifier"):
        SequenceClassifier.load(tmp_path / "m")


def test_a_users_own_cell_is_given_again(tmp_path):
    mine = next(own for name, own in USER_CELLS.items() if name not in CELLS)
    model = SequenceClassifier(mine, **QUICK).fit(X, list("abababab"))
    model.save(tmp_path / "m")
    again = SequenceClassifier.load(tmp_path / "m", cell=mine)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert repr(again) == repr(model)
    with pytest.raises(ModelFileError, match="give it to load again"):
        SequenceClassifier.load(tmp_path / "m")
    with pytest.raises(ModelFileError, match="the cell given is gru"):
        SequenceClassifier.load(tmp_path / "m", cell=CELLS["gru"])


def test_labels_that_no_file_can_hold_are_refused(tmp_path):
    model = SequenceClassifier(**QUICK).fit(X, [(0,), (1,)] * 4)
    with pytest.raises(InputError, match="text or numbers"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_every_truncation_is_refused(data):
    for length in range(len(data)):
        with pytest.raises(ModelFileError):
            FILE.unpack(data[:length])


@given(st.data())
def test_every_flipped_bit_is_refused(data, draw):
    place = draw.draw(st.integers(0, len(data) - 1))
    spoilt = bytearray(data)
    spoilt[place] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(ModelFileError):
        FILE.unpack(bytes(spoilt))


@pytest.mark.parametrize("change", ["params", "fitted", "cell", "width"])
def test_settings_that_describe_no_estimator_are_refused(data, tmp_path, change):
    tensors, record = FILE.unpack(data)
    record = {key: record[key] for key in ("estimator", "params", "fitted")}
    if change in record:
        del record[change]
    elif change == "cell":
        record["params"]["cell"] = "unknown"
    else:
        record["fitted"]["n_features_in_"] = 5
    FILE.write(tmp_path / "m", tensors, record)
    with pytest.raises(ModelFileError, match="do not describe an estimator"):
        SequenceClassifier.load(tmp_path / "m")


def test_a_loaded_language_model_writes_what_the_saved_one_does(tmp_path):
    model = LanguageModel(hidden_size=4, num_layers=1, max_epochs=1, batch_size=2, length=8, random_state=0)
    model.fit("to be or not to be, that is the question")
    model.save(tmp_path / "m")
    loaded = LanguageModel.load(tmp_path / "m")
    assert loaded.generate("to", 30) == model.generate("to", 30)
    assert loaded.score("to be") == model.score("to be")
