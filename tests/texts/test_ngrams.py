"""n-grams of many texts at once are those of each text by itself, and their hashes never change."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.texts.near_duplicates import similarity
from rosberta.texts.ngrams import character_grams, hash_text, word_grams, words

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

forms = st.lists(
    st.lists(st.sampled_from(["мост", "река", "дом", "кот", "лес", "сад"]), max_size=12).map(" ".join), max_size=8
)
characters = st.lists(st.text("абвг ", max_size=14), max_size=8)


@given(forms, st.integers(2, 5))
def test_word_grams_are_those_of_plain_python(texts: list[str], size: int) -> None:
    """Two n-grams have one hash where their words are the same, and each text has its own, each once."""
    found = word_grams(words(texts), size)
    plain = [
        {tuple(cut[place : place + size]) for place in range(len(cut) - size + 1)} for cut in map(str.split, texts)
    ]
    by_text = [
        {int(h) for h, t in zip(found.hashes, found.texts, strict=True) if t == place} for place in range(len(texts))
    ]
    assert [len(each) for each in by_text] == [len(each) for each in plain]
    assert len(found.hashes) == sum(map(len, plain))
    for one in range(len(texts)):
        for other in range(len(texts)):
            assert len(by_text[one] & by_text[other]) == len(plain[one] & plain[other])


@given(characters, st.integers(1, 5))
def test_character_grams_are_those_of_plain_python(texts: list[str], size: int) -> None:
    """As for words; a text that is too short is one n-gram, filled up."""
    found = character_grams(texts, size)
    padded = [text.ljust(size) for text in texts]
    plain = [{text[place : place + size] for place in range(len(text) - size + 1)} for text in padded]
    by_text = [
        {int(h) for h, t in zip(found.hashes, found.texts, strict=True) if t == place} for place in range(len(texts))
    ]
    assert [len(each) for each in by_text] == [len(each) for each in plain]
    for one in range(len(texts)):
        for other in range(len(texts)):
            assert len(by_text[one] & by_text[other]) == len(plain[one] & plain[other])


def test_hashes_are_for_ever() -> None:
    """What an index holds on one machine is what another one looks up."""
    assert hash_text("мост через реку") == 5298906208028587838
    assert [int(h) for h in word_grams(words(["мост через реку"]), 2).hashes] == [
        161481036171505920,
        5530375939097419335,
    ]


def test_similarity_is_jaccard() -> None:
    """Of the sets of five characters."""
    assert similarity("абвгде", "абвгде") == 1
    assert similarity("абвгде", "абвгдж") == 1 / 3
    assert similarity("аб", "аб") == 1
    assert similarity("абвгд", "ежзик") == 0
