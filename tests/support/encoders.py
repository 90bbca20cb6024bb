"""Tiny encoders for tests: RoBERTa with byte-level BPE and two layers, whose weights depend on a seed alone.

And tiny trainings of them, as the stages put them together, in the project that is the current directory.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from rosberta.embedding.embedder import Embedder
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

if TYPE_CHECKING:
    from rosberta.experiment.training import Contrast, Pretrain
    from rosberta.training.contrastive import Contrastive
    from rosberta.training.masked_language import MaskedLanguage
    from rosberta.training.schedule import Schedule

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
    scale: float = 1.0,
    first: tuple[str, ...] = ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
) -> Path:
    """Write a RoBERTa for masked language modelling with a byte-level BPE of `texts`, as transformers saves it.

    Args:
        folder: where it goes.
        texts: that its tokenizer is trained on.
        size: of its vocabulary.
        hidden: width.
        seed: of its weights.
        scale: of the layers' products: larger ones make embeddings differ as much as those of real encoders.
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
        for name, weight in model.named_parameters():
            if ".layer." in name and weight.ndim > 1:
                weight.data *= scale
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


def contrastive(
    folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], settings: Contrast, seed: int = 0
) -> tuple[Contrastive, Schedule]:
    """A contrastive training of the encoder in a folder on mined rows, by source, and its schedule."""
    from rosberta.frame.artifacts import MINED
    from rosberta.frame.files import sha256
    from rosberta.frame.rows import write_rows
    from rosberta.training.contrastive import Contrastive, held_out, source_of
    from rosberta.training.schedule import schedule, texts_of
    from rosberta.training.token_store import identity_of, tokenizer_of
    from transformers import AutoModel

    tokenizer, identity = (make(folder, settings.max_length) for make in (tokenizer_of, identity_of))
    sources = {}
    for name, of_source in rows.items():
        write_rows(MINED / f"{name}.parquet", of_source, {})
        entry = {"sha256": sha256(MINED / f"{name}.parquet"), "prefix": of_source[0]["prefix"]}
        sources[name] = source_of(name, entry, "full", settings.hard_negatives, tokenizer, identity)
    split = {name: held_out(source, settings.validation) for name, source in sources.items()}
    drawn = schedule(
        {name: texts_of(source.forms, split[name][0], source.positives) for name, source in sources.items()},
        batch_size=settings.batch_size,
        devices=settings.devices,
        seed=seed,
        epochs=settings.epochs,
        max_steps=settings.max_steps,
    )
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, use_safetensors=True)
    kept = {name: rows for name, (_, rows) in split.items()}
    return Contrastive(encoder, sources, drawn, settings, seed, "contrast@a", kept), drawn


def masked_language(folder: Path, texts: Sequence[str], settings: Pretrain) -> MaskedLanguage:
    """Masked language modelling of the encoder in a folder on texts."""
    from rosberta.training.masked_language import MaskedLanguage
    from rosberta.training.token_store import identity_of, opened, place_of, stored, tokenizer_of
    from transformers import AutoModelForMaskedLM

    tokenizer = tokenizer_of(folder, settings.max_length)
    place = place_of({"texts": list(texts), **identity_of(folder, settings.max_length)})
    model = AutoModelForMaskedLM.from_pretrained(folder, use_safetensors=True)
    store = opened(place) or stored(place, texts, tokenizer)
    return MaskedLanguage(model, tokenizer, store, settings, "pretrain@a")


def mined_rows(source: str, number: int, *, prefix: str = "search", negatives: int = 3) -> list[dict[str, Any]]:
    """Rows of texts of many lengths, whose negatives are few, so that rows of a batch have some in common."""
    chance = random.Random(source)
    words = sorted({word for text in (*RUSSIAN, *ENGLISH) for word in text.split()})
    place = {"task": "retrieval", "prefix": prefix, "language": "ru", "source": source, "group": "synthetic"}

    def text(side: str, n: int) -> str:
        return " ".join([*chance.sample(words, chance.randint(1, 7)), side, str(n)])

    spare = [text("мимо", n) for n in range(negatives + 2)]
    return [
        {
            "anchor": text("вопрос", n),
            "positive": text("ответ", n),
            "negatives": chance.sample(spare, negatives),
            **place,
            "id": f"{source}:{n}",
        }
        for n in range(number)
    ]


def bert(positions: int) -> Any:
    """A BERT with random weights, that counts positions from 0."""
    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=positions, initializer_range=0.1, pad_token_id=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BertForMaskedLM(config)
