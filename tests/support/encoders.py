"""Tiny encoders for tests: RoBERTa with byte-level BPE and two layers, whose weights depend on a seed alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from rosberta.embedding.embedder import Embedder
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

# As in every stage: sums of floats depend on the number of threads, and tiny models are slower with several.
torch.set_num_threads(1)

RUSSIAN = (
    "Мост через реку построили за два года.",
    "Зимой озеро замерзает, и по льду ходят люди.",
    "Врач посоветовал больше гулять и меньше сидеть.",
    "Поезд приходит на вокзал в семь часов утра.",
    "Учёные измерили высоту горы с помощью спутника.",
    "Бабушка печёт пироги с капустой по воскресеньям.",
    "Новый закон вступит в силу с первого января.",
    "Программа читает файл и считает строки.",
    "В библиотеке тихо, слышно только шелест страниц.",
    "Команда выиграла матч в последнюю минуту.",
)
ENGLISH = (
    "The bridge over the river was built in two years.",
    "In winter the lake freezes and people walk on the ice.",
    "The doctor said to walk more and to sit less.",
    "The train comes to the station at seven in the morning.",
    "Scientists measured the height of the mountain from space.",
    "Grandmother bakes cabbage pies on Sundays.",
    "The new law comes into force on the first of January.",
    "The program reads a file and counts the lines.",
    "The library is quiet, only pages rustle.",
    "The team won the match in the last minute.",
)


def write_roberta(
    folder: Path,
    texts: Iterable[str],
    *,
    size: int = 400,
    hidden: int = 32,
    seed: int = 0,
    first: tuple[str, ...] = ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
) -> Path:
    """Write a RoBERTa for masked language modelling with a byte-level BPE of `texts`, as transformers saves it.

    Args:
        folder: where it goes.
        texts: that its tokenizer is trained on.
        size: of its vocabulary.
        hidden: width.
        seed: of its weights.
        first: special tokens in the order of their ids, the lowest.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = [AddedToken(token, special=True, lstrip=token == "<mask>") for token in first]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(list(texts), trainer)
    ids = tokenizer.get_vocab()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", ids["</s>"]), ("<s>", ids["<s>"]), trim_offsets=True, add_prefix_space=False
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        unk_token="<unk>", pad_token="<pad>", mask_token=AddedToken("<mask>", lstrip=True), model_max_length=64,
    )  # fmt: skip
    wrapped.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(ids), hidden_size=hidden, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64 + ids["<pad>"] + 1, type_vocab_size=1, pad_token_id=ids["<pad>"],
        bos_token_id=ids["<s>"], eos_token_id=ids["</s>"], initializer_range=0.1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = RobertaForMaskedLM(config)
        torch.nn.init.normal_(model.lm_head.bias)
    model.save_pretrained(folder)
    return folder


def texts_computed(patch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every call of `Embedder.embed` by the texts that no cache answered."""
    computed: list[int] = []
    compute = Embedder._compute

    def counted(embedder: Embedder, texts: list[str], places: list[int], *rest: object) -> None:
        computed.append(len(places))
        compute(embedder, texts, places, *rest)

    patch.setattr(Embedder, "_compute", counted)
    return computed
