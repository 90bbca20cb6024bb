"""Texts for tests, with all that hides a copy, and a row of them."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

# Russian letters with what hides copies: case, ё in both encodings, accents, invisible characters, punctuation, blanks.
letters = st.sampled_from(
    "абвеёйЁЙЕ"
    + "aBzİßΣς1٣²"
    + " \t\n\u00a0\u2028"
    + "\u0301\u0308\u0306\u3099"
    + "\u00ad\u200b\ufeff\x00\x07\x85-—«»!_,🙂"
)
texts = st.one_of(
    st.text(), st.text(letters), st.text(st.characters(max_codepoint=0x10FFFF, exclude_categories=["Cs"]))
)


def row(anchor: str, positive: str, *negatives: str, id: str = "s:0") -> dict[str, Any]:
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "basic_russian"}
    return {"anchor": anchor, "positive": positive, "negatives": list(negatives), "positives": [], **place, "id": id}
