"""The tidy form shows nothing hidden and keeps every letter; the normal form is blind to what makes no other text."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rosberta.texts.normalisation import normal, tidy
from support.texts import texts


@given(texts, st.booleans())
def test_tidy_is_idempotent_and_shows_nothing_hidden(text: str, lines: bool) -> None:
    """NFC, no control characters but ends of lines, single blanks, none at the ends; nothing more is left to do."""
    tidied = tidy(text, lines=lines)
    assert tidy(tidied, lines=lines) == tidied
    assert lines or "\n" not in tidied
    assert "\n\n\n" not in tidied
    assert tidied.split() == tidy(text, lines=False).split()
    assert all(line == line.strip() for line in tidied.split("\n"))
    assert unicodedata.is_normalized("NFC", tidied)
    assert tidied == tidied.strip()
    assert "  " not in tidied
    assert not any(unicodedata.category(letter) == "Cc" for letter in tidied if letter != "\n")


def test_tidy_keeps_letters_as_they_are() -> None:
    """Case, ё, punctuation and emoji sequences are what is trained on; й and ё are composed."""
    assert tidy("Ёлка «Ель» — 100%!") == "Ёлка «Ель» — 100%!"
    assert tidy("е\u0308ж и\u0306од") == "ёж йод"
    assert tidy("👩\u200d💻") == "👩\u200d💻"
    hidden = "\ufeff пере\u00adнос\u200b \x00стро\x07ки\r\n\tи  т.\u00a0д. "
    assert tidy(hidden) == "перенос строки\nи т. д."
    assert tidy(hidden, lines=False) == "перенос строки и т. д."
    assert tidy("def f(x):\n    return x\n\n\n\nf(1)\n") == "def f(x):\nreturn x\n\nf(1)"


dressed = st.text(st.sampled_from("аоenрixёйТMο&<>/[]b;amp#-\n\r\u2028\u00ad\u200c\u0301\uff21"))


@given(st.one_of(texts, dressed))
@example("A\u0130\u0301")
@example("&am\u00adp;quot;")
@example("\u1100\u0300\u1161")
def test_normal_is_idempotent_and_blind(text: str) -> None:
    """The normal form of a normal form, of the tidy text and of the decomposed text is the same.

    That of the tidy text in one line is that of its lines in one: there a hyphen divides no word.
    """
    form = normal(text)
    assert normal(form) == form
    assert normal(tidy(text)) == form
    assert normal(tidy(text, lines=False)) == normal(" ".join(tidy(text).split()))
    assert normal(unicodedata.normalize("NFD", text)) == form
    assert "ё" not in form
    assert all(letter == " " or letter.isalnum() for letter in form)


@given(st.text("aoнkхνοτιилdgѕјёâýh 1"))
@example("1dиѕ1dι")
@example("νο на on ѕо")
def test_normal_is_idempotent_where_words_mix_alphabets(text: str) -> None:
    """Nothing is left to do to letters that look alike, beside digits and others' letters."""
    assert normal(normal(text)) == normal(text)


