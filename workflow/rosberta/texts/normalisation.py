"""Forms of a text: the tidy one that is trained on, and the normal one in which texts are compared."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "["
    # Control characters that are not blanks: those from U+0009, from U+001C and U+0085 are.
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    "\u00ad"  # soft hyphen
    "\u200b"  # zero width space
    # Marks of direction.
    "\u200e-\u200f\u202a-\u202e\u2066-\u2069"
    "\u2060"  # word joiner
    "\ufeff"  # byte order mark
    "]+"
)
"""What is taken out of a text. Joiners stay: emoji and other scripts need them."""

_MARKS = re.compile("[\u0300-\u036f]")
"""Combining marks that stand alone after composition: in Russian the accent of stress."""
_EMPTY_LINES = re.compile("\n{3,}")
_NOT_WORDS = re.compile(r"[\W_]+")


def tidy(text: str, *, lines: bool = True) -> str:
    """NFC, no control or invisible characters, each run of blanks one space, none at the ends. Idempotent.

    Args:
        text: any.
        lines: whether it keeps its lines, each tidy, with one empty line at most between two; else it is one line.
    """
    shown = unicodedata.normalize("NFC", _shown(text))
    if not lines:
        return " ".join(shown.split())
    return _EMPTY_LINES.sub("\n\n", "\n".join(" ".join(line.split()) for line in shown.splitlines())).strip()


def normal(text: str) -> str:
    """The form in which texts are compared, never written: words of folded case without ё, accents or punctuation.

    Idempotent. A text without any letter or digit has the normal form "".
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", _shown(text)).casefold())
    bare = unicodedata.normalize("NFC", _MARKS.sub("", folded.replace("ё", "е")))
    return _NOT_WORDS.sub(" ", bare).strip()


def _shown(text: str) -> str:
    """A text without invisible characters: none that is printable is one of them."""
    return text if text.isprintable() else _INVISIBLE.sub("", text)
