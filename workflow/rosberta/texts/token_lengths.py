"""Lengths of texts in tokens, without loading a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BATCH = 1000


def tokenizer_of(folder: Path) -> Tokenizer:
    """Load the tokenizer of a model's folder, without truncation: ``tokenizer.json``, else byte-level BPE's two files.

    Raises:
        Mistake: the folder has neither, or they are damaged.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers

    try:
        if (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        else:
            raise Mistake("clean.tokenizer: the model has neither tokenizer.json nor vocab.json and merges.txt")
    except Mistake:
        raise
    except Exception as error:  # the library raises bare Exception
        raise Mistake(f"clean.tokenizer: not readable ({error}); fetch it again") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def overlong(texts: Iterable[str], tokenizer: Tokenizer, limit: int) -> set[str]:
    """The texts of more than `limit` tokens, special tokens not counted."""
    candidates = (text for text in texts if _most(text) > limit)
    return {
        text
        for batch in _batches(candidates)
        for text, encoding in zip(batch, tokenizer.encode_batch_fast(batch, add_special_tokens=False), strict=True)
        if len(encoding.ids) > limit
    }


def _most(text: str) -> int:
    """Tokens that a text may have at most, so that most texts need no counting.

    A token stands for a byte at least: of the text for byte-level BPE, of what the normaliser makes of it for others,
    such as SentencePiece's, which takes characters apart (one ligature is 18 letters) and never further than NFKD. The
    one more is the blank that may be put in front.
    """
    own = len(text.encode())
    return 1 + (own if text.isascii() else max(own, len(unicodedata.normalize("NFKD", text).encode())))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while batch := list(islice(stream, _BATCH)):
        yield batch
