"""Masks: as many tokens as is said, hidden as BERT hides them, and decided by the seed and the text alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rosberta.experiment.training import Pretrain
from rosberta.frame.mistakes import Mistake
from rosberta.training.masked_language import masking_of
from rosberta.training.masking import Masking, masked, word_starts
from rosberta.training.token_store import tokenizer_of
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

MASK, VOCABULARY = 4, 60
SPECIAL = np.arange(5)


def texts(tokens: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts of 1 to 40 tokens in all, the first and last of which are special: ids, starts, seeds."""
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 41, tokens // 20)
    starts = np.concatenate([[0], lengths.cumsum()])
    ids = chance.integers(5, VOCABULARY, starts[-1]).astype(np.int32)
    ids[starts[:-1]], ids[starts[1:] - 1] = 0, 2
    return ids, starts, chance.integers(0, 2**64, len(lengths), np.uint64)


def how(probability: float = 0.15, words: np.ndarray | None = None) -> Masking:
    return Masking(probability, MASK, VOCABULARY, SPECIAL, words)


def within(count: int, number: int, share: float) -> bool:
    """Whether so many of a number are a share of it, but for four standard deviations."""
    return abs(count - number * share) < 4 * (number * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("probability", [0.15, 0.4])
def test_shares(probability: float) -> None:
    """Of 200,000 tokens the share is chosen; of these 80% are masked, 10% are random and the rest stays."""
    ids, starts, seeds = texts(200_000)
    hidden, chosen = masked(ids, starts, seeds, how(probability))
    ordinary = ~np.isin(ids, SPECIAL)
    assert ordinary[chosen].all(), "special tokens are never chosen"
    assert within(len(chosen), int(ordinary.sum()), probability)
    others = np.ones(len(ids), bool)
    others[chosen] = False
    assert (hidden[others] == ids[others]).all()
    assert hidden.dtype == ids.dtype
    was, now = ids[chosen], hidden[chosen]
    # A random token may be the mask, or the token that stood there.
    assert within(int((now == MASK).sum()), len(chosen), 0.8 + 0.1 / VOCABULARY)
    assert within(int((now == was).sum()), len(chosen), 0.1 + 0.1 / VOCABULARY)


def test_random_tokens_are_of_the_whole_vocabulary() -> None:
    """What replaces a token is any id, special ones too, each as often, and neither what stood there nor near it."""
    ids, starts, seeds = texts(400_000)
    hidden, chosen = masked(ids, starts, seeds, how(0.5))
    changed = hidden[chosen][(hidden[chosen] != MASK) & (hidden[chosen] != ids[chosen])]
    counts = np.bincount(changed, minlength=VOCABULARY)
    assert len(counts) == VOCABULARY
    expected = np.full(VOCABULARY, len(changed) / (VOCABULARY - 1))
    expected[MASK] = 0
    assert (np.abs(counts - expected) <= 5 * expected**0.5).all()


def test_every_place_is_chosen_as_often() -> None:
    """Choice and fate do not depend on the place in the text, nor on each other's draws."""
    ids = np.full(40 * 4000, 9, np.int32)
    starts = np.arange(0, len(ids) + 1, 40)
    _, chosen = masked(ids, starts, np.random.default_rng(1).integers(0, 2**64, 4000, np.uint64), how(0.3))
    which = np.zeros(len(ids), bool)
    which[chosen] = True
    grid = which.reshape(4000, 40)
    assert all(within(int(column.sum()), 4000, 0.3) for column in grid.T)
    # Neighbours are chosen independently.
    assert within(int((grid[:, 1:] & grid[:, :-1]).sum()), 4000 * 39, 0.09)


def test_seed_and_text_alone_decide() -> None:
    """A text is hidden alike alone, in another order and in other company; with another seed otherwise."""
    ids, starts, seeds = texts(4_000)
    hidden, chosen = masked(ids, starts, seeds, how())
    assert (masked(ids, starts, seeds, how())[0] == hidden).all()
    which = np.zeros(len(ids), bool)
    which[chosen] = True
    each = [slice(start, end) for start, end in pairwise(starts)]
    for order in (np.random.default_rng(2).permutation(len(each))[:120], np.array([7])):
        moved = np.concatenate([ids[each[text]] for text in order])
        at = np.concatenate([[0], np.cumsum([len(ids[each[text]]) for text in order])])
        found, places = masked(moved, at, seeds[order], how())
        assert (found == np.concatenate([hidden[each[text]] for text in order])).all()
        assert set(places) == set(np.flatnonzero(np.concatenate([which[each[text]] for text in order])))
    assert (masked(ids, starts, seeds + np.uint64(1), how())[0] != hidden).mean() > 0.1


def words_of(ids: np.ndarray, starts: np.ndarray, begins: np.ndarray) -> list[list[int]]:
    """The places of each word, token by token."""
    found: list[list[int]] = []
    for start, end in pairwise(starts):
        inside = False
        for place in range(start, end):
            if ids[place] in SPECIAL:
                inside = False
            elif begins[ids[place]] or not inside:
                found.append([place])
                inside = True
            else:
                found[-1].append(place)
    return found


def test_whole_words() -> None:
    """Words are chosen as a whole or not at all, as often as is said; what becomes of each token is its own draw."""
    ids, starts, seeds = texts(60_000)
    ids[np.random.default_rng(3).random(len(ids)) < 0.05] = 3
    begins = np.random.default_rng(4).random(VOCABULARY) < 0.4
    hidden, chosen = masked(ids, starts, seeds, how(0.2, begins))
    words = words_of(ids, starts, begins)
    taken = set(chosen.tolist())
    whole = [word for word in words if word[0] in taken]
    assert sorted(place for word in whole for place in word) == chosen.tolist()
    assert within(len(whole), len(words), 0.2)
    longer = [hidden[word] == MASK for word in whole if len(word) > 1]
    assert any(each.any() and not each.all() for each in longer)


def test_words_of_a_tokenizer(tmp_path: Path) -> None:
    """With a byte-level tokenizer what is hidden of a text are words of it, from blank to blank."""
    folder = write_roberta(tmp_path / "tiny", [*RUSSIAN, *ENGLISH])
    tokenizer = tokenizer_of(folder, 64)
    masking = masking_of(tokenizer, Pretrain(whole_words=True, mask_probability=0.4), "pretrain@a")
    assert (masking.probability, masking.mask, masking.vocabulary) == (0.4, 4, tokenizer.get_vocab_size())
    assert masking.special.tolist() == [0, 1, 2, 3, 4]
    partly = 0
    for seed, text in enumerate((*RUSSIAN, *ENGLISH)):
        ids = np.array(tokenizer.encode(text).ids, np.int32)
        _, chosen = masked(ids, np.array([0, len(ids)]), np.array([seed], np.uint64), masking)
        offsets = [tokenizer.encode(text).offsets[place] for place in chosen]
        letters = {place for start, end in offsets for place in range(start, end)} - {
            place for place, letter in enumerate(text) if letter == " "
        }
        for word in (set(range(start, end)) for start, end in spans(text)):
            assert not word & letters or word <= letters
            partly += bool(word & letters)
    assert 20 < partly < 100
    assert masking_of(tokenizer, Pretrain(), "pretrain@a").words is None


def spans(text: str) -> list[tuple[int, int]]:
    """Where each word begins and ends."""
    found, start = [], 0
    for word in text.split(" "):
        found.append((start, start + len(word)))
        start += len(word) + 1
    return found


def test_marks_of_words() -> None:
    """Byte-level BPE and SentencePiece mark beginnings; WordPiece does not."""
    assert word_starts(["Ġa", "a", "▁b", "##b", "<s>"]).tolist() == [True, False, True, False, False]


def test_tokenizers_that_will_not_do() -> None:
    """A tokenizer without a mask, or for whole words without marks, is a mistake that names the training."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(Mistake, match="pretrain@a: its tokenizer has no mask"):
        masking_of(tokenizer, Pretrain(), "pretrain@a")
    tokenizer.add_special_tokens([AddedToken("[MASK]", special=True)])
    assert masking_of(tokenizer, Pretrain(), "pretrain@a").mask == 3
    with pytest.raises(Mistake, match=r"pretrain@a: .* set whole_words: false"):
        masking_of(tokenizer, Pretrain(whole_words=True), "pretrain@a")
