"""Which language a text is in, where that is sure.

The script decides first, then letters and the commonest words: they are cheap, and a text that has them is in its
language. What they leave open a classifier of character n-grams decides (py3langid, whose model comes with it), and
only where the text is long enough and the classifier sure enough; whatever is short, a name or code stays.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

LETTERS = 40
"""Letters that a text needs for the classifier's word to count, and for a third script to."""
SURE = 0.99
"""Probability from which it counts."""
FEW = 3
"""Letters that a text needs for its script to count."""

_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_NEITHER = re.compile("[^\x00-\u024f\u0400-\u052f\u1c80-\u1c8f\u1e00-\u1eff\u2de0-\u2dff\ua640-\ua69f]")
"""What is neither Latin nor Cyrillic, letters and others."""
_RUSSIAN = re.compile("[ыэёЫЭЁ]")
"""Letters that no other Slavic language but Belarusian has."""
_NOT_RUSSIAN = re.compile("[ѐђ-џѡѥ-ѱѷ-ҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӂӄӆӈӊӌӎ-ӏӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿ]")
"""Small letters of other Cyrillic alphabets; of the old Russian one і alone is among them. A capital may be a numeral.
"""
STRANGE = 0.04
"""Share of such letters among the Cyrillic ones from which a text of several words with them is surely not Russian. Of
Ukrainian, Belarusian, Tatar, Kazakh and Chuvash texts they are 6% and more; a name makes fewer."""
_BULGARIAN = re.compile(
    r"\b(?:са|се|си|ще|съм|към|със|във|това|този|тази|тези|като|който|която|което|които|беше|бяха|няма|също)\b",
    re.IGNORECASE,
)
"""Common words of Bulgarian that are none, or hardly one, in Russian."""
_SENTENCE = re.compile(
    r"\b(?:the|of|is|are|was|were|with|that|this|you|your|he|she|they|what|how|have|has|does|did|would|who|my|we)\b",
    re.IGNORECASE,
)
"""Words of English sentences that are rare in commands and code."""
_OLD = re.compile("[ѣѢѳѲ]")
_ENGLISH = re.compile(r"\b(?:the|and|of|is|to|with|that)\b", re.IGNORECASE)
_READ = 2000
"""Characters that are looked at."""


def is_foreign(anchor: str, positive: str | None, language: str) -> bool:
    """Whether a pair is surely not in its source's language.

    Args:
        anchor: one side.
        positive: the other; None, where there is none.
        language: "ru" or "en" of both sides; "ru-en": one side is in each, in either order.
    """
    if any(_third_script(text[:_READ]) for text in (anchor, positive or "")):
        return True
    if language != "ru-en":
        return any(_other(text, language) for text in (anchor, positive) if text is not None)
    sides = (anchor, positive or "")
    scripts = [_script(side) for side in sides]
    if "mixed" in scripts or "none" in scripts:
        return False
    if scripts[0] == scripts[1]:
        return True
    return any(
        _other(side, "ru" if script == "cyrillic" else "en") for side, script in zip(sides, scripts, strict=True)
    )


def _third_script(text: str) -> bool:
    """Whether most letters of a text are neither Cyrillic nor Latin, in whatever width or style they are written."""
    if len(_NEITHER.findall(text)) < LETTERS / 2:
        return False
    # One sign may stand for a phrase; it counts once, as its first letter.
    plain = "".join(unicodedata.normalize("NFKC", sign)[0] for sign in text)
    letters, third = (sum(map(str.isalpha, each)) for each in (plain, _NEITHER.findall(plain)))
    return letters >= LETTERS and third > letters / 2


def _other(text: str, language: str) -> bool:
    """Whether a text is surely not in a language."""
    text = text[:_READ]
    if language == "ru" and _RUSSIAN.search(text) and not _NOT_RUSSIAN.search(text):
        return False
    if language == "en" and not _CYRILLIC.search(text) and len(_ENGLISH.findall(text)) > 1:
        return False
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if language == "ru" and _surely_not_russian(text, cyrillic, latin):
        return True
    # A few letters in the other script may be a name or a command.
    if language == "en" and cyrillic > FEW * (latin + 1):
        return True
    if cyrillic + latin < LETTERS:
        return False
    # Terms and code of another script stand in many a text.
    main = text if language == "en" or cyrillic < 0.05 * latin else " ".join(re.findall("[^A-Za-z]+", text))
    found, probability = _classifier().classify(main)
    return found != language and probability >= SURE


def _surely_not_russian(text: str, cyrillic: int, latin: int) -> bool:
    """What the classifier does not know, or is not asked for since a text is short."""
    if not cyrillic:
        return latin > FEW and len({word.lower() for word in _SENTENCE.findall(text)}) > 1
    strange = len(_NOT_RUSSIAN.findall(text))
    if strange >= FEW and strange >= STRANGE * cyrillic and not _OLD.search(text):
        return sum(_NOT_RUSSIAN.search(word) is not None for word in text.split()) > 1
    return not _RUSSIAN.search(text) and len({word.lower() for word in _BULGARIAN.findall(text)}) > 2


def _script(text: str) -> str:
    """The script of most letters: "cyrillic" or "latin"; "mixed" where neither has three quarters, "none" without."""
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if cyrillic + latin < FEW:
        return "none"
    share = cyrillic / (cyrillic + latin)
    return "cyrillic" if share >= 0.75 else "latin" if share <= 0.25 else "mixed"


@cache
def _classifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
