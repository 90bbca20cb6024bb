"""Decontamination: planted copies of test texts are found in every dress, unrelated texts are not."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus.alike import FEWEST, MOST
from rosberta.corpus.indexing import COMMON, build
from rosberta.corpus.overlap import Benchmark
from rosberta.experiment.corpus import Overlap
from rosberta.texts import near_duplicates
from rosberta.texts.near_duplicates import BANDS, CROWD, similarity
from rosberta.texts.normalisation import normal
from support.indexed import indexed

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

SETTINGS = Overlap()
SYLLABLES = [a + b for a in "бвгдзклмнпрстф" for b in "аеиоуыя"]
CHANCE = random.Random(0)
VOCABULARY = ["".join(CHANCE.choices(SYLLABLES, k=CHANCE.randint(1, 4))) for _ in range(3000)]


def text(words: int, chance: random.Random) -> str:
    """A text of words whose frequency falls with their rank as in a language (Zipf)."""
    return " ".join(VOCABULARY[int(3000 ** chance.random()) - 1] for _ in range(words)).capitalize() + "."


def changed(original: str, chance: random.Random) -> str:
    """The text with one word replaced."""
    cut = original.split()
    place = chance.randrange(1, len(cut) - 1)
    return " ".join([*cut[:place], "подменённое", *cut[place + 1 :]])


def halved(original: str, _: random.Random) -> str:
    """The text's first half."""
    cut = original.split()
    return " ".join(cut[: (len(cut) + 1) // 2])


def shuffled(original: str, chance: random.Random) -> str:
    """The words of a short text in another order."""
    cut = original.split()
    chance.shuffle(cut)
    return " ".join(cut) if len(cut) <= MOST else original


def embedded(original: str, chance: random.Random) -> str:
    """The text in the middle of another one."""
    return f"{text(60, chance)} {original} {text(60, chance)}"


def dressed(original: str, _: random.Random) -> str:
    """The text with other case, punctuation and blanks."""
    return "«" + original.upper().replace(" ", "  ").rstrip(".") + "»!"


PLANTED = {
    "exact": (lambda original, _: original, 3),
    "other case and punctuation": (dressed, 3),
    "е for ё": (lambda original, _: original.replace("е", "ё"), 3),
    "one word changed": (changed, 30),
    "cut in half": (halved, 16),
    "half of a short text": (halved, 12),
    "embedded in a longer text": (embedded, 8),
    "short text embedded": (embedded, 6),
    "words in another order": (shuffled, 8),
    "one word of a short text changed": (changed, 14),
}


@pytest.fixture(scope="module")
def tests() -> list[str]:
    """Test texts of 3 to 200 words."""
    chance = random.Random(1)
    return [text(chance.choice([3, 5, 6, 8, 10, 16, 20, 30, 40, 80, 200]), chance) for _ in range(600)]


@pytest.fixture(scope="module")
def held(tests: list[str]) -> Benchmark:
    """The test texts, by turns of two tasks."""
    return indexed(((f"Task{place % 2}", normal(each)) for place, each in enumerate(tests)), SETTINGS)


@pytest.mark.parametrize("case", PLANTED)
def test_planted_copies_are_all_found(case: str, tests: list[str], held: Benchmark) -> None:
    """Every copy of a text long enough for its rule is found, and named by its task."""
    dress, least = PLANTED[case]
    chance = random.Random(2)
    originals = [(place, each) for place, each in enumerate(tests) if len(each.split()) >= least]
    found = held.find([normal(dress(each, chance)) for _, each in originals])
    missed = [each for row, (_, each) in enumerate(originals) if row not in found]
    assert not missed, f"{len(missed)} of {len(originals)}: {missed[:3]}"
    assert all(f"Task{place % 2}" in found[row].tasks for row, (place, _) in enumerate(originals))


def test_unrelated_texts_are_not_found(held: Benchmark) -> None:
    """Texts of the same words in other orders, of every length: none is a copy."""
    chance = random.Random(3)
    texts = [text(chance.choice([4, 6, 8, 12, 20, 50, 150, 400]), chance) for _ in range(2000)]
    assert held.find([normal(each) for each in texts]) == {}


def interrupted(words: int, every: int, chance: random.Random) -> tuple[str, str]:
    """A text of long words, and the same with a short one behind each so many: without an n-gram in common."""
    cut = [word for word in chance.sample(VOCABULARY, 6 * words) if len(word) > 5][:words]
    parts = [cut[place : place + every] for place in range(0, words, every)]
    return " ".join(cut), " и ".join(" ".join(part) for part in parts)


def test_what_is_nearly_a_test_text_is_found_by_its_letters() -> None:
    """Where no n-gram of words is left, similar letters tell; almost none is missed, and none that is less similar."""
    chance = random.Random(6)
    near = [interrupted(56, 7, chance) for _ in range(80)]
    held = indexed((("Task", each) for each, _ in near), SETTINGS)
    assert all(similarity(*pair) >= SETTINGS.similarity for pair in near)
    found = held.find([each for _, each in near])
    assert len(found) >= 79
    assert {leak.rule for leak in found.values()} == {"near"}
    less = [interrupted(56, 3, chance) for _ in range(80)]
    assert all(0.6 <= similarity(*pair) < SETTINGS.similarity for pair in less)
    assert indexed((("Task", each) for each, _ in less), SETTINGS).find([each for _, each in less]) == {}


def broken(cut: list[str], chance: random.Random) -> str:
    """A text with short words strewn in, of which the first stands before whatever else it could be sorted by."""
    words, left = [], chance.randint(1, 3)
    for word in cut:
        if not left:
            words.append("а" + chance.choice("бвгдежзиклмнопрст"))
            left = chance.randint(3, 4)
        words.append(word)
        left -= 1
    return " ".join(words)


def test_in_a_crowd_of_less_similar_texts_the_similar_one_is_found() -> None:
    """Test texts that share bands with it, and come first, do not hide it."""
    chance = random.Random(8)
    for _ in range(2):
        original, near = interrupted(54, 6, chance)
        crowd = [broken(original.split(), chance) for _ in range(90)]
        assert max(crowd) < near
        assert max(similarity(original, each) for each in crowd) < SETTINGS.similarity < similarity(original, near)
        leak = indexed((("Task", each) for each in [*crowd, near]), SETTINGS).find([original])[0]
        assert (leak.rule, leak.text) == ("near", near)


@pytest.mark.parametrize("rule", ["contained", "near", "alike"])
def test_all_tasks_are_told_of_which_a_text_holds_one(rule: str) -> None:
    """By whichever rule it is found, each once, with the test text that it shares most with."""
    chance = random.Random(9)
    first, second = (normal(text(20, chance)) for _ in range(2))
    known, found = [("B", first), ("A", second), ("A", first)], f"{first} {second}"
    if rule == "near":
        found, near = interrupted(56, 7, chance)
        known = [("B", near), ("A", near.replace(" и ", " а ", 1)), ("A", normal(text(60, chance)))]
    elif rule == "alike":
        cut = ["мост", "река", "дорога", "город", "камень", "небо"]
        known, found = [("B", " ".join(cut)), ("A", " ".join([*cut[::-1], "лес"]))], " ".join(sorted(cut))
    held = indexed([*known, ("Other", normal(text(30, chance)))], SETTINGS)
    leak = held.find([found])[0]
    assert (leak.rule, leak.tasks) == (rule, ("A", "B"))
    assert leak.text in (min(first, second), known[0][1])


@pytest.mark.parametrize("size", range(SETTINGS.short_words, SETTINGS.words + 1))
@pytest.mark.parametrize("number", [COMMON, COMMON + 1])
def test_what_is_common_counts_in_n_grams_of_every_size(size: int, number: int) -> None:
    """A whole short text in as many test texts as may share it is a copy, in one more a phrase."""
    phrase = " ".join(["москва", "десятое", "марта", "риа", "новости", "сообщает", "вечернее", "агентство"][:size])
    texts = [f"{phrase} {normal(text(16, random.Random(place)))}" for place in range(number)]
    found = indexed((("News", each) for each in texts), SETTINGS).find([phrase])
    assert [leak.rule for leak in found.values()] == ["contained"] * (number == COMMON)


def test_a_common_phrase_is_no_copy() -> None:
    """A phrase that opens many test texts, and a training text, says nothing; a rare one does."""
    chance = random.Random(4)
    opening = "москва десятое марта риа новости об этом сообщает агентство"
    known = [f"{opening} {normal(text(30, chance))}" for _ in range(COMMON + 2)]
    held = indexed((("News", each) for each in known), SETTINGS)
    assert held.find([opening, f"{opening} {normal(text(8, chance))}"]) == {}
    held = indexed((("News", each) for each in known[:COMMON]), SETTINGS)
    assert held.find([opening])[0].rule == "contained"
    few = " ".join(opening.split()[: SETTINGS.short_words])
    for number, found in ((COMMON + 2, []), (COMMON, [0])):
        held = indexed((("News", f"{few} {normal(text(20, random.Random(n)))}") for n in range(number)), SETTINGS)
        assert list(held.find([few])) == found


def test_two_stems_are_too_few_to_be_alike() -> None:
    """Three in another order are a copy, two are not, however often they stand there."""
    held = indexed([("Task", "мост река мост"), ("Task", "сад лес кот")], SETTINGS)
    found = held.find(["мост мост река", "коты садов лес"])
    assert {place: leak.rule for place, leak in found.items()} == {1: "alike"}


def test_texts_of_few_words_say_nothing(held: Benchmark) -> None:
    """Below `min_words` nothing is a leak, on either side."""
    held = indexed([("Task", "да"), ("Task", "первый мост"), ("Task", "кто построил мост")], SETTINGS)
    assert len(held) == 1
    assert held.find(["да", "первый мост", "", "кто построил мост"]).keys() == {3}


words = st.sampled_from(["мост", "река", "дом", "кот", "лес", "сад", "лето", "зима"])
sentences = st.lists(st.lists(words, max_size=24).map(" ".join), max_size=10)


@given(sentences, sentences, st.integers(2, 6))
def test_the_rules_are_those_of_plain_python(known: list[str], texts: list[str], size: int) -> None:
    """Found is exactly what the definitions say, spelled out over all pairs of texts."""
    setting = Overlap(words=size, short_words=min(3, size), min_words=2, similarity=0.8)
    held = indexed((("Task", each) for each in known), setting)
    found = held.find(texts)
    test_texts = {each for each in known if len(each.split()) >= 2}

    def grams(each: str, length: int) -> set[tuple[str, ...]]:
        cut = each.split()
        return {tuple(cut[place : place + length]) for place in range(len(cut) - length + 1)}

    owners: dict[tuple[str, ...], int] = {}
    for each in test_texts:
        for gram in grams(each, size):
            owners[gram] = owners.get(gram, 0) + 1
    rare = {each: {gram for gram in grams(each, size) if owners[gram] <= COMMON} for each in test_texts}

    def contained(one: str, other: str) -> bool:
        mine = grams(one, size)
        if mine & rare[other] and len(mine & rare[other]) >= setting.share * min(len(mine), len(rare[other])):
            return True
        lengths = len(one.split()), len(other.split())
        for length in range(setting.short_words, size):
            holders = {t for t in test_texts if len(t.split()) <= 4 * size}
            shared = {
                gram for gram in grams(one, length) & grams(other, length)
                if sum(gram in grams(t, length) for t in holders) <= COMMON
            }  # fmt: skip
            if shared and length in lengths and other in holders:
                return True
        return False

    short = {each: set(each.split()) for each in test_texts if FEWEST <= len(each.split()) <= MOST}

    def weight(stems: set[str]) -> float:
        counts = {stem: sum(stem in other for other in short.values()) for stem in stems}
        return sum(math.log((len(short) + 1) / (count + 1)) + 1 for count in counts.values())

    def alike(one: str, other: str) -> float:
        both = set(one.split()) & short.get(other, set())
        if not FEWEST <= len(one.split()) <= MOST or len(both) < 3:
            return 0.0
        return weight(both) / weight(set(one.split()) | short[other])

    for place, each in enumerate(texts):
        shares = [alike(each, other) for other in test_texts]
        if len(each.split()) < 2:
            assert place not in found
        elif each in test_texts:
            assert found[place].rule == "exact"
        elif any(contained(each, other) for other in test_texts):
            assert found[place].rule == "contained"
        elif max(shares, default=0) > setting.alike + 1e-9:
            assert found[place].rule in ("near", "alike")
        elif place in found and found[place].rule == "alike":
            assert max(shares) > setting.alike - 1e-9
        elif place in found:
            # Candidates are found by chance, so a near one may be missed; what is found is near.
            assert found[place].rule == "near"
            assert similarity(each, found[place].text) >= setting.similarity


def test_order_and_company_are_nothing(tests: list[str], held: Benchmark) -> None:
    """A text's leak is the same alone, in another order, and with the test texts in another order."""
    chance = random.Random(5)
    texts = [normal(changed(each, chance)) for each in tests if len(each.split()) > 8][:40]
    together = held.find(texts)
    alone = {place: held.find([each]).get(0) for place, each in enumerate(texts)}
    assert together == {place: leak for place, leak in alone.items() if leak}
    pairs = [(f"Task{place % 2}", normal(each)) for place, each in enumerate(tests)]
    chance.shuffle(pairs)
    assert indexed(pairs, SETTINGS).find(texts) == together


def test_an_excerpt_that_begins_as_many_test_texts_do_is_found() -> None:
    """What many share counts on neither side: not for a copy, and not against one."""
    chance = random.Random(3)
    opening = text(16, chance)
    tests = [f"{opening} {text(30, chance)}" for _ in range(12)]
    held = indexed([("T", normal(each)) for each in tests], Overlap())
    excerpt = " ".join(tests[0].split()[:22])
    assert held.find([normal(excerpt), normal(opening)]).keys() == {0}


def test_candidates_are_those_that_share_a_band(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against plain comparison, each pair once; of a crowd that shares a band the first of it alone."""
    chance = np.random.default_rng(0)
    known, asked = (chance.integers(0, 60, (number, BANDS)).astype(np.uint64) for number in (30, 20))
    crowd = np.zeros((2 * CROWD, BANDS), np.uint64)
    monkeypatch.setattr(near_duplicates, "bands", lambda _: known)
    (tmp_path / "few").mkdir()
    assert build([("T", f"слово и ещё {n:03}") for n in range(30)], SETTINGS, tmp_path / "few") == 30
    expected = [[row, text] for row in range(20) for text in range(30) if (asked[row] == known[text]).any()]
    assert 0 < len(expected) < 600
    assert Benchmark(tmp_path / "few", SETTINGS)._candidates(asked).tolist() == expected
    (tmp_path / "crowd").mkdir()
    monkeypatch.setattr(near_duplicates, "bands", lambda forms: crowd[: len(forms)])
    build([("T", f"слово и ещё {n:03}") for n in range(2 * CROWD)], SETTINGS, tmp_path / "crowd")
    assert Benchmark(tmp_path / "crowd", SETTINGS)._candidates(crowd[:1]).tolist() == [[0, n] for n in range(CROWD)]
