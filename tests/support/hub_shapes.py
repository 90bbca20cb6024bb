"""The shape of the hub's repositories that the presets pin: their paths, as their pages show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

PARTS = {
    "maveriq/medi": [f"data/train-0000{n}-of-00006-0123456789abcdef.parquet" for n in range(6)],
    "sentence-transformers/miracl": [f"ru-triplet-100/train-0000{n}-of-00003.parquet" for n in range(3)]
    + ["en-triplet-100/train-00000-of-00002.parquet", "en-triplet/train-00000-of-00001.parquet"],
    "sentence-transformers/mr-tydi": [f"ru-triplet-100/train-0000{n}-of-00002.parquet" for n in range(2)]
    + ["en-triplet-100/train-00000-of-00001.parquet"],
    "IlyaGusev/pikabu": ["pikabu.py", *(f"{n:02}.jsonl.zst" for n in range(21))],
}

WIKIOMNIA = "dummy/wikiomnia_{0}/wikiomnia_{0}_train.json"

DATASETS: dict[str, list[str]] = {
    **PARTS,
    "facebook/xnli": [
        f"{language}/{split}-00000-of-00001.parquet"
        for language in ("en", "ru", "fr", "all_languages")
        for split in ("train", "test", "validation")
    ],
    "kuznetsoffandrey/sberquad": [f"sberquad/{split}-00000-of-00001.parquet" for split in ("train", "test")],
    "Helsinki-NLP/opus-100": [
        f"{pair}/{split}-00000-of-00001.parquet" for pair in ("en-ru", "en-fr") for split in ("train", "test")
    ],
    "Helsinki-NLP/news_commentary": ["en-ru/train-00000-of-00001.parquet", "en-fr/train-00000-of-00001.parquet"],
    "sentence-transformers/parallel-sentences-wikimatrix": ["en-ru/train-00000-of-00001.parquet"],
    "sentence-transformers/parallel-sentences-talks": ["en-ru/train-00000-of-00001.parquet", "all/train.parquet"],
    "cointegrated/ru-paraphrase-NMT-Leipzig": ["train.csv", "test.csv", "val.csv"],
    "inkoziev/paraphrases": ["default/train/0000.parquet"],
    "IlyaGusev/ru_stackoverflow": ["ru_stackoverflow.jsonl.zst", "ru_stackoverflow.py"],
    "IlyaGusev/yandex_q_full": ["yandex_q.jsonl.zst"],
    "IlyaGusev/ru_news": ["ru_news.jsonl.zst", "ru_news.py"],
    "IlyaGusev/habr": ["habr.jsonl.zst", "habr.py"],
    "its5Q/habr_qna": ["questions.jsonl.zst", "habr_qna.py"],
    "intfloat/query2doc_msmarco": ["train.jsonl", "dev.jsonl", "test.jsonl", "query2doc_msmarco.py"],
    "RussianNLP/wikiomnia": [WIKIOMNIA.format(name) for name in ("ruT5_filtered", "ruGPT3_filtered")]
    + ["wikiomnia.py"],
    "deepvk/ru-HNP": ["train.parquet", "val.parquet", "test.parquet"],
    "deepvk/ru-WANLI": ["data/train.parquet", "data/val.parquet", "data/test.parquet"],
    "mteb/sts22-crosslingual-sts": [f"{name}/test.jsonl" for name in ("ru", "en", "de-en")]
    + [f"data/{number}.json" for number in range(50)],
    "ai-forever/ria-news-retrieval": [f"data/{name}" for name in ("corpus.jsonl.zip", "queries.jsonl", "test.jsonl")],
    "merionum/ru_paraphraser": ["train.jsonl", "test.jsonl"],
    **{
        f"mteb/amazon_massive_{kind}": [
            f"{split}/{language}.json.gz" for split in ("train", "test", "validation") for language in ("ru", "af")
        ]
        for kind in ("intent", "scenario")
    },
    **{
        f"mteb/{name}": [f"ru-{part}/dev-00000-of-00001.parquet" for part in ("corpus", "queries", "qrels")]
        for name in ("MIRACLReranking", "MIRACLRetrieval", "MIRACLRetrievalHardNegatives")
    },
}
OTHER = ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
"""Of sets whose page was not seen."""

WHOLE = ["config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "tokenizer_config.json"]
SENTENCE = [*WHOLE, "modules.json", "sentence_bert_config.json", "1_Pooling/config.json"]
MODELS: dict[str, list[str]] = {
    "ai-forever/ruRoberta-large": ["config.json", "model.safetensors", "pytorch_model.bin", "vocab.json", "merges.txt"],
    "FacebookAI/roberta-large": WHOLE,
    "FacebookAI/roberta-base": WHOLE,
    "deepvk/roberta-base": WHOLE,
    "sentence-transformers/LaBSE": [*SENTENCE, "2_Dense/config.json", "2_Dense/model.safetensors"],
    "BAAI/bge-m3": [*SENTENCE, "colbert_linear.pt", "sparse_linear.pt", "onnx/model.onnx"],
}


def paths(kind: str, id: str) -> list[str]:
    """The files of a repository."""
    found = DATASETS.get(id, OTHER) if kind == "dataset" else MODELS.get(id, SENTENCE)
    return ["README.md", ".gitattributes", *found]


def write_shapes(root: Path, pins: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Write files of the true paths and a few bytes, by kind and id; return a commit for each id."""
    commits = {}
    for kind, id in pins:
        commits[id] = hashlib.sha1(id.encode(), usedforsecurity=False).hexdigest()
        for path in paths(kind, id):
            file = root / f"{kind}s" / id / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{id} {path}\n")
    return commits
