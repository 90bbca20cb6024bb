"""Memory and time of exact search over corpora of growing size: `Evaluated.search` on made-up embeddings.

    python benchmarks/evaluate/search.py --documents 1000000

Peak memory is that of the process, in a process of its own for each size.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, QUERIES, WANTED = 1024, 1000, 1000


class Made:
    """Embeds texts to made-up vectors, a seed for each call."""

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, texts: list[str], prompt: str) -> np.ndarray:
        del prompt
        self.calls += 1
        return np.random.default_rng(self.calls).standard_normal((len(texts), WIDTH), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    number = parser.parse_args().documents
    import mteb
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset
    from rosberta.evaluation.mteb_model import Evaluated

    made: Any = Made()
    evaluated = Evaluated(made, {}, mteb.models.ModelMeta.create_empty())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        schema = pa.schema([("id", pa.string()), ("text", pa.string())])
        with pq.ParquetWriter(path, schema) as file:
            for start in range(0, number, 100_000):
                ids = [str(i) for i in range(start, min(start + 100_000, number))]
                file.write_table(pa.table({"id": ids, "text": [f"текст {id} " * 20 for id in ids]}, schema))
        corpus = Dataset.from_parquet(str(path), cache_dir=folder)
        queries = Dataset.from_dict({"id": [str(i) for i in range(QUERIES)], "text": ["вопрос"] * QUERIES})
        metadata = mteb.get_task("RuBQRetrieval").metadata
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        start = time.perf_counter()
        evaluated.index(corpus)
        found = evaluated.search(queries, task_metadata=metadata, top_k=WANTED)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    assert all(len(each) == min(WANTED, number) for each in found.values())
    facts = {
        "documents": number,
        "seconds": round(seconds, 1),
        "gb_before": round(before, 2),
        "gb_peak": round(peak, 2),
    }
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
