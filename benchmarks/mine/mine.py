"""Speed and memory of mining, on made-up embeddings.

    python benchmarks/mine/mine.py search --anchors 20000 --documents 200000    # exact top 100, beside the bare work
    python benchmarks/mine/mine.py beside --anchors 50000 --documents 200000    # beside mine_hard_negatives
    python benchmarks/mine/mine.py gpu                                          # all that a GPU is asked for

Every measurement is a process of its own, whose peak memory is that of the whole process; one line of JSON each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

WIDTH = 384
"""Numbers of an embedding, as multilingual-e5-small has them."""
RANKS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("search", "beside", "gpu", "one"))
    parser.add_argument("--anchors", type=int, default=50_000)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--way", choices=tuple(WAYS), default="ours")
    asked = parser.parse_args()
    if asked.what == "one":
        WAYS[asked.way](asked)
    elif asked.what == "search":
        measure("bare", asked)
        measure("search", asked)
    elif asked.what == "beside":
        for way in ("ours", "library", "library_faiss"):
            measure(way, asked)
    else:
        for dtype in ("fp32", "fp16"):
            for anchors, documents in ((1_000_000, 1_000_000), (1_000_000, 10_000_000)):
                asked.dtype, asked.anchors, asked.documents = dtype, anchors, documents
                measure("bare", asked)
                measure("search", asked)


def measure(way: str, asked: argparse.Namespace) -> None:
    """Run one way in a process of its own."""
    sizes = [f"--{name}={getattr(asked, name)}" for name in ("anchors", "documents", "threads", "dtype")]
    subprocess.run([sys.executable, __file__, "one", f"--way={way}", *sizes], check=False)


BEGUN = [0.0]
"""Seconds of the processor that were used when the work began: they tell more than the clock on a busy machine."""


def begin() -> float:
    """Begin the work that is measured; the clock now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    BEGUN[0] = used.ru_utime + used.ru_stime
    return time.perf_counter()


