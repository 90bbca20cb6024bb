"""The miniature's Russian is correct: words decline, agree and govern as they must."""

from __future__ import annotations

import pytest
from miniature.language import grammar, lexicon
from miniature.language.grammar import adjective, agreeing, counted, english, russian
from miniature.world import texts
from miniature.world.world import World


@pytest.mark.parametrize(("phrase", "forms"), [
    (lexicon.VALUES["animal"][0], "медведь медведя медведю медведя медведем медведе"),
    (lexicon.VALUES["animal"][1], "лев льва льву льва львом льве"),
    (lexicon.VALUES["pet"][7], "ёж ежа ежу ежа ежом еже"),
    (lexicon.VALUES["theme"][0], "любовь любови любови любовь любовью любови"),
    (lexicon.VALUES["industry"][0], "судостроение судостроения судостроению судостроение судостроением судостроении"),
    (lexicon.VALUES["month"][0], "январь января январю январь январём январе"),
    (lexicon.VALUES["art"][3], "танец танца танцу танец танцем танце"),
    (lexicon.VALUES["ingredient"][9], "индейка индейки индейке индейку индейкой индейке"),
    (lexicon.CLASSIFIERS["company"][0], "компания компании компании компанию компанией компании"),
    (lexicon.CLASSIFIERS["landmark"][2], "музей музея музею музей музеем музее"),
    (grammar.feminine("Ломша", ""), "Ломша Ломши Ломше Ломшу Ломшей Ломше"),
    (grammar.noun("улица", "f_c", ""), "улица улицы улице улицу улицей улице"),
])  # fmt: skip
def test_nouns_decline(phrase: grammar.Phrase, forms: str) -> None:
    """Six cases, fleeting vowels, animate accusatives, spelling after hushing and velar consonants."""
    assert phrase.forms == tuple(forms.split())


@pytest.mark.parametrize(("phrase", "forms"), [
    (lexicon.WATERS[0], "янтарное море,янтарного моря,янтарному морю,янтарное море,янтарным морем,янтарном море"),
    (lexicon.MOUNTAINS[0], "синие горы,синих гор,синим горам,синие горы,синими горами,синих горах"),
    (lexicon.COLOURS[1], "синий цвет,синего цвета,синему цвету,синий цвет,синим цветом,синем цвете"),
    (lexicon.KITS[6], "серая форма,серой формы,серой форме,серую форму,серой формой,серой форме"),
])  # fmt: skip
def test_adjectives_agree_in_every_case(phrase: grammar.Phrase, forms: str) -> None:
    """Hard, soft and plural adjectives with their nouns."""
    assert phrase.forms == tuple(forms.split(","))


def test_adjectives_by_stem() -> None:
    """Stems in velars and hushing consonants, stressed endings, animate accusatives."""
    assert adjective("варногорский", "m")[1:] == (
        "варногорского",
        "варногорскому",
        "варногорский",
        "варногорским",
        "варногорском",
    )
    assert adjective("свежий", "f") == ("свежая", "свежей", "свежей", "свежую", "свежей", "свежей")
    assert adjective("большой", "n")[0] == "большое"
    assert adjective("рыжий", "m", animate=True)[3] == "рыжего"


@pytest.mark.parametrize(("word", "forms"), [
    ("построил", "построил построила построило построили"), ("родился", "родился родилась родилось родились"),
    ("вышел", "вышел вышла вышло вышли"), ("прошёл", "прошёл прошла прошло прошли"),
    ("изображён", "изображён изображена изображено изображены"), ("открыт", "открыт открыта открыто открыты"),
    ("новый", "новый новая новое новые"),
])  # fmt: skip
def test_predicates_agree(word: str, forms: str) -> None:
    """Past tenses, reflexives, short participles, adjectives."""
    assert tuple(agreeing(word, gender) for gender in "mfnp") == tuple(forms.split())


@pytest.mark.parametrize(("number", "text"), [
    (21, "21 метр"), (2, "2 метра"), (54, "54 метра"), (11, "11 метров"), (112, "112 метров"), (40, "40 метров"),
])  # fmt: skip
def test_numbers_govern_their_nouns(number: int, text: str) -> None:
    """One, few, many; the teens are many."""
    assert counted(number, "метр", "метра", "метров", "metres").ru == text


def test_prepositions_change_before_hard_clusters() -> None:
    """В, о and с become во, об and со where they must; English a becomes an."""
    phrases = {"a": grammar.fixed("Острове", "apple"), "b": grammar.fixed("Вровне", "pear")}
    assert russian("о {a}, в {b}, о {b}, в {a}", **phrases) == "об Острове, во Вровне, о Вровне, в Острове"
    assert english("a {a} and a {b}", **phrases) == "an apple and a pear"


def test_past_tense_agrees_with_who_did_it(world: World) -> None:
    """In every statement of who founded a city the verb has the founder's gender."""
    for fact in world.facts("train", "founder"):
        ending = "основала" if fact.value.gender == "f" else "основал"
        assert texts.statement(fact, 0).ru.endswith(f"{ending} {fact.value.ru}.")
