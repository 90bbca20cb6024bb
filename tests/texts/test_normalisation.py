"""The tidy form shows nothing hidden and keeps every letter; the normal form is blind to what makes no other text."""

from __future__ import annotations

import unicodedata

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


@given(texts)
@example("A\u0130\u0301")
@example("\u1100\u0300\u1161")
def test_normal_is_idempotent_and_blind(text: str) -> None:
    """The normal form of a normal form, of the tidy text and of the decomposed text is the same."""
    form = normal(text)
    assert normal(form) == form
    assert normal(tidy(text)) == normal(tidy(text, lines=False)) == form
    assert normal(unicodedata.normalize("NFD", text)) == form
    assert "ё" not in form
    assert all(letter == " " or letter.isalnum() for letter in form)


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
