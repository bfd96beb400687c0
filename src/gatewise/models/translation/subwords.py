"""Subwords learned from text: byte pair encoding by sentencepiece, kept as plain pieces."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

from ...errors import InputError, argument
from .units import SPECIAL, Words

_BYTES = 256
_FIRST = SPECIAL + _BYTES
_MOST, _LONGEST = 1 << 16, 64
"""Pieces, and bytes of a piece, of a file."""
BLANK = "▁"
"""What sentencepiece writes for a blank."""


class Subwords:
    """Pieces of words, frequent words whole; what no piece spells is spelled in bytes, so that nothing is unknown.

    Source: Sennrich, Haddow & Birch, arXiv:1508.07909; Kudo & Richardson, arXiv:1808.06226.

    Args:
        pieces: In the order in which they are merged; a blank is "▁".

    Raises:
        InputError: Pieces that no training gives.
    """

    kind = "subwords"
    joint = " "

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = list(pieces)
        self.size = _FIRST + len(self.pieces)
        if not 0 < len(self.pieces) <= _MOST or len(set(self.pieces)) < len(self.pieces):
            raise InputError(f"there are no pieces, more than {_MOST:,}, or some appear twice")
        for piece in self.pieces:
            if not piece or "\0" in piece or len(piece.encode(errors="replace")) > _LONGEST or _is_byte(piece):
                raise InputError(f"{piece[:20]!r} is no piece")

    @classmethod
    def learned(cls, lines: Iterable[str], size: int) -> Subwords:
        """At most ``size`` units, bytes included. The same lines give the same pieces.

        Raises InputError where the lines have more different characters than that.
        """
        from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

        lines = list(lines)
        least = _FIRST + len({BLANK}.union(*lines) - {" "})
        if least > size:
            what = f"the lines have {least - _FIRST - 1:,} different characters, too many for {size:,} subwords"
            raise InputError(what, hint=f"give a {argument('vocabulary_size')} of {least:,} or more")
        written: Any = BytesIO()
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=written,
            model_type="bpe",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            max_sentence_length=1 << 16,
            num_threads=1,
            minloglevel=2,
        )
        model: Any = SentencePieceProcessor(model_proto=written.getvalue())
        return cls([model.id_to_piece(at) for at in range(_FIRST, model.get_piece_size())])

    def encode(self, text: str) -> list[int]:
        """The numbers of a line."""
        return list(self._processor.encode(text))

    def decode(self, units: Sequence[int]) -> str:
        """The line of the numbers; bytes that are no text become the replacement character."""
        return self._processor.decode([unit for unit in units if unit >= SPECIAL])

    def respelled(self, lines: Sequence[Sequence[int]], dropout: float, seed: int) -> list[list[int]]:
        """The same texts, each merge of two pieces left out with a probability: Provilkov, Emelianenko & Voita,
        BPE-Dropout, arXiv:1910.13267. The same seed gives the same units.
        """
        from sentencepiece import set_random_generator_seed

        set_random_generator_seed(seed)  # one thread, as each has a generator of its own
        texts = [self.decode(line) for line in lines]
        return self._processor.encode(texts, enable_sampling=True, alpha=dropout, nbest_size=-1, num_threads=1)

    def words(self, units: Sequence[int]) -> Words:
        """The words of a line, each with the places of its units."""
        words: list[tuple[list[int], list[int]]] = []
        for place, unit in enumerate(units):
            if not words or self._piece(unit).startswith(BLANK):
                words.append(([], []))
            words[-1][0].append(unit)
            words[-1][1].append(place)
        return [(self.decode(own).strip(), places) for own, places in words]

    def state(self) -> dict[str, Any]:
        """What a file keeps."""
        return {"kind": self.kind, "entries": self.pieces}

    def _piece(self, unit: int) -> str:
        return self.pieces[unit - _FIRST] if unit >= _FIRST else ""

    @cached_property
    def _processor(self) -> Any:
        from sentencepiece import SentencePieceProcessor

        return SentencePieceProcessor(model_proto=_model(self.pieces))


def _is_byte(piece: str) -> bool:
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")


def _model(pieces: Sequence[str]) -> bytes:
    """The pieces as the protocol buffer that sentencepiece reads: sentencepiece_model.proto, its ModelProto.

    It is written here, of checked pieces, so that no bytes of a file reach the parser.
    """
    bpe, unknown, control, byte = 2, 2, 3, 6
    listed = b"".join(
        _nested(1, _nested(1, piece.encode()) + _float(2, score) + (_whole(3, kind) if kind else b""))
        for piece, score, kind in (
            ("<unk>", 0.0, unknown),
            ("<s>", 0.0, control),
            ("</s>", 0.0, control),
            *((f"<0x{number:02X}>", 0.0, byte) for number in range(_BYTES)),
            *((piece, -float(rank), 0) for rank, piece in enumerate(pieces)),
        )
    )
    trainer = _nested(2, _whole(3, bpe) + _whole(4, _FIRST + len(pieces)) + _whole(35, 1))
    normalizer = _nested(3, _nested(1, b"identity") + _whole(3, 1) + _whole(4, 0) + _whole(5, 1))
    return listed + trainer + normalizer


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _nested(field: int, contents: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(contents)) + contents


def _varint(value: int) -> bytes:
    return bytes(_sevens(value))


def _sevens(value: int) -> Iterator[int]:
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
