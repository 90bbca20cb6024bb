"""Texts that are surely in another language go; whatever is short, mixed, a name or code stays."""

from __future__ import annotations

import pytest
from rosberta.texts.language import is_foreign

RUSSIAN = [
    "Кто построил первый мост через реку?",
    "Да",
    "Как установить numpy через pip install --user?",
    "SELECT * FROM users WHERE id = 1",
    "Windows 10",
    "На рынке торговали яблоками и грушами, а потом пошел снег и все разошлись по домам.",
    "Поезд из Киева (Київ) в Харьков (Харків) отправился вовремя, сообщили на вокзале города.",
    "Ѣхалъ я однажды въ городъ, и мнѣ встрѣтился старикъ, который искалъ свою лошадь вездѣ.",
    "def f(x): return x is not None and x.is_valid",
    "Се человек, и се дом его, а там си бемоль",
    "The Beatles",
]
ENGLISH = [
    "Who built the first bridge over the river?",
    "Yes",
    "The word мост means bridge, and река means river.",
    "SELECT * FROM users",
    "Naïve café",
]
OTHERS = {
    "uk": "Перший міст через річку збудував інженер за наказом міської ради, і місто дуже зраділо.",
    "uk, short": "Міст і річка є тут",
    "be": "Першы мост цераз раку пабудаваў інжынер, і ўсе жыхары горада былі вельмі задаволеныя.",
    "bg": "Първият мост през реката беше построен от инженер, който живееше в града, и това се знае от всички.",
    "bg, short": "Това е къщата, която ще се продава със себе си",
    "sr": "Први мост преко реке саградио је инжењер који је живео у граду, и сви то данас знају.",
    "tt": "Беренче күперне елга аша инженер төзегән, һәм шәһәр халкы бик шатланган иде.",
    "kk": "Өзен арқылы алғашқы көпірді қалада тұратын инженер салды, бұл туралы бәрі біледі.",
    "cv": "Юханшыв урлӑ пӗрремӗш кӗпере инженер тунӑ, хула ҫыннисем питӗ савӑннӑ ӗнтӗ.",
    "en": "The first bridge over the river was built by an engineer who lived in the town.",
    "en, short": "What is the name of this?",
    "de": "Die erste Brücke über den Fluss wurde von einem Ingenieur gebaut, der in der Stadt lebte.",
}


@pytest.mark.parametrize("text", RUSSIAN)
def test_russian_stays(text: str) -> None:
    """On either side, alone, with a name of another alphabet, with code, in the old spelling."""
    assert not is_foreign(text, None, "ru")
    assert not is_foreign("Кто построил мост?", text, "ru")
    assert not is_foreign(text, "Первый мост построил инженер.", "ru")


@pytest.mark.parametrize("text", ENGLISH)
def test_english_stays(text: str) -> None:
    """With words of another script, too."""
    assert not is_foreign(text, None, "en")


@pytest.mark.parametrize("language", OTHERS)
def test_sure_other_languages_go(language: str) -> None:
    """Whichever side it is; what py3langid does not know is told by its letters and commonest words."""
    text = OTHERS[language]
    assert is_foreign(text, None, "ru")
    assert is_foreign("Кто построил мост?", text, "ru")
    assert is_foreign(text, "Первый мост построил инженер.", "ru")


@pytest.mark.parametrize("language", sorted(OTHERS.keys() - {"en", "en, short", "uk, short", "bg, short"}))
def test_what_is_not_english_goes(language: str) -> None:
    """Russian and the others, in a source of English."""
    assert is_foreign(OTHERS[language], None, "en")
    assert is_foreign("Кто построил первый мост через реку?", None, "en")


def test_a_translation_has_a_side_in_each_language() -> None:
    """In either order; two sides in one script, or one in a third language, is none."""
    russian, english = "Первый мост через реку построил инженер.", "The first bridge over the river was built by him."
    assert not is_foreign(russian, english, "ru-en")
    assert not is_foreign(english, russian, "ru-en")
    assert is_foreign(russian, russian, "ru-en")
    assert is_foreign(english, english, "ru-en")
    assert is_foreign(OTHERS["de"], russian, "ru-en")
    assert is_foreign(english, OTHERS["uk"], "ru-en")


