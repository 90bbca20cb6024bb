"""The training sources of the miniature: which sets there are, each in the schema and layout of the real one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from miniature.sets import medi, questions, sentences, web
from miniature.sets.raw_files import Files, write
from miniature.world.world import World

DATASETS: dict[str, Callable[[World, int], Files]] = {
    "Helsinki-NLP/opus-100": sentences.opus100,
    "RussianNLP/wikiomnia": questions.wikiomnia,
    "deepvk/ru-HNP": sentences.ru_hnp,
    "deepvk/ru-WANLI": sentences.ru_wanli,
    "facebook/xnli": sentences.xnli,
    "intfloat/query2doc_msmarco": questions.query2doc,
    "its5Q/habr_qna": questions.habr_qna,
    "kuznetsoffandrey/sberquad": questions.sberquad,
    "maveriq/medi": medi.medi,
    "sentence-transformers/miracl": partial(questions.triplets, name="miracl"),
    "sentence-transformers/mr-tydi": partial(questions.triplets, name="mrtydi"),
    "sentence-transformers/parallel-sentences-talks": sentences.talks,
    "timoschick/dino": sentences.dino,
    **web.DATASETS,
}
"""What makes the files of each set."""

IDS = tuple(DATASETS)


@cache
def world_of(seed: int) -> World:
    """The world of a seed, made once a process."""
    return World(seed)


def write_dataset(id: str, folder: Path, seed: int, rows: int) -> None:
    """Write a training source as its repository holds it.

    Args:
        id: the set's id on the hub.
        folder: where its files go.
        seed: of the world.
        rows: training rows, about; at least 24.

    Raises:
        KeyError: the miniature has no such set.
    """
    write(DATASETS[id](world_of(seed), rows), folder)
