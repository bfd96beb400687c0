"""Readers of the data that are beside the checkout."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor

from ...data import FOLDER

DIGITS, CHORALES, TEXT = FOLDER / "mnist", FOLDER / "music" / "JSB_Chorales.mat", FOLDER / "text"
_TEST_SHARE = 0.05


class Images(NamedTuple):
    """x (N, 28, 28), bytes; y (N,)."""

    x: Tensor
    y: Tensor


def digits(part: str) -> Images:
    """MNIST's ``train`` or ``t10k``; training pixels of value 1 are 0 in these files."""
    images, labels = (_idx(next(DIGITS.glob(f"{part}-{kind}*.gz"))) for kind in ("images", "labels"))
    return Images(images, labels.long())


def _idx(path: Path) -> Tensor:
    """An array of bytes as LeCun's files have it: two zeros, type, rank, sizes, numbers."""
    content = gzip.decompress(path.read_bytes())
    rank = content[3]
    sizes = np.frombuffer(content, ">i4", rank, 4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes).copy())


def chorales() -> dict[str, list[Tensor]]:
    """Bach's chorales for training, validation and test, each (T, 88): the keys of a piano that sound."""
    parts = loadmat(CHORALES)
    names = {"train": "traindata", "valid": "validdata", "test": "testdata"}
    return {part: [torch.tensor(roll).float() for roll in parts[name][0]] for part, name in names.items()}


class Text(NamedTuple):
    """train, valid (T,): numbers of characters, the last twentieth for validation. symbols: how many there are."""

    train: Tensor
    valid: Tensor
    symbols: int


def shakespeare() -> Text:
    """Karpathy's tiny Shakespeare."""
    text = gzip.decompress((TEXT / "tinyshakespeare.txt.gz").read_bytes()).decode()
    alphabet = sorted(set(text))
    number = {symbol: index for index, symbol in enumerate(alphabet)}
    tokens = torch.tensor([number[symbol] for symbol in text])
    cut = len(tokens) - round(_TEST_SHARE * len(tokens))
    return Text(tokens[:cut], tokens[cut:], len(alphabet))
