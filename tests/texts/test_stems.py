"""Forms of a word have one stem, in either alphabet; other words have others."""

from __future__ import annotations

import pytest
from rosberta.texts.stems import stem


@pytest.mark.parametrize(
    "forms",
    [
        ["мост", "моста", "мосту", "мосты", "мостами", "most", "mostami", "mosta"],
        ["построил", "построили", "postroil", "postroili"],
        ["первый", "первого", "первыми", "pervyy", "pervyj", "pervogo"],
        ["жизнь", "жизни", "zhizn", "zhizni"],
        ["щит", "щиты", "shchit", "schity"],
        ["bridge", "bridges", "bridging"],
        ["river", "rivers"],
        ["1911"],
    ],
)
def test_forms_of_a_word_have_one_stem(forms: list[str]) -> None:
    """Endings and the common schemes of transliteration hide no word."""
    assert len({stem(form) for form in forms}) == 1


def test_other_words_have_other_stems() -> None:
    """Of ten words of two languages and two numbers no two share one."""
    words = ["мост", "река", "дом", "инженер", "город", "bridge", "river", "house", "engine", "city", "1911", "1912"]
    assert len({stem(word) for word in words}) == len(words)