THIRD = {
    "zh": "第一座跨河大桥是由住在城里的工程师建造的，今天人人都知道这件事，孩子们在学校里也学习这座桥的历史。",
    "ar": "بنى المهندس الذي عاش في المدينة أول جسر فوق النهر وكان الناس سعداء جدا بذلك",
    "el": "Η πρώτη γέφυρα πάνω από τον ποταμό χτίστηκε από έναν μηχανικό που ζούσε στην πόλη.",
    "ka": "მდინარეზე პირველი ხიდი ააშენა ინჟინერმა, რომელიც ქალაქში ცხოვრობდა.",
    "hy": "Գետի վրայի առաջին կամուրջը կառուցել է քաղաքում ապրող ինժեներ մի մարդ։",
    "he": "הגשר הראשון מעל הנהר נבנה על ידי מהנדס שגר בעיר והתושבים שמחו מאוד",
    "ja": "川にかかる最初の橋は町に住んでいた技師によって建てられ、今では誰もがそのことを知っています。",
    "hi": "नदी पर पहला पुल शहर में रहने वाले एक इंजीनियर ने बनाया था और आज यह बात सब लोग जानते हैं",
}


@pytest.mark.parametrize("script", THIRD)
def test_a_third_script_is_no_language_of_ours(script: str) -> None:
    """On either side, in a source of any language; a Russian letter or an English word in it changes nothing."""
    russian, english = "Первый мост через реку построил инженер.", "The first bridge over the river was built by him."
    for text in (THIRD[script], f"{THIRD[script]} ы the and"):
        assert is_foreign(text, None, "ru")
        assert is_foreign(russian, text, "ru")
        assert is_foreign(text, russian, "ru")
        assert is_foreign(english, text, "en")
        assert is_foreign(english, text, "ru-en")
        assert is_foreign(text, russian, "ru-en")


@pytest.mark.parametrize(
    "text",
    [
        "По-китайски первый мост через реку называется 第一座跨河大桥是由住在城里的工程师建造的, а по-русски иначе.",
        "Слово γέφυρα по-гречески значит «мост»; ხიდი, კამურჯ",
        "第一座桥",
        "第一座跨河大桥是由住在城里的工程师建造的, и всё",
        "Пророк ﷺ сказал: 1 ﷺ, 2 ﷺ, 3 ﷺ " + "❤" * 20,
        "ꙗꙋꙑꙁꙃꙅꙇꙉꙍꙏꙕ" * 5 + " и сло́во",
        "😀🎉" * 60,
        "2 + 2 = 4; " * 30,
        "α + β = γ, λ → ∞",
        "№ 1 — 3,14 % …" * 20,
        "𝐓𝐡𝐞 𝐟𝐢𝐫𝐬𝐭 𝐛𝐫𝐢𝐝𝐠𝐞 𝐨𝐯𝐞𝐫 𝐭𝐡𝐞 𝐫𝐢𝐯𝐞𝐫 𝐰𝐚𝐬 𝐛𝐮𝐢𝐥𝐭 𝐛𝐲 𝐡𝐢𝐦 𝐚𝐧𝐝 𝐡𝐢𝐬 𝐬𝐨𝐧",
        "Ｔｈｅ　ｆｉｒｓｔ　ｂｒｉｄｇｅ　ｗａｓ　ｏｖｅｒ　ｔｈｅ　ｒｉｖｅｒ　ｉｎ　ｔｈｅ　ｏｌｄ　ｔｏｗｎ",
    ],
)
def test_what_is_no_text_in_a_third_script_stays(text: str) -> None:
    """A quotation in a Russian text, a word, emoji, digits, formulas, letters in another width or style."""
    from rosberta.texts.language import _third_script

    assert not _third_script(text)
    if "𝐛" not in text and "ｂ" not in text:  # these are English
        assert not is_foreign(text, None, "ru")
