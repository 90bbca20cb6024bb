"""A project with all tasks laid out, one's own among them, and an encoder of two layers to score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from miniature import benchmark as made
from rosberta.evaluation import tasks
from rosberta.experiment.hub import Hub, Pin
from rosberta.experiment.models import Evaluate, Model
from rosberta.stages import benchmark, hub

ROWS = 40


class Entry(SimpleNamespace):
    """An entry of ``benchmark.tasks``."""

    def __init__(self, dataset: str, **given: object) -> None:
        defaults = {"category": None, "files": {}, "columns": {}, "prefix": None, "language": "rus-Cyrl"}
        super().__init__(dataset=dataset, **({**defaults, "candidates": None} | given))


LINES = {"train": "train.jsonl", "test": "test.jsonl"}
OWN = {
    "Rubrics": Entry("ai-forever/headline-classification", category="Classification", files=LINES, prefix="clustering"),
    "Topics": Entry("ai-forever/sensitive-topics-classification", category="MultilabelClassification", files=LINES),
    "Shops": Entry(
        "ai-forever/georeview-clustering-p2p",
        category="Clustering",
        files={"test": "test.jsonl"},
        columns={"text": "sentences", "label": "labels"},
    ),
    "Likeness": Entry(
        "merionum/ru_paraphraser",
        category="STS",
        files={"test": "test.jsonl"},
        columns={"sentence1": "text_1", "sentence2": "text_2", "score": "id"},
    ),
    "Entailment": Entry(
        "mteb/TERRa", category="PairClassification", files={"test": "data/dev-*.parquet"}, columns={"label": "labels"}
    ),
    "Titles": Entry(
        "mteb/RiaNewsRetrieval_test_top_250_only_w_correct-v2",
        category="Retrieval",
        files={"corpus": "corpus/*", "queries": "queries/*", "qrels": "data/*"},
        prefix="clustering",
    ),
    "Faq": Entry(
        "mteb/RuBQReranking",
        category="Reranking",
        files={"corpus": "corpus/*", "queries": "queries/*", "qrels": "data/*", "top_ranked": "top_ranked/*"},
    ),
}
"""One's own tasks, one a category, made of the miniature's files."""

OWN_PREFIXES = {
    "Rubrics": "clustering: ",
    "Topics": "classification: ",
    "Shops": "clustering: ",
    "Likeness": "classification: ",
    "Entailment": "classification: ",
    "Titles": "clustering: ",
}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A project with all tasks laid out, one's own among them, and an encoder of two layers to score."""
    import datasets
    import torch

    torch.set_num_threads(1)
    root, mirror = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("mirror")
    patch = pytest.MonkeyPatch()
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    patch.setenv("ROSBERTA_MIRROR", str(mirror))
    patch.chdir(root)
    for id in made.IDS:
        made.write_dataset(id, mirror / "datasets" / id, 7, ROWS)
    rumteb = {name: task.metadata.dataset for name, task in tasks.rumteb().items()}
    pins = {dataset["path"]: Pin(revision=dataset["revision"]) for dataset in rumteb.values()}
    entries = {name: Entry(dataset["path"]) for name, dataset in rumteb.items()}
    whole = SimpleNamespace(
        hub=Hub(origin="hub", datasets=pins, models={}),
        benchmark=SimpleNamespace(tasks=entries | OWN),
        evaluate=Evaluate(batch_tokens=4096, max_length=96, cache_gb=0),
        models={
            "tiny": Model(weights="results/encoders/tiny", prompts="rosberta"),
            "e5": Model(weights="results/encoders/tiny", prompts="e5"),
            "none": Model(weights="results/encoders/tiny", prompts="none"),
        },
    )
    hub.run(whole)
    benchmark.run(whole)
    write_encoder(Path("results/encoders/tiny"))
    yield whole
    patch.undo()


def write_encoder(folder: Path) -> None:
    """A RoBERTa of two layers with a byte-level vocabulary of a few hundred tokens, in transformers' layout."""
    import torch
    from rosberta.evaluation import prompts
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    special = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    bpe = ByteLevelBPETokenizer()
    words = list(prompts.ROSBERTA_PROMPTS.values()) + ["в городе", "на реке", "компания", "команда"] * 3
    bpe.train_from_iterator(words, vocab_size=400, special_tokens=list(special.values()), show_progress=False)
    bpe._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, cls_token="<s>", sep_token="</s>", **special)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=98, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        # Large enough that no two texts are all but equal, and no score hangs on the last bits.
        initializer_range=0.2,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
