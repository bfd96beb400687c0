from __future__ import annotations

from io import BytesIO

import pytest
import sentencepiece

from gatewise.errors import InputError
from gatewise.models.translation.pairs import cleaned, learnable, repeated, vocabularies
from gatewise.models.translation.stored import restored
from gatewise.models.translation.subwords import Subwords
from gatewise.models.translation.units import BEGIN, END, SPECIAL, UNKNOWN, Symbols

ANIMALS, THINGS = ("cat", "elephant"), ("mat", "wheelchair")
LINES = [f"the {a} sat on the {b} and saw {n} dogs" for a in ANIMALS for b in THINGS for n in range(20)]
ODD = ["the cat", "  two  blanks ", "ein Übel: 🙂", "tab\there", "nul\0", "", "▁", "sat on the mat"]


def learned_by_sentencepiece(size: int) -> sentencepiece.SentencePieceProcessor:
    """The model as sentencepiece writes it, with the arguments of `Subwords.learned`."""
    written = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=written, model_type="bpe", vocab_size=size, hard_vocab_limit=False,
        character_coverage=1.0, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, minloglevel=2, num_threads=1,
    )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def test_pieces_of_a_file_encode_as_the_model_that_was_learned() -> None:
    subwords, whole = Subwords.learned(LINES, 320), learned_by_sentencepiece(320)
    again = restored([subwords.state()]).source
    assert subwords.size == whole.get_piece_size() <= 320
    assert (whole.unk_id(), whole.bos_id(), whole.eos_id()) == (UNKNOWN, BEGIN, END)
    for line in (*LINES, *ODD):
        assert again.encode(line) == whole.encode(line)


def test_every_line_comes_back_and_nothing_is_unknown() -> None:
    subwords = Subwords.learned(LINES, 320)
    for line in ODD:
        units = subwords.encode(line)
        assert subwords.decode(units).removeprefix(" ") == line.replace("▁", " ").removeprefix(" ")
        assert all(unit >= SPECIAL for unit in units)
    assert len(subwords.encode("the cat sat")) < len("the cat sat")


def test_a_text_is_spelled_in_other_pieces_by_a_seed() -> None:
    subwords = Subwords.learned(LINES, 320)
    lines = [subwords.encode(line) for line in (*LINES, *ODD)]
    spelled = subwords.respelled(lines, 0.3, 1)
    assert [subwords.decode(line) for line in spelled] == [subwords.decode(line) for line in lines]
    assert sum(map(len, spelled)) > 1.1 * sum(map(len, lines))
    assert subwords.respelled(lines, 0.3, 1) == spelled != subwords.respelled(lines, 0.3, 2)
    assert subwords.respelled(lines, 0.0, 1) == lines
    assert Symbols.learned("words", ["b a b"]).respelled([[3, 4], [3]], 0.3, 1) == [[3, 4], [3]]


def test_words_hold_the_places_of_their_units() -> None:
    subwords = Subwords.learned(LINES, 320)
    units = subwords.encode("the zebra sat")
    words = subwords.words(units)
    assert [word for word, _ in words] == ["the", "zebra", "sat"]
    assert [place for _, places in words for place in places] == list(range(len(units)))


@pytest.mark.parametrize("pieces", [[], ["a", "a"], ["nul\0"], [""], ["x" * 65], ["<0x41>"]])
def test_pieces_that_no_training_gives_are_refused(pieces: list[str]) -> None:
    with pytest.raises(InputError):
        Subwords(pieces)


def test_too_many_characters_are_told_with_how_many_it_takes() -> None:
    lines = [chr(0x4E00 + n) * 2 + " x" for n in range(100)]
    with pytest.raises(InputError, match=r"101 different characters(.|\n)*`vocabulary_size` of 361 or more"):
        Subwords.learned(lines, 360)
    assert Subwords.learned(lines, 361).size == 361


def test_the_same_lines_give_the_same_pieces() -> None:
    assert Subwords.learned(LINES, 300).pieces == Subwords.learned(LINES, 300).pieces


def test_symbols_are_numbered_by_how_often_they_occur() -> None:
    words = Symbols.learned("words", ["b a b", "c  b"])
    assert words.entries == ["b", "a", "c"]
    assert words.encode("c zebra b") == [5, UNKNOWN, 3]
    assert words.decode([5, UNKNOWN, END, 3]) == "c b"
    assert Symbols.learned("characters", ["ab", "b"]).decode([3, 4]) == "ba"
    assert Symbols.learned("words", ["b a b", "c"], 2).size == SPECIAL + 2


@pytest.mark.parametrize(
    ("source", "target", "kinds"),
    [
        (["hello", "world", "phone"], ["HH AH0 L OW1", "W ER1 L D", "F OW1 N"], ("characters", "words")),
        (["3 March 2024", "14 May 1999"], ["2024-03-03", "1999-05-14"], ("characters", "characters")),
        (LINES, LINES, ("subwords", "subwords")),
        (["42", "7"], ["a rather long line that spells the number forty-two", "seven"], ("subwords", "subwords")),
    ],
)
def test_units_are_chosen_by_what_lines_are_made_of(source: list[str], target: list[str], kinds: tuple[str]) -> None:
    made = vocabularies(cleaned(source, target), "auto", 400)
    assert (made.source.kind, made.target.kind) == kinds
    assert made.shared is (kinds[0] == "subwords")


def test_what_is_left_out_is_counted_with_its_reason() -> None:
    lines = cleaned(["a", " ", "b\x1b[31m", "c"], ["x", "y", "z", "\t"])
    assert lines.source == ["a", "b [31m"]
    assert lines.notes == ("2 pairs left out: a line is blank", "2 pairs with control characters, each read as a blank")
    usual = [([3] * n, [3] * n) for n in range(20, 40)]
    kept, notes = learnable([*usual, ([3] * 20, [3] * 190), ([3] * 300, [3])], 200)
    assert kept == usual
    assert [note.split(":")[0] for note in notes] == ["1 pair left out", "1 pair left out"]


@pytest.mark.parametrize(
    ("source", "target", "what"),
    [
        (["a"], ["b", "c"], "source has 1 line and target 2 lines"),
        ("abc", ["b"], "source is a str"),
        (["a", 3], ["b", "c"], "source holds a int"),
        (["a", ""], ["", "b"], "no pair of which neither line is blank"),
        ([], [], "no pair"),
    ],
)
def test_pairs_that_teach_nothing_are_refused(source: object, target: object, what: str) -> None:
    with pytest.raises(InputError, match=what):
        cleaned(source, target)


def test_lines_known_from_training_are_counted() -> None:
    assert repeated(["a", "b ", "c"], ["b", "c\n", "d"]) == 2
