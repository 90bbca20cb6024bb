"""What the index of test texts costs with many documents that no query asks for, held out or not.

python benchmarks/clean/index.py --documents 200000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from clean import TEXT_WORDS, Language, timed

DOCUMENT_WORDS = 60
"""Words of a document, on average; passages of MIRACL have about as many."""
PART = 20_000


def make(number: int) -> None:
    """Write test texts and documents as the stage `benchmark` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from rosberta.frame.artifacts import BENCHMARK, DOCUMENTS

    (BENCHMARK / "Made").mkdir(parents=True)
    DOCUMENTS.mkdir()
    language = Language(1)
    pq.write_table(pa.table({"text": language.texts(PART, 10)}), BENCHMARK / "Made/texts.parquet")
    with pq.ParquetWriter(DOCUMENTS / "Made.parquet", pa.schema({"text": pa.string(), "titled": pa.string()})) as file:
        for start in range(0, number, PART):
            texts = language.texts(min(PART, number - start), DOCUMENT_WORDS)
            file.write_table(pa.table({"text": texts, "titled": pa.nulls(len(texts), pa.string())}))


def index(settings: Any) -> None:
    """The stage."""
    from rosberta.stages import index as stage

    with timed("index", distractors=settings.overlap.distractors):
        stage.run(SimpleNamespace(clean=settings, held_out=lambda: ["Made"]))


def search(settings: Any) -> None:
    """A search for training texts."""
    from rosberta.corpus.overlap import Benchmark
    from rosberta.frame.artifacts import INDEX
    from rosberta.texts.normalisation import normal

    texts = [normal(text) for text in Language(2).texts(20_000, TEXT_WORDS)]
    with timed("search", texts=len(texts), distractors=settings.overlap.distractors):
        Benchmark(INDEX, settings.overlap).find(texts)


def main() -> None:
    from rosberta.experiment.corpus import Clean, Overlap

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200_000)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        make(asked.documents)
        for distractors in (False, True):
            # A process each, since a peak is that of all before it.
            for what in (index, search):
                process = get_context("spawn").Process(
                    target=what, args=(Clean(overlap=Overlap(distractors=distractors)),)
                )
                process.start()
                process.join()
            size = sum(path.stat().st_size for path in Path("data/index").rglob("*") if path.is_file())
            sys.stdout.write(json.dumps({"distractors": distractors, "gb_on_disk": round(size / 1e9, 2)}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
