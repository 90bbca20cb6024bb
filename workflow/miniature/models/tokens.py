"""Tokenizers of the miniature's models, made of its own texts: byte-level BPE as RoBERTa's, Unigram as XLM-R's.

Equal texts give equal tokenizers, in every process.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAD, BOS, EOS, UNK, MASK = "<pad>", "<s>", "</s>", "<unk>", "<mask>"
SPECIAL = {
    "bos_token": BOS,
    "eos_token": EOS,
    "unk_token": UNK,
    "sep_token": EOS,
    "pad_token": PAD,
    "cls_token": BOS,
    "mask_token": MASK,
}
"""Roles of the special tokens, as both families of models name them."""


def byte_level(texts: Sequence[str], size: int, first: Sequence[str]) -> Tokenizer:
    """Train a byte-level BPE of RoBERTa's kind.

    Args:
        texts: to train on.
        size: of the whole vocabulary.
        first: the special tokens with the lowest ids, in their order; ``<mask>`` is added at the end if it is not here.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - (MASK not in first),
        special_tokens=list(first),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    with _no_threads():
        tokenizer.train_from_iterator(texts, trainer)
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    if MASK not in vocabulary:
        vocabulary[MASK] = len(vocabulary)
    merges = [tuple(merge) for merge in state["model"]["merges"]]
    trained = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    trained.pre_tokenizer, trained.decoder = tokenizer.pre_tokenizer, tokenizer.decoder
    trained.post_processor = processors.RobertaProcessing(
        (EOS, vocabulary[EOS]), (BOS, vocabulary[BOS]), trim_offsets=True, add_prefix_space=False
    )
    plain = sorted({BOS, EOS, PAD, UNK}, key=vocabulary.__getitem__)
    trained.add_special_tokens(
        [*(AddedToken(token, normalized=True) for token in plain), AddedToken(MASK, lstrip=True)]
    )
    return trained


def unigram(texts: Sequence[str], size: int) -> Tokenizer:
    """Make a Unigram tokenizer of XLM-R's kind: ``<s> <pad> </s> <unk>`` first, ``<mask>`` last.

    The library's own Unigram trainer gives other pieces in every process, so the pieces are those that BPE merges, and
    their scores the logarithms of how often they are used.
    """
    first = [BOS, PAD, EOS, UNK]
    splitting = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    merging = Tokenizer(models.BPE())
    merging.normalizer, merging.pre_tokenizer = normalizer, splitting
    with _no_threads():
        merging.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size - len(first) - 1, show_progress=False))
        used = Counter(id for encoding in merging.encode_batch(texts) for id in encoding.ids)
    total = sum(used.values())
    pieces = [(piece, round(math.log((used[id] + 1) / total), 6)) for piece, id in merging.get_vocab().items()]
    pieces.sort(key=lambda entry: (-entry[1], entry[0]))
    vocabulary = [*((token, 0.0) for token in first), *pieces, (MASK, 0.0)]
    trained = Tokenizer(models.Unigram(vocabulary, unk_id=first.index(UNK), byte_fallback=False))
    trained.normalizer, trained.pre_tokenizer, trained.decoder = normalizer, splitting, decoders.Metaspace()
    trained.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} {EOS} $B {EOS}",
        special_tokens=[(token, first.index(token)) for token in (BOS, EOS)],
    )
    trained.add_special_tokens([*(AddedToken(token) for token in first), AddedToken(MASK, lstrip=True)])
    return trained


def write_tokenizer(tokenizer: Tokenizer, folder: Path, name: str) -> None:
    """Write a tokenizer as a repository has it; `name` is its class in transformers, without ``Fast``."""
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    mask = {
        "content": MASK,
        "lstrip": True,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
        "__type": "AddedToken",
    }
    config = {**SPECIAL, "mask_token": mask, "model_max_length": 512, "tokenizer_class": name}
    if name == "RobertaTokenizer":
        config |= {"add_prefix_space": False, "errors": "replace", "trim_offsets": True}
        model = json.loads(tokenizer.to_str())["model"]
        vocabulary = dict(sorted(model["vocab"].items(), key=lambda entry: entry[1]))
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
        (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    for file, content in (("tokenizer_config.json", config), ("special_tokens_map.json", SPECIAL)):
        (folder / file).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _no_threads() -> Iterator[None]:
    """Keep tokenizers from using threads, as its variable asks for."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before