@given(st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюя abcdefghijklmnopqrstuvwxyz"))
def test_normal_folds_case_and_yo(text: str) -> None:
    """In Russian and English neither capitals nor ё make another text."""
    assert normal(text.upper()) == normal(text)
    assert normal(text.replace("ё", "е")) == normal(text)


def test_normal_forms_by_example() -> None:
    """What counts as one text, and what does not."""
    assert normal("«Ещё не вечер», — сказал он...") == normal("ЕЩЕ НЕ ВЕЧЕР сказал он")
    assert normal("За́мок на горе\u0301") == normal("замок на горе")
    assert normal("мой") != normal("мои")
    assert normal("C++") == normal("c")
    assert normal("?!… 🙂 —") == ""


PLAIN = "Инженер построил новый мост: «широкую реку» не перейти, 2 раза мерил он."
HIDDEN = {
    "entities": PLAIN.replace("«", "&laquo;").replace("»", "&raquo;").replace(" ", "&nbsp;"),
    "quotation marks": PLAIN.replace("«", "&quot;").replace("»", "&#34;"),
    "entities of letters": PLAIN.replace("р", "&#1088;").replace("о", "&#x43e;"),
    "entities of entities": PLAIN.replace("«", "&amp;laquo;").replace("»", "&amp;amp;raquo;"),
    "entities of what is invisible": PLAIN.replace("о", "о&shy;").replace("е", "е&zwnj;"),
    "joiners": PLAIN.replace("о", "о\u200c").replace("е", "\u200dе"),
    "operators": PLAIN.replace("о", "о\u2062").replace("е", "\u2063е"),
    "selectors": PLAIN.replace("о", "о\ufe0f").replace("е", "е\u180e"),
    "tag characters": PLAIN.replace("о", "о\U000e0061").replace("р", "р\U000e0100"),
    "fillers": PLAIN.replace("о", "о\u034f").replace("р", "\u3164р"),
    "Latin letters": " ".join(
        word.translate(str.maketrans("аеосрх", "aeocpx")) if place % 2 else word
        for place, word in enumerate(PLAIN.split())
    ),
    "Latin letters where they can": PLAIN.translate(str.maketrans("аеорсухАЕОРСУХИ", "aeopcyxAEOPCYXИ")),
    "Latin capitals": PLAIN.upper().translate(str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")),
    "Latin stresses": PLAIN.replace("о", "ó").replace("е", "é"),
    "Greek letters": PLAIN.replace("о", "ο").replace("р", "ρ"),
    "hyphen at a line's end": PLAIN.replace("нер", "-\nнер").replace("рил", "\u2010 \n рил"),
    "hyphen at another line's end": PLAIN.replace("нер", "-\r\nнер").replace("рил", "-\u2028рил"),
    "soft hyphen at a line's end": PLAIN.replace("нер", "\u00ad\nнер").replace("рил", "&shy; \r\n рил"),
    "old sign of a division": PLAIN.upper().replace("НЕР", "\u00ac\nНЕР"),
    "tags within words": PLAIN.replace("мо", "<b>м</b>о").replace("ши", "ш<i class='a'>и</i>"),
    "tags between words": PLAIN.replace(" ", "<br/>").replace("«", '<p style="a: b">«'),
    "escaped tags": PLAIN.replace("мост", "м&lt;em&gt;ос&lt;/em&gt;т"),
    "comments": PLAIN.replace("мост", "мо<!-- here\nis -->ст"),
    "a forum's tags": PLAIN.replace("мост", "м[b]ос[/b]т").replace("реку", "[url=http://a.b/c]реку[/url]"),
    "digits of full width": PLAIN.replace("2", "２").replace(":", "："),
}
ENGLISH = "The engineer who built a power line across the river."
HIDDEN_ENGLISH = {
    "Russian letters": ENGLISH.replace("o", "о").replace("e", "е").replace("a", "а"),
    "letters of others": ENGLISH.replace("i", "і").replace("s", "ѕ"),
    "letters of full width": ENGLISH.replace("power", "ｐｏｗｅｒ"),
    "letters of mathematics": ENGLISH.replace("engineer", "𝐞𝐧𝐠𝐢𝐧𝐞𝐞𝐫").replace("river", "𝓇𝒾𝓋𝑒𝓇"),
    "tags": f"<p>{ENGLISH.replace('power', '<span>po</span>wer')}</p>",
}


@pytest.mark.parametrize("case", [*HIDDEN, *HIDDEN_ENGLISH])
def test_normal_is_blind_to_what_hides_a_text(case: str) -> None:
    """Whole kinds, of which single ones were once seen: entities, what has no look, letters that look alike, markup."""
    hidden, plain = (HIDDEN[case], PLAIN) if case in HIDDEN else (HIDDEN_ENGLISH[case], ENGLISH)
    assert hidden != plain
    assert normal(hidden) == normal(plain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List<String> a", "List a"),
        ("x<y and y>z", "x z"),
        ("AT&T", "AT"),
        ("a[b] = 1", "a = 1"),
        ("a[b] & c", "a & c"),
        ("топ", "top"),
        ("List<Data> a", "List<Label> a"),
        ("Санкт-\nПетербург", "СанктПетербург"),
        ("чего- то", "чегото"),
        ("он - инженер", "онинженер"),
        ("за́мок и замок", "замки замок"),
    ],
)
def test_normal_keeps_apart_what_is_another_text(one: str, other: str) -> None:
    """Brackets that are text, words of one alphabet, hyphens between words."""
    assert normal(one) != normal(other)


ENGLISH_ALIKE = "the man that took the bottle back to the boat that he had made at home"
RUSSIAN_ALIKE = "вот он не на том месте где мы его в тот вечер оставили и мать не верит"
AROUND_ENGLISH = "вчера вечером мы обсуждали длинную статью и думали что из этого получится"
AROUND_RUSSIAN = "yesterday evening several friends discussed our latest journey wondering"


@pytest.mark.parametrize("mixed", ["covidный", "smsка", "αx", "cтраница"])
@pytest.mark.parametrize(
    ("sentence", "around"), [(ENGLISH_ALIKE, AROUND_ENGLISH), (RUSSIAN_ALIKE, AROUND_RUSSIAN)], ids=["en", "ru"]
)
def test_a_sentence_stays_of_its_language(mixed: str, sentence: str, around: str) -> None:
    """However much of another language is around it, and though one word there mixes alphabets."""
    assert sentence in normal(f"{around} {mixed} {around}. {sentence}. {around} {around}")


def test_a_word_becomes_what_is_sure_beside_it() -> None:
    """Before it or else behind it; digits and other scripts say nothing, and neither does a word of both."""
    assert normal("Tim cаme hоme") == "tim came home"
    assert normal("cаme hоme in") == "came home in"
    assert normal("Iсe tea tо take 2003 2004 日本語") == normal("Ice tea to take 2003 2004 日本語")
    assert normal("covidный тo на") == "covidный то на"
    assert normal("aι дом ν") == "ai дом v"
    assert normal("дом haт top is") == "дом нат top is"
    assert normal("дом haт top дом") == "дом нат тор дом"


def test_a_hyphen_divides_at_a_line_s_end_alone() -> None:
    """On one line it is punctuation, which is nothing, wherever blanks stand."""
    assert normal("чего- то") == "чего то"
    assert normal("Он пришёл- она ушла") == normal("Он пришёл - она ушла")
    assert normal("a - b") == normal("a- b") == normal("a -\nb")
    assert normal("пере-\nнос") == normal("пере-\r\n нос") == "перенос"
    assert tidy("пере\u00ad\nнос") == tidy("пере\u00ad \r\n нос", lines=False) == "перенос"
    assert tidy("перенос\u00ad\n\nслова") == "перенос\n\nслова"


@pytest.mark.parametrize("piece", ["<!--", "[url=", "<a x=1", "сat ", "a-\n", "\u00ad\n "])
def test_time_grows_linearly(piece: str) -> None:
    """Eight times the text takes eight times as long, by a wide margin; quadratic time would be 64 times."""

    def seconds(times: int) -> float:
        text = "[/ " + piece * times
        took = []
        for _ in range(3):
            start = time.process_time()
            normal(text)
            took.append(time.process_time() - start)
        return min(took)

    assert seconds(16_000) < 30 * max(seconds(2_000), 0.0005)


@given(st.text("abcdefghijklmnopqrstuvwxyz "))
def test_a_text_of_one_alphabet_keeps_its_letters(text: str) -> None:
    """Words that might be Russian are taken for that only beside words that mix alphabets."""
    assert normal(text) == " ".join(text.split())
    assert normal(f"{text} мост") == f"{' '.join(text.split())} мост".strip()


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0345\u0301", "\u05b0\u0591", "\u0e38\u0e48"])
def test_marks_that_crowd_stand_once(marks: str) -> None:
    """However many there are, each counts once; what takes quadratic time to sort is not sorted."""
    crowd = "ма" + 100_000 * marks + "к"
    assert tidy(crowd) == tidy("ма" + marks + "к")
    assert normal(crowd) == normal("ма" + marks + "к")
    assert tidy("м" + 31 * "!" + "\u0301" * 2 + "а") == unicodedata.normalize("NFC", "м" + 31 * "!" + "\u0301а")
