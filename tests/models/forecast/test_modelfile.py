"""The model file: what went in comes out, and nothing else is ever let in."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from gatewise.errors import ModelFileError
from gatewise.models.modelfile import FORECASTER_FILE

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "factors": torch.tensor([1.5], dtype=torch.float64)}
RECORD = {"kind": "lstm", "settings": {"hidden": 3, "levels": [0.1, 0.5, 0.9]}}
DATA = FORECASTER_FILE.pack(TENSORS, RECORD)

# As written at commit 49d9972, before containers had a module of their own.
OLD = (
    b"X\x01\x00\x00\x00\x00\x00\x00"
    rb'{"__metadata__":{"gatewise":"{\"sha256\":\"f1e6295e0afb6c2b944fa8246b8476c20433388b28b29638a6b0c44752cb2a82\",'
    rb'\"format\":1,\"gatewise\":\"0+source\",\"kind\":\"lstm\",\"settings\":{\"hidden\":3,\"levels\":[0.1,0.5,0.9]}}"},'
    rb'"factors":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
    rb'"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]}} '
    b"\x00\x00\x00\x00\x00\x00\xf8?\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@"
)


def test_round_trip(tmp_path: Path):
    FORECASTER_FILE.write(tmp_path / "model", TENSORS, RECORD)
    tensors, record = FORECASTER_FILE.read(tmp_path / "model")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert {name: record[name] for name in RECORD} == RECORD
    assert record["format"] == FORECASTER_FILE.format


def test_a_file_of_an_earlier_version_still_loads():
    tensors, record = FORECASTER_FILE.unpack(OLD)
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert {name: record[name] for name in RECORD} == RECORD


def test_the_same_model_gives_the_same_bytes():
    assert FORECASTER_FILE.pack(dict(reversed(TENSORS.items())), RECORD) == DATA


def test_any_safetensors_reader_opens_it():
    from safetensors.torch import load

    assert torch.equal(load(DATA)["weight"], TENSORS["weight"])


def test_a_model_without_tensors():
    tensors, record = FORECASTER_FILE.unpack(FORECASTER_FILE.pack({}, RECORD))
    assert tensors == {}
    assert record["kind"] == "lstm"


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_changed_byte_is_noticed(flip: int):
    for at in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[at] ^= flip
        with pytest.raises(ModelFileError):
            FORECASTER_FILE.unpack(bytes(damaged))


def test_every_truncation_is_noticed():
    for length in range(len(DATA)):
        with pytest.raises(ModelFileError, match="truncated"):
            FORECASTER_FILE.unpack(DATA[:length])


def test_anything_appended_is_noticed():
    with pytest.raises(ModelFileError, match="checksum"):
        FORECASTER_FILE.unpack(DATA + b"\0")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_named_and_not_run(protocol: int, tmp_path: Path):
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "sprung",)

    with pytest.raises(ModelFileError, match="is a pickle, which can run code"):
        FORECASTER_FILE.unpack(pickle.dumps(Trap(), protocol))
    assert not (tmp_path / "sprung").exists()


def test_a_torch_checkpoint_is_a_pickle():
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer)
    with pytest.raises(ModelFileError, match="is a pickle"):
        FORECASTER_FILE.unpack(buffer.getvalue())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "truncated"),
        (b"unique_id,ds,y\na,2020-01-01,1\n", "not a safetensors file"),
        (bytes(64), "not a safetensors file"),
        (b"\x40" + bytes(7) + b"{" + b"x" * 80, "header is damaged"),
        (b"\x40" + bytes(7) + b'{"a":1}' + b" " * 80, "header is damaged"),
        ((1 << 40).to_bytes(8, "little") + b"{" + bytes(90), "header is damaged"),
        ((8000).to_bytes(8, "little") + b'{"a":' + b"[" * 9000, "header is damaged"),
        (save(TENSORS), "not a gatewise model"),
        (save(TENSORS, {"gatewise": "{}"}), "not a gatewise model"),
        (save(TENSORS, {"gatewise": "[1]"}), "not a gatewise model"),
        (save(TENSORS, {"other": "x"}), "not a gatewise model"),
        (save(TENSORS, {"gatewise": json.dumps({"format": 1, "gatewise": "1"})}), "checksum"),
        (save(TENSORS, {"gatewise": json.dumps({"format": 99, "gatewise": "7.0"})}), "7.0.* is newer"),
    ],
    ids=[
        "empty",
        "csv",
        "zeros",
        "nonsense",
        "entry",
        "huge",
        "deep",
        "foreign",
        "bare",
        "list",
        "other",
        "unsigned",
        "newer",
    ],
)
def test_foreign_files_are_told_apart(data: bytes, words: str):
    with pytest.raises(ModelFileError, match=words):
        FORECASTER_FILE.unpack(data)


def test_errors_name_the_file_and_say_what_to_do(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(DATA[:-1])
    with pytest.raises(ModelFileError) as caught:
        FORECASTER_FILE.read(path)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_a_missing_file_and_a_folder(tmp_path: Path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelFileError, match="cannot be read"):
            FORECASTER_FILE.read(path)


def test_a_huge_file_is_not_even_read(tmp_path: Path):
    (tmp_path / "model").write_bytes(DATA)
    with pytest.raises(ModelFileError, match="larger than"):
        replace(FORECASTER_FILE, largest_file=len(DATA) - 1).read(tmp_path / "model")


def test_a_record_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        FORECASTER_FILE.pack({}, {"scale": float("nan")})
