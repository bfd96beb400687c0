"""The network step by step against whole sequences, and the search against every target that there is."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from tests.tolerance import FLOAT32_LOG_PROBABILITY, PARITY

from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.models.translation.batches import ByLength, Pair, batch_of, padded
from gatewise.models.translation.learning import logits_of
from gatewise.models.translation.network import Memories, Rates, Sizes, TranslationNetwork
from gatewise.models.translation.search import Beam, search
from gatewise.models.translation.units import BEGIN, END

LONGEST = 100
SOURCES = [[3, 4, 5], [4], [5, 5, 3], [3, 4, 5, 4, 3, 3, 5], [3, 3, 3], []]


def network(
    cell: str = "lstm", layers: int = 2, target: int | None = 5, seed: int = 0, std: float = 0.7, heads: int = 2
) -> TranslationNetwork:
    torch.manual_seed(seed)
    sizes = Sizes(6, target, 5, 8, 1, layers, heads)
    made = TranslationNetwork(CELLS[cell], sizes, Rates(0.3, 0.1), {}).eval()
    for weight in made.parameters():  # far from zero, so that hypotheses differ
        torch.nn.init.normal_(weight, std=std)
    return made


def log_probability(model: TranslationNetwork, source: list[int], target: list[int]) -> float:
    """Of a target, read at once."""
    with torch.inference_mode():
        logits, units = logits_of(model, batch_of([(source, target)]))
    return float(logits.double().log_softmax(1).gather(1, units[:, None]).sum())


@pytest.mark.parametrize(
    ("cell", "layers"),
    [("lstm", 2), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (("lstm", 1), ("gru", 3), ("slstm", 2)))],
)
def test_a_decoder_goes_step_by_step_as_over_whole_sequences(cell: str, layers: int) -> None:
    model = network(cell, layers)
    source, target = [3, 4, 5, 3], [3, 4, 4, 3, 4]
    with torch.inference_mode():
        batch = batch_of([(source, target)])
        encoded = model.encode(batch.source, batch.source_lengths)
        whole, _ = model.decode(batch.target[:-1], batch.target_lengths, encoded)
        decoding, memories = model.start(encoded.ends), [Memories.of(encoded.memory)]
        for at, unit in enumerate([BEGIN, *target]):
            before, decoding = model.step(torch.tensor([unit]), decoding, memories)
            assert (before - whole[at]).abs().max() <= PARITY["float32"] * whole.abs().max()


@pytest.mark.parametrize("heads", [1, 4])
def test_each_head_attends_by_itself_to_its_share_of_the_memory(heads: int) -> None:
    attention = network(heads=heads).attention
    generator = torch.Generator().manual_seed(0)
    states, memory = (torch.randn(*shape, generator=generator) for shape in ((3, 2, 8), (2, 5, 8)))
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.no_grad():
        contexts, weights = attention(states, memory, padding)
        queries = attention.query(states)
    share = 8 // heads
    for head, own in enumerate(torch.arange(8).split(share)):
        scores = torch.einsum("tbc,bsc->bts", queries[..., own], memory[..., own]) / share**0.5
        expected = scores.masked_fill(padding[:, None], -torch.inf).softmax(-1)
        assert torch.allclose(weights[:, head], expected, atol=PARITY["float32"])
    assert torch.allclose(attention.shares(weights, memory).sum(2).transpose(0, 1), contexts, atol=PARITY["float32"])


def test_features_that_cannot_be_divided_among_heads_are_refused() -> None:
    with pytest.raises(InputError, match=r"8 units cannot be divided among 3 heads(.|\n)*`heads`"):
        network(heads=3)


@pytest.mark.parametrize("width", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_search_has_the_bits_that_it_has_alone(width: int) -> None:
    model, beam = network(target=9, seed=1, std=1.5), Beam(width)
    generator = torch.Generator().manual_seed(0)
    sources = SOURCES + [torch.randint(3, 6, (n % 9,), generator=generator).tolist() for n in range(40)]
    together = search(model, sources, beam, 1.0, LONGEST)
    assert [search(model, [source], beam, 1.0, LONGEST)[0] for source in sources] == together
    assert len({len(found[0].units) for found in together}) > 2  # so that some leave the search before others
    if width > 1:
        for source, found in zip(sources[:9], together, strict=False):
            for one in found:
                expected = log_probability(model, source, list(one.units)) / (len(one.units) + 1)
                assert one.score == pytest.approx(expected, rel=FLOAT32_LOG_PROBABILITY, abs=FLOAT32_LOG_PROBABILITY)


@pytest.mark.slow
def test_greedy_takes_the_most_probable_unit_each_time() -> None:
    model = network()
    for source in SOURCES:
        (found,) = search(model, [source], Beam(1, 0.0), 0.0, LONGEST)[0]
        written: list[int] = []
        with torch.inference_mode():
            while len(written) < 10:
                logits, _ = logits_of(model, batch_of([(source, written)]))
                logits[:, :END] = -torch.inf
                unit = int(logits[-1].argmax())
                if unit == END:
                    break
                written.append(unit)
        assert list(found.units) == written


@pytest.mark.slow
def test_a_wide_beam_finds_the_most_probable_target_of_all() -> None:
    model = network(seed=3)
    with torch.no_grad():
        model.bias[END] = 1.0
    every = [list(units) for length in range(7) for units in product((3, 4), repeat=length)]
    for source in SOURCES[:4]:
        best = max(every, key=lambda target: log_probability(model, source, target))
        found = search(model, [source], Beam(100, 0.0), 1.0, LONGEST)[0][0]
        assert list(found.units) == best
        assert found.score == pytest.approx(log_probability(model, source, best), rel=FLOAT32_LOG_PROBABILITY)


def test_a_length_penalty_favours_longer_targets() -> None:
    model = network(seed=3)
    lengths = [
        sum(len(found[0].units) for found in search(model, SOURCES, Beam(5, penalty), 1.0, LONGEST))
        for penalty in (0.0, 2.0)
    ]
    assert lengths[0] < lengths[1]


def test_a_search_that_comes_to_no_end_is_cut() -> None:
    model = network()
    with torch.no_grad():
        model.bias[END] = -1e4
    (found,) = search(model, [[3, 4, 5]], Beam(2), 2.0, LONGEST)[0]
    assert len(found.units) == 16
    (found,) = search(model, [[3, 4, 5]], Beam(2), 1e6, 5)[0]
    assert len(found.units) == 15


@pytest.mark.parametrize(("name", "arguments"), [("beam", (0,)), ("beam", (101,)), ("length_penalty", (5, -1))])
def test_a_beam_that_makes_no_search_is_refused(name: str, arguments: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=name):
        Beam(*arguments)


def test_padding_changes_nothing_that_is_learned_from() -> None:
    model = network()
    pairs = [([3, 4], [3]), ([5], [4, 3, 3, 4]), ([3] * 7, [])]
    with torch.inference_mode():
        together, targets = logits_of(model, batch_of(pairs))
        alone = [logits_of(model, batch_of([pair])) for pair in pairs]
    largest = together.abs().max()
    count = 0
    for logits, units in alone:
        for row, unit in zip(logits, units, strict=True):
            assert min((row - other).abs().max() for other in together[targets == unit]) <= PARITY["float32"] * largest
            count += 1
    assert count == len(together)


def test_a_pass_has_every_pair_once_in_batches_of_bounded_size() -> None:
    pairs = [([3] * (n % 7 + 1), [3] * (n % 5) + [n]) for n in range(50)]
    source = ByLength(pairs, 30)
    seen: list[int] = []
    for _ in range(source.per_epoch):
        batch = source.next_batch()
        assert batch.target[1:].numel() <= 30
        last = batch.target_lengths - 1
        seen += batch.target.gather(0, last[None])[0].tolist()
    assert sorted(seen) == list(range(50))
    assert (source.epoch, source.position) == (1, 0)


def test_a_source_goes_on_from_its_state() -> None:
    pairs = [([3] * (n % 7 + 1), [n] * (n % 5 + 1)) for n in range(50)]
    source, again = ByLength(pairs, 30, seed=1), ByLength(pairs, 30, seed=2)
    for _ in range(source.per_epoch + 2):
        source.next_batch()
    again.load_state_dict(source.state_dict())
    for _ in range(source.per_epoch):
        assert all(map(torch.equal, source.next_batch(), again.next_batch()))


def test_each_pass_is_spelled_anew_and_goes_on_from_its_state() -> None:
    pairs = [([3] * (n % 7 + 1), [n] * (n % 5 + 1)) for n in range(50)]

    def respelling(seed: int) -> list[Pair]:
        return [([*source, seed], [*target, 7]) for source, target in pairs]

    source, again = (ByLength(pairs, 30, seed=seed, respelling=respelling) for seed in (1, 2))
    seeds = [{int(source.next_batch().source.max())} for _ in range(50)]
    while source.epoch < 2 or source.position == 0:
        seeds.append({int(source.next_batch().source.max())})
    assert len(set.union(*seeds)) == source.epoch + 1
    again.load_state_dict(source.state_dict())
    for _ in range(source.per_epoch):
        assert all(map(torch.equal, source.next_batch(), again.next_batch()))


def test_sources_are_padded_with_their_ends() -> None:
    units, lengths = padded([[3], [4, 5]])
    assert units.tolist() == [[3, 4], [END, 5], [END, END]]
    assert lengths.tolist() == [2, 3]
