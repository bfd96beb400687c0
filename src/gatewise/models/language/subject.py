"""What a language model makes of a text, as something to look into."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...inspect.page.chart import Scores
from ...inspect.subject import Credit, Prediction, Subject
from ..sequence.subject import LOGIT, UNIT, likeliest, place_of
from .network import LanguageNetwork
from .vocabulary import Tokens, Vocabulary

_MOST = 8  # next tokens that are explained


class FromEmbedding(nn.Module):
    """The network, called with embedded tokens (T, 1, E) in place of their numbers, for credit to go to."""

    def __init__(self, network: LanguageNetwork) -> None:
        super().__init__()
        self.recurrent, self.linear = network.recurrent, network.linear

    def forward(self, embedded: Tensor) -> Tensor:
        """Logits of the next token after the last, (V,)."""
        outputs, _ = self.recurrent(embedded)
        return self.linear(outputs[-1, 0])


def subject_of(network: LanguageNetwork, vocabulary: Vocabulary, tokens: Tokens, output: str | None) -> Subject:
    """The network after these tokens, from a state of zeros; the next token is what it says.

    output: the next token that is looked at first, by default the likeliest.
    """
    if not len(tokens):
        raise InputError("there is no text", hint="give at least one character")
    model = FromEmbedding(network).eval()
    with torch.no_grad():
        x = network.embedding(torch.from_numpy(tokens)[:, None])
        logits = model(x).double()
    probabilities, names = logits.softmax(0).numpy(), [spelled(vocabulary, number) for number in range(len(logits))]
    chosen = int(logits.argmax()) if output is None else place_of(_quoted(output, names), names)
    shown = likeliest(probabilities, chosen, _MOST)
    places, centred = torch.tensor(shown), logits - logits.mean()
    return Subject(
        title="what comes next",
        model=model,
        x=x,
        of=lambda output: (output - output.mean())[places],
        predictions=tuple(Prediction(f"next {names[at]}", float(centred[at]), UNIT) for at in shown),
        steps=tuple(f"{place} {names[token]}" for place, token in enumerate(tokens)),
        inputs=("size of the embedding",),
        fed=x[:, 0].norm(dim=1, keepdim=True).double(),
        explains=LOGIT,
        credited=_whole,
        scores=Scores("Probability of the next", tuple(names[at] for at in shown), probabilities[shown]),
        cells=tuple((f"{place} {names[token]}",) for place, token in enumerate(tokens)),
        shorter="look at less of the text, such as its last 1,000 characters",
        chosen=shown.index(chosen),
    )


def spelled(vocabulary: Vocabulary, number: int) -> str:
    """One token in quotes."""
    text: Any = vocabulary.decode([number])
    return repr(text if isinstance(text, str) else text[0])


def _quoted(output: str, names: list[str]) -> str:
    return repr(output) if repr(output) in names else output


def _whole(credit: Tensor) -> Credit:
    """Of all numbers of an embedding together, (K, T, 1)."""
    return Credit(credit.sum(3), {})
