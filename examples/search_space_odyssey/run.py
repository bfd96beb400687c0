"""Train the vanilla LSTM and its eight variants on chorales of J. S. Bach, and print a table.

As in the paper, a network hears one chord after the other, as 88 keys of a piano that sound or not, and says of every
key how likely it is to sound next. Loss: the negative log-likelihood of a chord in nats, mean over the test set, at
the epoch that is best on the validation set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from scipy.io import loadmat
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence
from variants import VARIANTS

from gatewise import Cell
from gatewise.nn import Recurrent

KEYS, UNITS, EPOCHS, ROWS, RATE, SEEDS = 88, 64, 12, 8, 2e-2, 3


class Composer(nn.Module):
    """One recurrent layer, and a sigmoid for each key."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, KEYS, UNITS)
        self.keys = nn.Linear(UNITS, KEYS)
        nn.init.constant_(self.keys.bias, -3.0)  # four of 88 keys sound

    def forward(self, chords: Tensor) -> Tensor:
        """Logits of the next chord, for chords (T, B, 88)."""
        return self.keys(self.recurrent(chords)[0])


def read(path: Path) -> dict[str, list[Tensor]]:
    """The chorales for training, validation and test, each (T, 88)."""
    parts = loadmat(path)
    names = {"train": "traindata", "valid": "validdata", "test": "testdata"}
    return {part: [torch.tensor(roll).float() for roll in parts[name][0]] for part, name in names.items()}


def loss(model: Composer, chorales: list[Tensor]) -> Tensor:
    """Mean over chords of the negative log-likelihood in nats."""
    chords = pad_sequence(chorales)
    heard, next_chords = chords[:-1], chords[1:]
    lengths = torch.tensor([len(chorale) - 1 for chorale in chorales])
    real = (torch.arange(len(heard))[:, None] < lengths).unsqueeze(2)
    total = binary_cross_entropy_with_logits(model(heard), next_chords, weight=real.float(), reduction="sum")
    return total / lengths.sum()


def train(cell: Cell, data: dict[str, list[Tensor]], seed: int) -> float:
    """The loss on the test set at the epoch that is best on the validation set."""
    torch.manual_seed(seed)
    model = Composer(cell)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    best, result = float("inf"), float("nan")
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(data["train"])).split(ROWS):
            optimizer.zero_grad()
            loss(model, [data["train"][row] for row in rows]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        with torch.no_grad():
            if (valid := loss(model, data["valid"]).item()) < best:
                best, result = valid, loss(model, data["test"]).item()
    return result


def main(path: Path) -> None:
    """Train every variant with each seed and print its row."""
    torch.set_num_threads(1)  # a network this small gains nothing from a second
    data = read(path)
    print(f"| variant | weights | test loss, mean of {SEEDS} | lowest | highest |\n|---|---:|---:|---:|---:|")
    for name, cell in VARIANTS.items():
        weights = sum(weight.numel() for weight in Recurrent(cell, KEYS, UNITS).parameters())
        losses = [train(cell, data, seed) for seed in range(SEEDS)]
        mean = sum(losses) / SEEDS
        print(f"| {name} | {weights:,} | {mean:.3f} | {min(losses):.3f} | {max(losses):.3f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chorales", type=Path, help="JSB_Chorales.mat")
    main(parser.parse_args().chorales)
