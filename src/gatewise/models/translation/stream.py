"""A translation that is written unit by unit, with a state that can be saved and taken up elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...container import Container
from ...errors import InputError, ModelFileError
from ...fields import Fields, listed, whole
from .batches import padded
from .network import Decoding, Memories, TranslationNetwork
from .pairs import Vocabularies, clean
from .parts import Reach, cut
from .search import best, most_units
from .units import BEGIN, END

FILE = Container(
    key="gatewise-translation-stream",
    noun="the state of a gatewise translation",
    format=1,
    error=ModelFileError,
    again="save the stream's state again",
    source="give a file written by the save method of a translator's stream",
)
_LINES = listed(listed(whole(0)))
_RECORD = Fields({"written": _LINES, "left": _LINES})
_FOREIGN = "its state is not one of this translator"


@dataclass(frozen=True)
class TranslationState:
    """All that the next unit depends on. Nothing in it is changed: it can be kept, and gone on from more than once.

    Attributes:
        memory: What the encoder said of the part that is being translated, (1, S, C); None where all is written.
        decoding: Where the decoder stands.
        score: log p of the units of this part, (1, 1).
        written: The units of every part so far, without what ends them; the last part's may go on.
        left: The units of the parts of the source that are not translated, the present one first.
    """

    memory: Tensor | None
    decoding: Decoding | None
    score: Tensor | None
    written: tuple[tuple[int, ...], ...]
    left: tuple[tuple[int, ...], ...]


class TranslationStream:
    """Writes the greedy translation of a sentence, a unit each step; `Translator.stream` makes it.

    The units are those of ``predict`` with ``beam=1``, and so are the bits by which each was chosen.

    Attributes:
        state: Where it stands, a `TranslationState`. Set it to go on from another.

    Example:
        >>> for text in model.stream("3 March 2024"):
        ...     print(text)  # grows by a unit each time
    """

    def __init__(self, network: TranslationNetwork, vocabularies: Vocabularies, reach: Reach, source: str) -> None:
        self._network, self._vocabularies, self._reach = network, vocabularies, reach
        parts = cut(vocabularies.source, clean(source), reach.longest)
        self.state = self._begun((), tuple(map(tuple, parts)))

    @property
    def ended(self) -> bool:
        """Whether all is written."""
        return not self.state.left

    @property
    def text(self) -> str:
        """The translation so far."""
        target = self._vocabularies.target
        return clean(target.joint.join(target.decode(units) for units in self.state.written))

    def step(self) -> int | None:
        """Write the next unit.

        Returns:
            Its number in the target vocabulary; None where nothing is left to write.
        """
        while not self.ended:
            unit = self._next()
            if unit is not None:
                return unit
        return None

    def __iter__(self) -> Iterator[str]:
        """The translation after each further unit, until it has ended."""
        while self.step() is not None:
            yield self.text

    @torch.inference_mode()
    def _next(self) -> int | None:
        """The next unit of the present part; None where the part ends instead, and the next begins."""
        state = self.state
        assert state.memory is not None
        assert state.decoding is not None
        assert state.score is not None
        *before, units = state.written
        read = torch.tensor([units[-1] if units else BEGIN])
        outputs, decoding = self._network.step(read, state.decoding, [Memories.of(state.memory)])
        scores, _, found = best(self._network.logits(outputs), state.score)
        unit = int(found[0, 0])
        if unit == END:
            self.state = self._begun(state.written, state.left[1:])
            return None
        written = (*before, (*units, unit))
        if len(written[-1]) >= most_units(len(state.left[0]), self._reach.ratio, self._reach.longest):
            self.state = self._begun(written, state.left[1:])
        else:
            self.state = replace(state, decoding=decoding, score=scores[:, :1], written=written)
        return unit

    @torch.inference_mode()
    def _begun(self, written: tuple[tuple[int, ...], ...], left: tuple[tuple[int, ...], ...]) -> TranslationState:
        """Before the first unit of the next part."""
        if not left:
            return TranslationState(None, None, None, written, left)
        encoded = self._network.encode(*padded(left[:1]))
        start = self._network.start(encoded.ends)
        return TranslationState(encoded.memory, start, torch.zeros(1, 1), (*written, ()), left)

    def save(self, path: str | Path) -> None:
        """Write the state, every bit of it, to a file, for `load`.

        Args:
            path: The file; one that exists is replaced.

        Raises:
            InputError: The file cannot be written.
        """
        record = {"written": list(map(list, self.state.written)), "left": list(map(list, self.state.left))}
        FILE.write(path, {name: tensor.contiguous() for name, tensor in _tensors(self.state).items()}, record)

    def load(self, path: str | Path) -> None:
        """Go on from where a stream of the same translator was saved.

        Args:
            path: The file that `save` wrote. Nothing in it is executed.

        Raises:
            ModelFileError: The file is damaged, or of another model. The state stays as it was.
        """
        tensors, record = FILE.read(path)
        with FILE.understood(path, _FOREIGN, "load it into a stream of the same model"):
            self.state = self._restored(tensors, FILE.fields(_RECORD, record))

    def _restored(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> TranslationState:
        written, left = (tuple(map(tuple, record[name])) for name in ("written", "left"))
        source, target = self._vocabularies
        for lines, size in ((left, source.size), (written, target.size)):
            if any(unit >= size for line in lines for unit in line):
                raise InputError(f"a unit beyond the {size:,} of the vocabulary")
        if left and not (written and all(0 < len(line) <= self._reach.longest for line in left)):
            raise InputError("a part of the source has no units, or too many")
        fresh = self._begun(written[:-1], left)
        kinds = {name: (tensor.shape, tensor.dtype) for name, tensor in _tensors(fresh).items()}
        if kinds != {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}:
            raise InputError("its tensors have other names, shapes or dtypes")
        decoding = fresh.decoding and _filled(fresh.decoding, iter(_numbered(tensors)))
        return TranslationState(tensors.get("memory"), decoding, tensors.get("score"), written, left)


def _tensors(state: TranslationState) -> dict[str, Tensor]:
    """All of a state by name."""
    if state.memory is None or state.score is None:
        return {}
    return {"memory": state.memory, "score": state.score} | {
        f"{at}": tensor for at, tensor in enumerate(_flat(state.decoding))
    }


def _numbered(tensors: Mapping[str, Tensor]) -> list[Tensor]:
    return [tensors[f"{at}"] for at in range(len(tensors) - 2)]


def _flat(states: Any) -> Iterator[Tensor]:
    if isinstance(states, Tensor):
        yield states
    elif states is not None:
        for part in states:
            yield from _flat(part)


def _filled(states: Any, tensors: Iterator[Tensor]) -> Any:
    """The same nest of other tensors, in order."""
    if isinstance(states, Tensor):
        return next(tensors)
    if isinstance(states, Decoding):
        return Decoding(*(_filled(part, tensors) for part in states))
    return states if states is None else tuple(_filled(part, tensors) for part in states)
