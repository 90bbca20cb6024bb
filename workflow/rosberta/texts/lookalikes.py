"""Letters of another alphabet that look like a word's own, as someone types them who has the wrong layout on."""

from __future__ import annotations

import re
import unicodedata

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
_OTHERS = f"a-z{_ACCENTED}{''.join(_GREEK)}"
_MIXED = re.compile(
    f"[a-z{_ACCENTED}][{_CYRILLIC}{''.join(_GREEK)}]|[{_CYRILLIC}][{_OTHERS}]|[{''.join(_GREEK)}][a-z{_CYRILLIC}]"
)
_ANOTHER, _OWN = re.compile(f"[{_OTHERS}]"), re.compile(f"[{_CYRILLIC}{''.join(_GREEK)}]")
_WORDS = re.compile(r"[^\W\d_]+")
_ONLY_LATIN = re.compile("[dfgijlnqrsuvwzіѕј]")
_ONLY_CYRILLIC = re.compile(f"[^\\W{_RUSSIAN}іѕј{_OTHERS}]")
_ALIKE = re.compile(f"[{_LATIN}]+|[{_RUSSIAN}]+")


def unmixed(text: str) -> str:
    """A text of small letters in which no word mixes alphabets, as far as letters look alike.

    A word becomes Latin, or Russian, where it has letters of that alphabet alone. Where it has none, or of both, the
    text decides: by the letters of each that it has. So do whole words of a text in which some are mixed.
    """
    # Most texts have letters of one alphabet, and are looked at no closer.
    if not (_OWN.search(text) and _ANOTHER.search(text) and _MIXED.search(text)):
        return text
    russian = len(_ONLY_CYRILLIC.findall(text)) >= len(_ONLY_LATIN.findall(text))
    whole = _TO_RUSSIAN if russian else _TO_LATIN

    def own(match: re.Match[str]) -> str:
        word = match[0]
        if not _MIXED.search(word):
            return word.translate(whole) if _ALIKE.fullmatch(word) else word
        latin, cyrillic = _ONLY_LATIN.search(word), _ONLY_CYRILLIC.search(word)
        if bool(latin) == bool(cyrillic):
            return word.translate(whole)
        return word.translate(_TO_LATIN if latin else _TO_RUSSIAN)

    return _WORDS.sub(own, text)