def tell(way: str, asked: argparse.Namespace, seconds: float, **more: Any) -> None:
    """Write a line of what was measured."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / 1e6
    facts = {"way": way, "anchors": asked.anchors, "documents": asked.documents, "threads": asked.threads}
    facts |= {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime - BEGUN[0], 1),
        "gb_peak": round(peak, 2),
        **more,
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


# Exact search


def made(rows: int, path: Path) -> Any:
    """A matrix of random embeddings in a file."""
    from rosberta.embedding.embedder import unit
    from rosberta.embedding.matrix import Matrix

    chance = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, 100_000):
            file.write(unit(chance.standard_normal((min(100_000, rows - start), WIDTH), np.float32)).tobytes())
    return Matrix(path, rows, WIDTH)


def search(asked: argparse.Namespace, *, bare: bool = False) -> None:
    """Exact top 100 with what is related removed, as the stage does it; or nothing but blocked products and `topk`."""
    import torch
    from rosberta.experiment.corpus import Mine
    from rosberta.mining.teacher import Embedded, window

    settings = Mine(teacher="t", threads=asked.threads, search=asked.dtype)
    with tempfile.TemporaryDirectory() as folder:
        documents = made(asked.documents, Path(folder) / "documents.f32")
        anchors = made(asked.anchors, Path(folder) / "anchors.f32")
        start = begin()
        if bare:
            _bare(anchors, documents, asked)
        else:
            pool: Any = Related(asked.anchors, asked.documents)
            found = window(settings, pool, Embedded(anchors, documents), np.arange(asked.anchors))
            assert found.shape == (asked.anchors, RANKS - settings.first_rank)
        seconds = time.perf_counter() - start
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    rate = asked.anchors / seconds * asked.documents / 1e6
    tell(
        "bare" if bare else "search", asked, seconds, dtype=asked.dtype, device=device, per_second_and_million=int(rate)
    )


class Related:
    """A pool in which every anchor has a positive and another anchor's as well."""

    def __init__(self, anchors: int, documents: int) -> None:
        self.anchors, self.documents = range(anchors), range(documents)

    def related(self, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = np.stack([anchors, anchors + 1], axis=1) % len(self.documents)
        return np.repeat(np.arange(len(anchors)), 2), np.sort(both, axis=1).ravel()


def _bare(anchors: Any, documents: Any, asked: argparse.Namespace) -> None:
    """Products of blocks of the size that the search takes, and the best of each block."""
    import torch
    from rosberta.embedding.ranks import SCORES

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(asked.threads)
    dtype = torch.float16 if asked.dtype == "fp16" and device == "cuda" else torch.float32
    queries = torch.from_numpy(anchors.read(0, len(anchors))).to(device, dtype)
    for block in documents:
        there = torch.from_numpy(block).to(device, dtype)
        for part in queries.split(max(1, SCORES // len(block))):
            (part @ there.T).topk(min(RANKS, len(block)), dim=1)
    if device == "cuda":
        torch.cuda.synchronize()


# The stage, beside sentence-transformers' function


def vectors(texts: Sequence[str]) -> np.ndarray:
    """Embeddings of made-up texts, whose last word is their number."""
    from rosberta.embedding.embedder import unit

    drawn = [np.random.default_rng(int(text.rsplit(" ", 1)[-1])).standard_normal(WIDTH, np.float32) for text in texts]
    return unit(np.stack(drawn)) if drawn else np.zeros((0, WIDTH), np.float32)


def text(number: int) -> str:
    """A made-up text of the length of a passage."""
    chance = random.Random(number)
    return " ".join(str(chance.randrange(10**6)) for _ in range(60)) + f" {number}"


class Model:
    """Stands for a model on either side: embeddings cost next to nothing."""

    dimension = WIDTH
    similarity_fn_name = "cosine"
    prompts: ClassVar[dict[str, str]] = {}
    model_card_data = None
    device = "cpu"

    @classmethod
    def load(cls, *_: Any, **__: Any) -> Model:
        return cls()

    def embed(self, texts: Sequence[str], *_: Any, **__: Any) -> np.ndarray:
        return vectors(texts)

    def encode_query(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        return vectors(list(texts))

    encode_document = encode = encode_query

    def get_embedding_dimension(self) -> int:
        return WIDTH

    def similarity_pairwise(self, first: Any, second: Any) -> Any:
        from sentence_transformers.util import pairwise_cos_sim

        return pairwise_cos_sim(first, second)

    def similarity(self, first: Any, second: Any) -> Any:
        from sentence_transformers.util import cos_sim

        return cos_sim(first, second)


def ours(asked: argparse.Namespace) -> None:
    """The stage as it is, from a file of rows to a file of mined rows, a positive each and further documents beside."""
    from types import SimpleNamespace

    import rosberta.embedding.embedder as embedding
    from rosberta.experiment.corpus import Mine
    from rosberta.frame.artifacts import DEDUPLICATED
    from rosberta.frame.rows import ROW, Writer
    from rosberta.mining import teacher
    from rosberta.stages import mine

    embedding.Embedder = Model  # type: ignore[assignment, misc]
    teacher.fetch = lambda *_: Path()  # type: ignore[assignment]
    settings = Mine(teacher="t", threads=asked.threads, cache_gb=0)
    kind = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "basic_russian"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        DEDUPLICATED.mkdir(parents=True)
        writer = Writer(DEDUPLICATED / "s.parquet", ROW)
        # A row's further documents are given negatives; so many of them that it lacks some all the same.
        beside = asked.documents // asked.anchors - 1
        assert beside < settings.negatives
        for row in range(asked.anchors):
            given = [text(asked.anchors * (2 + place) + row) for place in range(beside)]
            texts = {"anchor": text(row), "positive": text(asked.anchors + row), "negatives": given, "positives": []}
            writer.write([{**texts, **kind, "id": f"s:{row}"}])
        writer.close({})
        start = begin()
        experiment: Any = SimpleNamespace(mine=settings, minings_of=lambda _: {})
        mine.run(experiment, "s")
        tell("ours", asked, time.perf_counter() - start)
        os.chdir("/")


def library(asked: argparse.Namespace, *, faiss: bool = False) -> None:
    """`mine_hard_negatives` on the same texts, of which it holds all in memory, as it must."""
    import torch
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    torch.set_num_threads(asked.threads)
    anchors = [text(row) for row in range(asked.anchors)]
    documents = [text(number) for number in range(asked.anchors, asked.anchors + asked.documents)]
    rows = Dataset.from_dict({"anchor": anchors, "positive": documents[: asked.anchors]})
    random.seed(0)
    start = begin()
    model: Any = Model()
    found = mine_hard_negatives(
        rows, model, corpus=documents, range_min=20, range_max=RANKS, num_negatives=7, sampling_strategy="random",
        output_format="n-tuple", use_faiss=faiss, faiss_batch_size=1024, verbose=False,
    )  # fmt: skip
    assert len(found) == asked.anchors
    tell("library_faiss" if faiss else "library", asked, time.perf_counter() - start)


WAYS: dict[str, Any] = {
    "bare": lambda asked: search(asked, bare=True),
    "search": search,
    "ours": ours,
    "library": library,
    "library_faiss": lambda asked: library(asked, faiss=True),
}

if __name__ == "__main__":
    main()
