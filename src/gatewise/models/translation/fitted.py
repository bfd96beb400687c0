"""What a fitted translator does: translate, be measured, show what it attended to, become files for other runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ..arguments import whole
from ..network_estimator import NetworkEstimator
from . import scores
from .alignment import Alignment, align
from .batches import Pair
from .exported import ExportedTranslator, to_onnx
from .network import TranslationNetwork
from .pairs import Vocabularies, check_pairs, checked, clean, cleaned
from .parts import Reach, Translation, translated
from .probing import Probed, all_alike, probed
from .scores import TranslationScores
from .search import Beam
from .stream import TranslationStream

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class FittedTranslator(NetworkEstimator):
    """What `Translator` has once it is fitted."""

    longest: int
    vocabularies_: Vocabularies
    network_: TranslationNetwork
    _ratio: float

    def predict(self, source: Sequence[str]) -> list[str]:
        """Translate.

        Args:
            source: Sentences. A blank one stays blank, and control characters are read as blanks.

        Returns:
            The best translation of each.

        Raises:
            InputError: Before `fit`, and for anything but a list of strings.
        """
        return [found[0].text for found in self.translations(source)]

    def translations(self, source: Sequence[str], *, n_best: int = 1) -> list[list[Translation]]:
        """Translate, and say how probable each translation is.

        Args:
            source: As in `predict`.
            n_best: How many translations of each sentence, at most; 1 to ``beam``.

        Returns:
            For each sentence its translations, the best first.

        Raises:
            InputError: As `predict`, and for ``n_best`` above ``beam``.
        """
        self._check_fitted()
        beam = self._beam()
        most = whole("n_best", n_best, 1, beam.width)
        lines, reach = checked("source", source), Reach(self._ratio, self.longest)
        with self._threads():
            return translated(self.network_, self.vocabularies_, lines, beam, reach, most)

    def stream(self, source: str = "") -> TranslationStream:
        """Translate greedily, unit by unit, with a state that can be saved and taken up elsewhere.

        Args:
            source: A sentence; by default none, for a stream that is to `load` its state.

        Returns:
            A `TranslationStream`, which writes what ``predict`` writes with ``beam=1``, bit for bit.

        Raises:
            InputError: Before `fit`, and for anything but a string.
        """
        self._check_fitted()
        checked("source", [source])
        return TranslationStream(self.network_, self.vocabularies_, Reach(self._ratio, self.longest), source)

    def score(self, source: Sequence[str], target: Sequence[str]) -> float:
        """Measure translations by chrF2, which also suits short lines.

        Args:
            source: N sentences.
            target: Their N translations.

        Returns:
            0 to 100, higher is better.

        Raises:
            InputError: Before `fit`, and for lists that are not equally long.
        """
        sources, targets = check_pairs(source, target)
        return scores.chrf(self.predict(sources), list(map(clean, targets)))

    def evaluate(self, source: Sequence[str], target: Sequence[str]) -> TranslationScores:
        """Translate, and compare with references by every measure that `TranslationScores` has.

        Args:
            source: N sentences.
            target: Their N translations.

        Returns:
            The scores, and the translations.

        Raises:
            InputError: As `score`, and where no pair has two lines that are not blank.
        """
        sources, references = check_pairs(source, target)
        lines = cleaned(sources, references)
        probed = self._probed(lines.source, lines.target)
        translations, references = self.predict(sources), list(map(clean, references))
        errors = scores.unit_errors(self.vocabularies_.target, translations, references)
        return TranslationScores(
            len(sources),
            scores.metrics(translations, references),
            sum(map(str.__eq__, translations, references)) / len(sources),
            errors.edits / max(errors.wanted, 1),
            probed.nats,
            errors.written / max(errors.wanted, 1),
            errors.repeating / len(sources),
            tuple(translations),
            (*probed.notes, *all_alike(sources, translations)),
        )

    def align(self, source: str, target: str | None = None) -> Alignment:
        """Show what each word of a translation attended to.

        Args:
            source: A sentence.
            target: Its translation; None for the model's own.

        Returns:
            An `Alignment`, with a check of what attention says.

        Raises:
            InputError: Before `fit`; either side is blank, or longer than ``longest``.
        """
        _, units = self._pair(source, target)
        with self._threads():
            return align(self.network_, self.vocabularies_, *units)

    def subject(self, source: str, target: str | None = None, *, output: str | None = None) -> Subject:
        """What the decoder remembers and attends to as it writes, for `gatewise.inspect.look_inside`.

        Args:
            source: A sentence.
            target: Its translation; None for the model's own.
            output: The unit of the translation that is shown first, by its number from 1; by default the first.

        Returns:
            A `Subject`, of the decoder's upper layers: a number for each unit of the translation, how far its logit is
            above the mean of all, which is a sum over what was attended to and what was written before.

        Raises:
            InputError: As `align`, and for an output that does not exist.
        """
        from .subject import subject_of

        written, units = self._pair(source, target)
        with self._threads():
            subject = subject_of(self.network_, self.vocabularies_, units, output)
        return replace(subject, about=(("Source", clean(source)), ("Translation", written)))

    def _pair(self, source: str, target: str | None) -> tuple[str, Pair]:
        """A translation, the model's own where there is none, and the units of both."""
        self._check_fitted()
        written = self.predict([source])[0] if target is None else clean(target)
        units = self._encoded(clean(source), written)
        for name, side in zip(("source", "target"), units, strict=True):
            if not 0 < len(side) <= self.longest:
                raise InputError(f"{name} has {len(side)} units", hint=f"give a line of 1 to {self.longest} units")
        return written, units

    def to_onnx(self, folder: str | Path, *, name: str = "model", tolerance: float | None = None) -> ExportedTranslator:
        """Write an encoder, a decoder of one unit, and the vocabularies, for runtimes of ONNX (opset 17).

        A search is a loop around the decoder, whose states are tensors of the caller's.

        Args:
            folder: Where to.
            name: Files are ``NAME_encoder.onnx``, ``NAME_decoder.onnx`` and ``NAME_units.json``.
            tolerance: The largest difference allowed between ONNX Runtime and the network on units drawn at random,
                relative to the largest number of an output or to 1; by default that of `gatewise.export.to_onnx`.

        Returns:
            The files, their inputs and outputs, and the differences.

        Raises:
            InputError: Before `fit`, for a path that cannot be written, or a difference beyond the tolerance. Nothing
                is written then.
            ModuleNotFoundError: Where ``onnx`` or ``onnxruntime`` is missing (``pip install 'gatewise[export]'``).
        """
        self._check_fitted()
        with self._threads():
            return to_onnx(self.network_, self.vocabularies_, Path(folder), name, tolerance)

    def _encoded(self, source: str, target: str) -> Pair:
        return self.vocabularies_.source.encode(source), self.vocabularies_.target.encode(target)

    def _probed(self, source: Sequence[str], target: Sequence[str]) -> Probed:
        """How probable references are, and whether they would be more so the other way round."""
        self._check_fitted()
        pairs = [pair for pair in map(self._encoded, source, target) if max(map(len, pair)) <= self.longest]
        turned = [pair for pair in map(self._encoded, target, source) if max(map(len, pair)) <= self.longest]
        with self._threads():
            return probed(self.network_, pairs, turned, self.batch_size)

    def _beam(self) -> Beam:
        return Beam(self._argument("beam"), self._argument("length_penalty"))
