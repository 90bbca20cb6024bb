"""The made-up world is consistent: texts follow from its facts, in both languages, by seed and index alone."""

from __future__ import annotations

from miniature.language import lexicon
from miniature.language.grammar import russian
from miniature.world import genres, texts
from miniature.world.world import KINDS, POOLS, World


def test_pools_name_different_things(world: World) -> None:
    """No name is in two pools, or twice in one."""
    names = [entity.name.ru for pool in POOLS for entity in world.entities(pool)]
    assert len(names) == len(set(names))
    assert len(world.entities("train")) > 400
    assert all(world.entities(pool, kind) for pool in POOLS for kind in KINDS)


def test_texts_depend_on_seed_and_index_alone() -> None:
    """The order in which texts are asked for is of no consequence."""
    one, two = World(3), World(3)
    first = [texts.inference(one, "test", index) for index in range(9)]
    second = [texts.inference(two, "test", index) for index in reversed(range(9))]
    assert [item.hypothesis for item in first] == [item.hypothesis for item in reversed(second)]
    assert texts.inference(World(4), "test", 0) != first[0]


def test_translations_refer_to_one_fact(world: World) -> None:
    """Both languages name the same subject and the same value, and no text is left in the other's alphabet."""
    for fact in world.facts("test"):
        for variant in range(3):
            text = texts.statement(fact, variant)
            assert fact.subject.name.en.lower() in text.en.lower()
            assert fact.value.en.lower() in text.en.lower()
            assert any(form.lower() in text.ru.lower() for form in fact.value.forms)
            assert any(form.lower() in text.ru.lower() for form in fact.subject.name.forms)
            assert not any("а" <= letter <= "я" for letter in text.en.lower())
            assert "{" not in text.ru + text.en


def test_inference_follows_from_the_facts(world: World) -> None:
    """What is entailed is true and never copied; what contradicts has the relation of a true fact and another value."""
    said = {texts.statement(fact, v).ru for fact in world.facts("train") for v in range(3)}
    for index in range(600):
        item = texts.inference(world, "train", index)
        fact = world.facts("train")[index // 3]
        assert item.label == index % 3
        assert (item.hypothesis.ru in said) == (item.label == texts.ENTAILMENT)
        assert item.hypothesis.ru not in item.premise.ru
        if item.label == texts.CONTRADICTION:
            values = lexicon.VALUES.get(fact.relation.values) or [
                entity.name for entity in world.entities("train", fact.relation.values[1:])
            ]
            possible = {
                russian(template, s=fact.subject.name, o=value).lower()
                for template in fact.relation.ru
                for value in values
                if value != fact.value
            }
            assert item.hypothesis.ru.rstrip(".").lower() in possible


def test_pairs_with_full_likeness_state_one_fact(world: World) -> None:
    """Likeness five is another wording of the fact; likeness three is not true of its subject."""
    said: dict[str, set[int]] = {}
    for place, fact in enumerate(world.facts("test")):
        for variant in range(3):
            said.setdefault(texts.statement(fact, variant).ru, set()).add(place)
    for index in range(0, 300, 6):
        pair = texts.pair(world, "test", index)
        assert pair.score == 5
        assert pair.a != pair.b
        assert said[pair.a.ru] & said[pair.b.ru]
        other = texts.pair(world, "test", index + 2)
        assert other.score == 3
        assert other.b.ru not in said


def test_a_passage_answers_the_questions_on_its_facts(world: World) -> None:
    """Two to four facts, each with its value in some case, under the entity's name."""
    for entity in world.entities("test"):
        passage = texts.passage(world, entity)
        assert 2 <= len(passage.facts) <= 4
        assert passage.title.ru.lower() == entity.name.ru.lower()
        for fact in passage.facts:
            assert fact.subject == entity
            assert any(form in passage.ru or form.capitalize() in passage.ru for form in fact.value.forms)


def test_classes_follow_from_the_index(world: World) -> None:
    """Stars, rubrics, fields, emotions, intents and topics cover all of their classes."""
    reviews = [genres.review(world, "test", "organisation", index) for index in range(80)]
    assert {(review.category, review.stars) for review in reviews} == {
        (category, stars) for category in genres.CATEGORIES for stars in range(1, 6)
    }
    assert {genres.news(world, "test", index).rubric for index in range(12)} == set(range(len(genres.RUBRICS)))
    abstracts = [genres.abstract(world, "test", index) for index in range(24)]
    assert {abstract.field for abstract in abstracts} == set(range(len(genres.FIELDS)))
    assert {abstract.area for abstract in abstracts} == set(range(len(genres.AREAS)))
    emotions = {genres.comment(world, "test", index).emotions for index in range(48)}
    assert {(), *((place,) for place in range(len(genres.EMOTIONS)))} <= emotions
    assert any(len(shown) == 2 for shown in emotions)
    assert {genres.utterance(world, "test", index).intent for index in range(32)} == set(genres.INTENTS)
    messages = [genres.message(world, "test", index) for index in range(80)]
    assert {topic for message in messages for topic in message.topics} == set(range(len(genres.TOPICS)))
    assert {message.inappropriate for message in messages} == {True, False}
