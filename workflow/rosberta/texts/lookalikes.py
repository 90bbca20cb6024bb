"""Letters of another alphabet that look like a word's own, as someone types them who has the wrong layout on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

_LATIN, _RUSSIAN = "aceopxykmthb", "асеорхукмтнв"
"""What looks alike, the last five as capitals."""
_GREEK = dict(zip("οαρεχυικντ", ("oо", "aа", "pр", "eе", "xх", "yу", "i", "kк", "v", "tт"), strict=True))
"""Letters of Greek, with the Latin and the Russian one that they look like."""
_ACCENTED = "áàâäãåéèêëóòôöõýÿ"
"""Latin letters that stand for Russian ones with a stress."""

_TO_RUSSIAN = str.maketrans(
    dict(zip(_LATIN, _RUSSIAN, strict=True))
    | {letter: _RUSSIAN[_LATIN.index(unicodedata.normalize("NFD", letter)[0])] for letter in _ACCENTED}
    | {letter: alike[1] for letter, alike in _GREEK.items() if alike[1:]}
)
_TO_LATIN = str.maketrans(
    dict(zip(_RUSSIAN, _LATIN, strict=True))
    | {"і": "i", "ѕ": "s", "ј": "j"}
    | {letter: alike[0] for letter, alike in _GREEK.items()}
)

_CYRILLIC = "\u0400-\u052f"
_ALL_GREEK = "".join(_GREEK)
_OTHERS = f"a-z{_ACCENTED}{_ALL_GREEK}"
_MIXED = re.compile(
    f"[a-z{_ACCENTED}][{_CYRILLIC}{_ALL_GREEK}]|[{_CYRILLIC}][{_OTHERS}]|[{_ALL_GREEK}][a-z{_ACCENTED}{_CYRILLIC}]"
)
_ANOTHER, _OWN = re.compile(f"[{_OTHERS}]"), re.compile(f"[{_CYRILLIC}{_ALL_GREEK}]")
_WORDS = re.compile(r"[^\W\d_]+")
_ONLY_LATIN = re.compile("[dfgijlnqrsuvwzіѕјιν]")
"""Letters of Latin words alone, and what looks like one of them and like no Russian letter."""
_ONLY_CYRILLIC = re.compile(f"(?![{_RUSSIAN}іѕј])[{_CYRILLIC}]")
_ALIKE = re.compile(f"[{_LATIN}]+|[{_RUSSIAN}]+")

_Table = Mapping[int, str]


def unmixed(text: str) -> str:
    """A text of small letters in which no word mixes alphabets, as far as letters look alike. Idempotent.

    A word is sure that has letters of the Latin, or of the Cyrillic alphabet alone: what looks alike in it becomes
    theirs. One that has such letters of both ("covidный") stays. All others have only letters that look alike. Of these
    one that mixes alphabets becomes what the nearest sure word before it is, or else that behind it; without any it
    becomes Russian. One that does not mix them becomes so, too, but stays where it is of one alphabet with either of
    these two, so that a sentence of one language stays within a text of another. It takes linear time.
    """
    # Most texts have letters of one alphabet, and are looked at no closer.
    if not (_OWN.search(text) and _ANOTHER.search(text) and _MIXED.search(text)):
        return text
    words = list(_WORDS.finditer(text))
    sure = [_alphabet(word[0]) for word in words]
    before, behind = _nearest(sure), _nearest(sure[::-1])[::-1]
    parts, end = [], 0
    for match, own, left, right in zip(words, sure, before, behind, strict=True):
        word = match[0]
        table = _beside(word, left, right) if own is None else own
        parts += [text[end : match.start()], word.translate(table)]
        end = match.end()
    return "".join((*parts, text[end:]))


def _alphabet(word: str) -> _Table | None:
    """What a word is translated by that has letters of one alphabet alone; {} where it has such of both, else None."""
    latin, cyrillic = _ONLY_LATIN.search(word), _ONLY_CYRILLIC.search(word)
    if latin and cyrillic:
        return {}
    return _TO_LATIN if latin else _TO_RUSSIAN if cyrillic else None


def _beside(word: str, left: _Table | None, right: _Table | None) -> _Table:
    """What a word of letters that look alike is translated by, between the nearest words that are sure."""
    if _MIXED.search(word):
        return left or right or _TO_RUSSIAN
    mine = _TO_RUSSIAN if word[0] in _RUSSIAN else _TO_LATIN
    return {} if mine in (left, right) or not _ALIKE.fullmatch(word) else left or right or {}


def _nearest(sure: Sequence[_Table | None]) -> list[_Table | None]:
    """Of each word the last that is sure before it."""
    found: list[_Table | None] = []
    last = None
    for each in sure:
        found.append(last)
        last = each or last
    return found
