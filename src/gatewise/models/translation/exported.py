"""A translator as files for other runtimes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...export.onnx.write import ExportedOnnx, allowed, check_installed, exported, proven
from ...files import atomic_write, check_writable
from .files import files_of
from .network import TranslationNetwork
from .pairs import Vocabularies
from .units import BEGIN, END, SPECIAL, UNKNOWN


@dataclass(frozen=True)
class ExportedTranslator:
    """What `Translator.to_onnx` has written.

    Attributes:
        encoder: Reads sentences of equal length: ``source`` (B, S) int64 to ``memory`` (B, S, C), and the states that
            the decoder begins with.
        decoder: Writes one unit of R hypotheses, R / B for each sentence side by side: ``units`` (R,) int64,
            ``memory`` and states to ``log_probabilities`` (R, V), ``attention`` (R, S) and the next states.
        units: A JSON file of both vocabularies, and of the numbers that ``unknown``, ``begin`` and ``end`` have.
    """

    encoder: ExportedOnnx
    decoder: ExportedOnnx
    units: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The three files."""
        return self.encoder.path, self.decoder.path, self.units

    @property
    def parts(self) -> Mapping[str, ExportedOnnx]:
        """The two models by name."""
        return {"encoder": self.encoder, "decoder": self.decoder}


def to_onnx(
    network: TranslationNetwork, vocabularies: Vocabularies, folder: Path, name: str, tolerance: float | None
) -> ExportedTranslator:
    """See `Translator.to_onnx`."""
    paths = files_of(folder, name)
    for path in paths:
        check_writable(path)
    check_installed(checked=True)
    from .onnx import graphs

    most = allowed(tolerance, network.bias.dtype)
    parts = graphs(network)
    checked = [proven(part, most) for part in parts.values()]
    for path, (data, _) in zip(paths, checked, strict=False):
        atomic_write(path, data)
    numbers = {"unknown": UNKNOWN, "begin": BEGIN, "end": END, "first": SPECIAL}
    sides = {side: vocabulary.state() for side, vocabulary in vocabularies._asdict().items()}
    atomic_write(paths[-1], json.dumps(numbers | sides, ensure_ascii=False).encode())
    encoder, decoder = (
        exported(path, part, difference, {})
        for path, part, (_, difference) in zip(paths, parts.values(), checked, strict=False)
    )
    return ExportedTranslator(encoder, decoder, paths[-1])
