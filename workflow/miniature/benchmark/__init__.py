"""The benchmark's data sets in small: every set of both versions of ruMTEB, in the layout that it has on the hub.

A task's label, score or relevance follows from its text, so a model that reads can learn it. Training splits are made
of the pool ``probe``, evaluation splits of the pool ``test``: they name different things, and only short texts that
name nothing (a headline, a request) are in both now and then, as in the real sets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from miniature.benchmark import labelled, pairs, search
from miniature.benchmark.layout import Files, write
from miniature.world.world import World

_MAKERS: dict[str, Callable[[World, int], Files]] = {
    "mteb/GeoreviewClassification": labelled.georeview,
    "ai-forever/headline-classification": labelled.headline,
    "ai-forever/inappropriateness-classification": labelled.inappropriateness,
    "ai-forever/kinopoisk-sentiment-classification": labelled.kinopoisk,
    "mteb/amazon_massive_intent": labelled.massive_intent,
    "mteb/amazon_massive_scenario": labelled.massive_scenario,
    "ai-forever/ru-reviews-classification": labelled.ru_reviews,
    "ai-forever/ru-scibench-grnti-classification": labelled.scibench_grnti,
    "ai-forever/ru-scibench-oecd-classification": labelled.scibench_oecd,
    "ai-forever/georeview-clustering-p2p": labelled.georeview_clustering,
    "mteb/CEDRClassification": labelled.cedr,
    "ai-forever/sensitive-topics-classification": labelled.sensitive_topics,
    "mteb/TERRa": pairs.terra,
    "merionum/ru_paraphraser": pairs.paraphraser,
    "ai-forever/ru-stsbenchmark-sts": pairs.stsbenchmark,
    "mteb/sts22-crosslingual-sts": pairs.sts22,
    "mteb/MIRACLReranking": search.miracl_reranking,
    "mteb/RuBQReranking": search.rubq_reranking,
    "mteb/MIRACLRetrieval": search.miracl,
    "mteb/MIRACLRetrievalHardNegatives": search.miracl_hard_negatives,
    "ai-forever/ria-news-retrieval": search.ria_news,
    "mteb/RiaNewsRetrieval_test_top_250_only_w_correct-v2": search.ria_news_hard_negatives,
    "ai-forever/rubq-retrieval": search.rubq,
}

IDS: tuple[str, ...] = tuple(_MAKERS)
"""Ids of the data sets on the hub."""


def write_dataset(id: str, folder: Path, seed: int, rows: int) -> None:
    """Write one data set in its layout; equal arguments give equal bytes.

    Args:
        id: One of `IDS`.
        folder: Where to write it.
        seed: Seed of the world.
        rows: Rows of a training source; an evaluation split has half of them, a corpus about as many.
    """
    write(_MAKERS[id](_world(seed), rows), folder)


@cache
def _world(seed: int) -> World:
    # One world serves all sets: making its facts takes longer than a set.
    return World(seed)
