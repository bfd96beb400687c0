"""One sequence that an estimator has answered for, as something to look into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ...inspect.page.chart import Scores
from ...inspect.subject import Prediction, Subject
from ...tables.sequences import Floats, Sequences
from .network import SequenceNetwork
from .scaling import Standard

LOGIT, UNIT = "logit above the mean of all", "above the mean logit"
_MOST = 12  # classes that are explained


class Alone(nn.Module):
    """The network on one sequence (T, 1, I), all of it the sequence's own."""

    def __init__(self, network: SequenceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """(1, K)."""
        return self.network(x, lengths=torch.tensor([len(x)]))


def sequence_of(
    network: SequenceNetwork, scale: Standard, features: Sequence[str] | None, sequences: Sequences, row: int
) -> dict[str, Any]:
    """What a subject of any estimator holds. Raises InputError for a row that does not exist."""
    if not 0 <= row < len(sequences):
        raise InputError(f"there is no sequence {row}", hint=f"there are 0 to {len(sequences) - 1}")
    one = sequences.take(np.array([row]))
    names = one.features if features is None else tuple(map(str, features))
    return {
        "title": f"sequence {row}" if one.ids is None else str(one.ids[0]),
        "model": Alone(network.eval()),
        "x": torch.from_numpy(scale.applied(one.steps)).float().unsqueeze(1),
        "steps": tuple(str(step) for step in range(len(one.steps))),
        "inputs": names or tuple(f"feature {number}" for number in range(one.width)),
        "fed": torch.from_numpy(one.steps),
        "shorter": "record a span of its steps, or means of several, with gatewise.record",
    }


def of_classes(sequence: dict[str, Any], labels: list[str], output: str | None) -> Subject:
    """The logits of the likeliest classes, above the mean of all: a constant added to all logits says nothing.

    output: the class that is looked at first, by default the likeliest. Raises InputError for one that does not exist.
    """
    with torch.no_grad():
        logits = sequence["model"](sequence["x"])[0].double()
    probabilities = logits.softmax(0).numpy()
    chosen = int(logits.argmax()) if output is None else place_of(output, labels)
    shown = likeliest(probabilities, chosen, _MOST)
    places, centred = torch.tensor(shown), logits - logits.mean()
    return Subject(
        **sequence,
        of=lambda output: (output[0] - output[0].mean())[places],
        predictions=tuple(Prediction(labels[at], float(centred[at]), UNIT) for at in shown),
        explains=LOGIT,
        scores=Scores("Probabilities", tuple(labels[at] for at in shown), probabilities[shown]),
        chosen=shown.index(chosen),
    )


def of_numbers(sequence: dict[str, Any], scale: Standard, names: list[str], output: str | None) -> Subject:
    """Numbers in their own units, by the scale of the targets (K,)."""
    unscaled = scale.inverse_module(sequence["x"].dtype)

    def of(output: Tensor) -> Tensor:
        return unscaled(output[0])

    with torch.no_grad():
        values = of(sequence["model"](sequence["x"])).tolist()
    predictions = tuple(Prediction(*pair) for pair in zip(names, values, strict=True))
    return Subject(**sequence, of=of, predictions=predictions, chosen=0 if output is None else place_of(output, names))


def place_of(output: str, names: list[str]) -> int:
    """Which output is meant: by its name, or by its number, counted from 1."""
    if output in names:
        return names.index(output)
    if output.isascii() and output.isdigit() and 1 <= int(output) <= len(names):
        return int(output) - 1
    shown = ", ".join(map(repr, names[:8]))
    raise InputError(f"there is no output {output!r}", hint=f"give a number, 1 to {len(names)}, or one of {shown}")


def likeliest(probabilities: Floats, chosen: int, most: int) -> list[int]:
    """The places of the largest, and the chosen one."""
    places = np.argsort(-probabilities, kind="stable")[:most].tolist()
    return places if chosen in places else [*places[:-1], chosen]


def most_probable(subject: Subject) -> tuple[tuple[str, str], ...]:
    """A line about the label that the model finds most probable, where it gives probabilities."""
    if subject.scores is None:
        return ()
    label, probability = max(subject.scores.lines, key=lambda line: line[1])
    return (("The model says", f"{label}, with probability {probability:.3g}"),)
