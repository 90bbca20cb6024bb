"""Forms of a text: the tidy one that is trained on, and the normal one in which texts are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import groupby

from rosberta.texts.lookalikes import unmixed
from rosberta.texts.markup import unescaped, without_tags

_INVISIBLE = dict.fromkeys(
    (
        # Control characters that are not blanks: those from U+0009, from U+001C and U+0085 are.
        *range(0x09),
        *range(0x0E, 0x1C),
        *range(0x7F, 0x85),
        *range(0x86, 0xA0),
        0x00AD,  # soft hyphen
        0x200B,  # zero width space
        # Marks of direction.
        *range(0x200E, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        0x2060,  # word joiner
        0xFEFF,  # byte order mark
    )
)
"""What is taken out of a text. Joiners stay: emoji and other scripts need them."""
_ANY_INVISIBLE = re.compile(f"[{''.join(map(chr, _INVISIBLE))}]")

_UNSEEN = _INVISIBLE | dict.fromkeys(
    (
        0x034F,  # grapheme joiner
        0x061C,  # mark of direction
        *range(0x115F, 0x1161),  # fillers
        *range(0x17B4, 0x17B6),
        *range(0x180B, 0x1810),  # selectors, and a separator without width
        *range(0x200C, 0x200E),  # joiners
        *range(0x2061, 0x2066),  # operators
        *range(0x206A, 0x2070),
        0x3164,
        *range(0xFE00, 0xFE10),  # selectors of a form
        0xFFA0,
        *range(0xFFF0, 0xFFFC),  # annotations
        *range(0x1BCA0, 0x1BCA4),
        *range(0x1D173, 0x1D17B),
        *range(0xE0000, 0xE1000),  # tags, and more selectors
    )
)
"""What has no look of its own, and so makes no other text: all that Unicode says may be left out of sight."""

_PLAIN = _UNSEEN | {
    code: unicodedata.normalize("NFKC", chr(code))
    for shapes in (range(0xFF01, 0xFF5F), range(0x1D400, 0x1D800))
    for code in shapes
}
"""What the normal form takes out; and letters and signs of full width, and of mathematics, are others' shapes."""
_ANY_NOT_PLAIN = re.compile(f"[{''.join(chr(code) for code in _PLAIN if code < 0x10000)}\U00010000-\U0010ffff]")

_CROWDS = re.compile(r"[^\w\s]{31,}")
_MARKS = re.compile("[\u0300-\u036f]")
"""Combining marks that stand alone after composition: in Russian the accent of stress."""
_EMPTY_LINES = re.compile("\n{3,}")
_NOT_WORDS = re.compile(r"[\W_]+")
_HYPHEN = "[-\u00ac\u2010\u2011]"
_ENDS = "\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
"""What ends a line."""
_BREAK = rf"[^\S{_ENDS}]*[{_ENDS}]\s*"
_DIVIDED = re.compile(rf"{_HYPHEN}(?:(?<=[a-zа-яё].){_BREAK}(?=[a-zа-яё])|(?<=[A-ZА-ЯЁ].){_BREAK}(?=[A-ZА-ЯЁ]))")
"""A hyphen at the end of a line within a word; behind it a capital begins another."""
_SOFTLY = re.compile(rf"\u00ad[^\S{_ENDS}]*(?:\r\n|[{_ENDS}])[^\S{_ENDS}]*(?=\w)")
"""A soft hyphen at the end of a line, which stands nowhere but within a word."""


def _without(text: str, one: re.Pattern[str], table: Mapping[int, str | None]) -> str:
    """Translated where there is anything to translate: to look for that takes less time."""
    return text.translate(table) if one.search(text) else text


def _joined(text: str) -> str:
    return _SOFTLY.sub("", text) if "\u00ad" in text else text


def composed(text: str) -> str:
    """NFC, with each mark once where more than 30 crowd together: to sort them takes quadratic time."""
    return text if text.isascii() else unicodedata.normalize("NFC", _CROWDS.sub(_thinned, text))


def _thinned(match: re.Match[str]) -> str:
    marks = groupby(match[0], key=lambda letter: unicodedata.combining(letter) > 0)
    return "".join("".join(dict.fromkeys(run) if crowded else run) for crowded, run in marks)


def tidy(text: str, *, lines: bool = True) -> str:
    """NFC, no control or invisible characters, each run of blanks one space, none at the ends. Idempotent.

    A word that a soft hyphen divides at a line's end is one again.

    Args:
        text: any.
        lines: whether it keeps its lines, each tidy, with one empty line at most between two; else it is one line.
    """
    shown = composed(_without(_joined(text), _ANY_INVISIBLE, _INVISIBLE))
    if not lines:
        return " ".join(shown.split())
    return _EMPTY_LINES.sub("\n\n", "\n".join(" ".join(line.split()) for line in shown.splitlines())).strip()


def normal(text: str) -> str:
    """The form in which texts are compared, never written: words of folded case without ё, accents or punctuation.

    Blind to what hides a copy: entities and tags of HTML, characters without a look, letters of full width or of
    another alphabet that look alike, a word divided at a line's end. Idempotent, and that of the tidy text; in one line
    that keeps no line's end a hyphen before a blank is punctuation, since it may be a dash. Tags are not seen:
    ``10<sup>5</sup>`` is 105. A text without any letter or digit has the normal form "".
    """
    shown = composed(_without(_joined(text), _ANY_NOT_PLAIN, _PLAIN))
    if "&" in shown or "<" in shown or "[/" in shown:
        shown = composed(_without(_joined(without_tags(unescaped(shown))), _ANY_NOT_PLAIN, _PLAIN))
    folded = unicodedata.normalize("NFC", _DIVIDED.sub("", shown).casefold())
    bare = unicodedata.normalize("NFC", _MARKS.sub("", folded.replace("ё", "е")))
    return _NOT_WORDS.sub(" ", unmixed(bare)).strip()
