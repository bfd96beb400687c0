"""What a network has to be to learn from pairs and to be searched through, whatever is inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from .network import Encoded, Memories


class EncoderDecoder(Protocol):
    """A module that reads a source and writes a target, as `TranslationNetwork` is, which is one.

    Letters as there. What is kept between two units is ``decoding``: its ``rows(chosen)`` picks some of the decoders
    that go side by side.
    """

    @property
    def memory_size(self) -> int:
        """C, how many numbers the decoder may read of each source position."""
        ...

    def encode(self, source: Tensor, lengths: Tensor) -> Encoded:
        """Sources (S, B), padded, of lengths (B,)."""
        ...

    def decode(self, target: Tensor, lengths: Tensor, encoded: Encoded) -> tuple[Tensor, Any]:
        """What stands before the softmax at every position of targets (T, B), (T, B, E), and what was attended to."""
        ...

    def start(self, ends: Tensor) -> Any:
        """Decoders that have read nothing, one for each row of ``ends`` (R, C)."""
        ...

    def step(self, units: Tensor, decoding: Any, memories: Sequence[Memories]) -> tuple[Tensor, Any]:
        """One unit (R,) further: what stands before the softmax, (R, E), and the decoders then.

        units: as many for each source, side by side. memories: of the sources of each length, one after the other.
        """
        ...

    def logits(self, before: Tensor) -> Tensor:
        """(N, E) to (N, V)."""
        ...
