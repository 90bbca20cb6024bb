"""Speed and memory of mining, on made-up embeddings.

    python benchmarks/mine/mine.py search --anchors 20000 --documents 200000    # exact top 100, beside the bare work
    python benchmarks/mine/mine.py beside --anchors 50000 --documents 200000    # beside mine_hard_negatives
    python benchmarks/mine/mine.py check                                        # ranks and windows beside brute force
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
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

WIDTH = 384
"""Numbers of an embedding, as multilingual-e5-small has them."""
RANKS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("search", "beside", "check", "gpu", "one"))
    parser.add_argument("--anchors", type=int, default=50_000)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--way", choices=tuple(WAYS), default="ours")
    parser.add_argument(
        "--folder", type=Path, help="where made-up embeddings are kept from one measurement to the next"
    )
    asked = parser.parse_args()
    if asked.what == "one":
        WAYS[asked.way](asked)
    elif asked.what == "check":
        check(asked)
    elif asked.what == "search":
        measure("bare", asked)
        measure("search", asked)
    elif asked.what == "beside":
        for way in ("ours", "library", "library_faiss"):
            measure(way, asked)
    else:
        with tempfile.TemporaryDirectory() as folder:
            asked.folder = asked.folder or Path(folder)
            measure("check", asked)
            for dtype, documents in (("fp16", 1_000_000), ("fp16", 10_000_000), ("fp32", 1_000_000)):
                asked.dtype, asked.anchors, asked.documents = dtype, 1_000_000, documents
                measure("search", asked)
                # The bare work of more documents is more of the same.
                asked.anchors, asked.documents = 100_000, 1_000_000
                measure("bare", asked)


def measure(way: str, asked: argparse.Namespace) -> None:
    """Run one way in a process of its own."""
    sizes = [f"--{name}={getattr(asked, name)}" for name in ("anchors", "documents", "threads", "dtype")]
    sizes += [f"--folder={asked.folder}"] if asked.folder else []
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
    """A matrix of random embeddings in a file, made on a GPU where there is one, unless it is there."""
    import torch
    from rosberta.embedding.matrix import Matrix

    device = "cuda" if torch.cuda.is_available() else "cpu"
    chance = torch.Generator(device).manual_seed(rows)
    if not path.exists():
        with path.open("wb") as file:
            for start in range(0, rows, 100_000):
                some = torch.randn(min(100_000, rows - start), WIDTH, generator=chance, device=device)
                file.write(torch.nn.functional.normalize(some).cpu().numpy().data)
    return Matrix(path, rows, WIDTH)


def search(asked: argparse.Namespace, *, bare: bool = False) -> None:
    """Exact top 100 with what is related removed, as the stage does it; or nothing but blocked products and `topk`."""
    import torch
    from rosberta.experiment.corpus import Mine
    from rosberta.mining.teacher import Embedded, window

    settings = Mine(teacher="t", threads=asked.threads, search=asked.dtype)
    with tempfile.TemporaryDirectory() as folder:
        at = asked.folder or Path(folder)
        documents = made(asked.documents, at / f"{asked.documents}.f32")
        anchors = made(asked.anchors, at / f"{asked.anchors}-asked.f32")
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if bare:
            seconds, more = _bare(anchors, documents, asked)
        else:
            start, more = begin(), {}
            pool: Any = Related(asked.anchors, asked.documents)
            found = window(settings, pool, Embedded(anchors, documents), np.arange(asked.anchors))
            seconds = time.perf_counter() - start
            assert found.shape == (asked.anchors, RANKS - settings.first_rank)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    if torch.cuda.is_available():
        more["gpu_gb_peak"] = round(torch.cuda.max_memory_allocated() / 1e9, 1)
    rate = asked.anchors / seconds * asked.documents / 1e6
    more |= {"dtype": asked.dtype, "device": device, "per_second_and_million": int(rate)}
    tell("bare" if bare else "search", asked, seconds, **more)


def check(_: argparse.Namespace) -> None:
    """Ranks on the GPU are those of brute force, with many ties, of more blocks than one and with pairs taken out.

    So are windows, whose anchors are searched in several ranges, larger ones in the last block of documents.
    """
    import torch
    from rosberta.embedding import ranks
    from rosberta.embedding.matrix import Matrix
    from rosberta.embedding.ranks import streamed
    from rosberta.experiment.corpus import Mine
    from rosberta.mining.teacher import Embedded, window

    chance = np.random.default_rng(0)
    queries, documents = (chance.integers(-3, 4, (rows, 8)).astype(np.float32) for rows in (500, 300_001))
    scores = queries @ documents.T
    scores[np.arange(500), np.arange(500)] = -np.inf
    expected = (-scores).argsort(axis=1, kind="stable")[:, :RANKS]

    def removed(first: int, last: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        own = np.arange(max(first, low), min(last, high))
        return own - first, own - low

    for dtype in (torch.float32, torch.float16):
        assert np.array_equal(streamed(queries, [documents], RANKS, removed=removed, dtype=dtype)[1], expected)
    pool: Any = Related(500, 300_001)
    places, others = pool.related(np.arange(500))
    scores[places, others] = -np.inf
    expected = (-scores).argsort(axis=1, kind="stable")[:, :RANKS]
    before, ranks.SCORES = ranks.SCORES, 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for name, each in (("asked", queries), ("told", documents)):
            each.tofile(Path(folder) / name)
        sides = [Matrix(Path(folder) / name, len(each), 8) for name, each in (("asked", queries), ("told", documents))]
        embedded = Embedded(*sides)
        for kind in ("fp32", "fp16"):
            settings = Mine(teacher="t", first_rank=0, last_rank=RANKS, search=kind)
            assert np.array_equal(window(settings, pool, embedded, np.arange(500)), expected)
    ranks.SCORES = before


class Related:
    """A pool in which every anchor has a positive and another anchor's as well."""

    def __init__(self, anchors: int, documents: int) -> None:
        self.anchors, self.documents = range(anchors), range(documents)

    def related(self, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = np.stack([anchors, anchors + 1], axis=1) % len(self.documents)
        return np.repeat(np.arange(len(anchors)), 2), np.sort(both, axis=1).ravel()


def _bare(anchors: Any, documents: Any, asked: argparse.Namespace) -> tuple[float, dict[str, Any]]:
    """Products of blocks, and the best of each block; the fastest size of them. On a GPU all lies there beforehand."""
    import torch
    from rosberta.embedding.ranks import DOCUMENTS, SCORES
    from rosberta.mining.teacher import ON_CPU

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(asked.threads)
    dtype = torch.float16 if asked.dtype == "fp16" and device == "cuda" else torch.float32
    queries = torch.from_numpy(anchors.read(0, len(anchors))).to(device, dtype)
    blocks = [torch.from_numpy(each).to(device, dtype) for each in documents.blocks(DOCUMENTS)]
    took = {}
    for size, scores in (
        ((DOCUMENTS, SCORES), (DOCUMENTS, 8 * SCORES)) if device == "cuda" else ((ON_CPU, SCORES // 16),)
    ):
        for attempt in range(2 if device == "cuda" else 1):
            start = begin()
            for block in (part for whole in blocks for part in whole.split(size)):
                for part in queries.split(max(1, scores // len(block))):
                    (part @ block.T).topk(min(RANKS, len(block)), dim=1)
            if device == "cuda":
                torch.cuda.synchronize()
            took[f"{scores} scores, attempt {attempt}"] = round(time.perf_counter() - start, 2)
    return min(took.values()), {"tried": took}


# The stage, beside sentence-transformers' function


def vectors(texts: Sequence[str]) -> np.ndarray:
    """Embeddings of made-up texts, whose last word is their number: of three parts, each shared with a few others."""
    from rosberta.embedding.embedder import unit

    numbers = np.array([int(text.rsplit(" ", 1)[-1]) for text in texts], np.uint64)
    drawn = np.zeros((len(texts), WIDTH), np.float32)
    for part, factor in zip(parts(), (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9), strict=True):
        drawn += part[(numbers * np.uint64(factor)) >> np.uint64(52)]
    return unit(drawn)


@cache
def parts() -> np.ndarray:
    """Random numbers, (3, 4096, numbers of an embedding)."""
    return np.random.default_rng(0).standard_normal((3, 4096, WIDTH), np.float32)


def text(number: int) -> str:
    """A made-up text of the length of a passage."""
    return f"{random.Random(number).randbytes(180).hex(' ', 3)} {number}"


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


def write_rows(path: Path, anchors: int, documents: int) -> None:
    """Rows whose further documents are given negatives; so few of them that all rows lack some."""
    from rosberta.frame.rows import ROW, Writer

    kind = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "basic_russian"}
    path.parent.mkdir(parents=True)
    writer = Writer(path, ROW)
    for row in range(anchors):
        given = [text(number) for number in range(2 * anchors + row, anchors + documents, anchors)]
        texts = {"anchor": text(row), "positive": text(anchors + row), "negatives": given, "positives": []}
        writer.write([{**texts, **kind, "id": f"s:{row}"}])
    writer.close({})


def ours(asked: argparse.Namespace) -> None:
    """The stage as it is, from a file of rows to a file of mined rows, a positive each and further documents beside."""
    from multiprocessing import get_context
    from types import SimpleNamespace

    import rosberta.embedding.embedder as embedding
    import torch  # noqa: F401  as the library has it imported before it begins
    from rosberta.experiment.corpus import Mine
    from rosberta.frame.artifacts import DEDUPLICATED
    from rosberta.mining import teacher
    from rosberta.stages import mine

    embedding.Embedder = Model  # type: ignore[assignment, misc]
    teacher.fetch = lambda *_: Path()  # type: ignore[assignment]
    settings = Mine(teacher="t", threads=asked.threads, cache_gb=0)
    assert asked.documents < asked.anchors * settings.negatives
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        # In a process of its own, for the peak of this one is to be that of mining.
        making = get_context("spawn").Process(
            target=write_rows, args=(DEDUPLICATED / "s.parquet", asked.anchors, asked.documents)
        )
        making.start()
        making.join()
        parts()
        start = begin()
        experiment: Any = SimpleNamespace(mine=settings, minings_of=lambda _: {}, drawn_from=lambda _: {})
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
    parts()
    start = begin()
    model: Any = Model()
    found = mine_hard_negatives(
        rows, model, corpus=documents, range_min=20, range_max=RANKS, num_negatives=7, sampling_strategy="random",
        output_format="n-tuple", use_faiss=faiss, faiss_batch_size=1024, verbose=False,
    )  # fmt: skip
    assert len(found) == asked.anchors
    tell("library_faiss" if faiss else "library", asked, time.perf_counter() - start)


WAYS: dict[str, Any] = {
    "check": check,
    "bare": lambda asked: search(asked, bare=True),
    "search": search,
    "ours": ours,
    "library": library,
    "library_faiss": lambda asked: library(asked, faiss=True),
}

if __name__ == "__main__":
    main()
