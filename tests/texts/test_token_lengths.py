"""Lengths are in tokens of the model without special ones, and no shortcut around counting hides a long text."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosberta.frame.mistakes import Mistake
from rosberta.texts.token_lengths import overlong, tokenizer_of
from support.byte_level import byte_level, tokenizer_files
from support.texts import texts
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def test_lengths_are_in_tokens_without_special_ones(tmp_path: Path) -> None:
    """A text of exactly the limit stays, one more token is too long; bytes bound tokens for byte-level BPE."""
    tokenizer_files(tmp_path)
    tokenizer = tokenizer_of(tmp_path)
    assert len(tokenizer.encode("абв").ids) == 6 + 2
    assert overlong(["абв", "абвг", "ab", ""], tokenizer, 6) == {"абвг"}
    assert overlong(["абв" * 700], tokenizer, 4200) == set()
    assert overlong(["абв" * 700], tokenizer, 4199) == {"абв" * 700}


@given(texts.filter(bool))
def test_bytes_bound_tokens(text: str) -> None:
    """The shortcut around counting never hides a long text."""
    tokenizer = byte_level()
    limit = len(tokenizer.encode(text, add_special_tokens=False).ids)
    assert overlong([text], tokenizer, limit) == set()
    assert overlong([text], tokenizer, limit - 1) == {text}


@given(st.one_of(texts.filter(bool), st.text("\ufdfa\ufdfb㍿ﬃ½Ⅷé ", min_size=1, max_size=20)))
def test_bytes_bound_tokens_of_sentencepiece_too(text: str) -> None:
    """Of a tokenizer that takes characters apart before it cuts them, too: one ligature is eighteen letters."""
    characters = sorted({*unicodedata.normalize("NFKC", text), "▁"})
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((each, -1.0) for each in characters)], 0))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    if limit := len(tokenizer.encode(text, add_special_tokens=False).ids):
        assert overlong([text], tokenizer, limit) == set()
        assert overlong([text], tokenizer, limit - 1) == {text}


def test_a_tokenizer_is_read_from_either_form(tmp_path: Path) -> None:
    """``vocab.json`` and ``merges.txt`` count as ``tokenizer.json`` does; a model with neither is a mistake."""
    one, other, neither = (tmp_path / name for name in ("one", "other", "neither"))
    for folder in (one, other, neither):
        folder.mkdir()
    tokenizer_files(one)
    byte_level().model.save(str(other))
    for text in ("абв где", " a b", "Ёж\n"):
        counted = [len(tokenizer_of(folder).encode(text, add_special_tokens=False).ids) for folder in (one, other)]
        assert counted[0] == counted[1]
    with pytest.raises(Mistake, match=r"neither tokenizer\.json"):
        tokenizer_of(neither)
    (neither / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(Mistake, match="not readable"):
        tokenizer_of(neither)
