"""Memory and time before the first step of a contrastive training, at the paper's size, on texts that are made up.

    python benchmarks/train/scale.py --rows 500000 --sources 54 --all 3800000

First the largest source: a mined file of so many rows of nine texts is written, read, and its texts numbered, as before
they are cut into tokens. Then the schedule of so many sources of all rows together, and its first step. Each in a
process of its own; prints its seconds, and the most memory that it held.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rosberta.frame.rows import ROW
from rosberta.training import contrastive
from rosberta.training.schedule import schedule, texts_of

NEGATIVES, CHARACTERS, GROUP = 7, 400, 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="of the largest source")
    parser.add_argument("--sources", type=int, default=54)
    parser.add_argument("--all", type=int, default=3_800_000, help="rows of all sources")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mined.parquet")
        for name, work, arguments in (
            ("write", write, (path, asked.rows)),
            ("read and number", read, (path,)),
            ("schedule", drawn, (asked.sources, asked.all)),
        ):
            process = multiprocessing.get_context("spawn").Process(target=clocked, args=(name, work, arguments))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


def clocked(name: str, work: object, arguments: tuple[object, ...]) -> None:
    start = time.perf_counter()
    told = work(*arguments)  # type: ignore[operator]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name}: {time.perf_counter() - start:.0f} s, {memory:.2f} GiB at most; {told}", flush=True)


def write(path: Path, rows: int) -> str:
    """Rows whose positives are all different, and whose negatives are other rows' positives."""
    chance = np.random.default_rng(0)
    words = np.array(
        ["".join(map(chr, chance.integers(0x430, 0x450, size))) for size in chance.integers(3, 10, 20_000)]
    )

    def text(number: int) -> str:
        own = np.random.default_rng(number)
        return f"{number} {' '.join(words[own.integers(0, len(words), CHARACTERS // 7)])}"

    with pq.ParquetWriter(path, ROW, compression="zstd") as file:
        for first in range(0, rows, GROUP):
            numbers = range(first, min(first + GROUP, rows))
            answers = [text(number) for number in numbers]
            others = [
                [answers[place] for place in each] for each in chance.integers(0, len(answers), (len(answers), 7))
            ]
            columns = {
                "anchor": [f"вопрос {number}" for number in numbers], "positive": answers, "negatives": others,
                "id": [str(number) for number in numbers],
            }  # fmt: skip
            same = {name: [name] * len(answers) for name in ROW.names if name not in columns}
            table = {name: (columns | same)[name] for name in ROW.names}
            if "positives" in table:
                table["positives"] = [[]] * len(answers)
            file.write_table(pa.table(table, ROW))
    return f"{path.stat().st_size / 2**30:.2f} GiB"


def read(path: Path) -> str:
    (anchors, documents), arrays = contrastive._read(path, NEGATIVES)
    return f"{len(anchors):,} anchors, {len(documents):,} documents, {len(arrays['rows']):,} rows"


def drawn(sources: int, everything: int) -> str:
    chance = np.random.default_rng(0)
    texts = {}
    for number in range(sources):
        rows = everything // sources
        negatives = chance.integers(rows, 2 * rows, (rows, NEGATIVES))
        forms = np.concatenate([np.stack([np.arange(rows), np.arange(rows) + rows], axis=1), negatives], axis=1)
        texts[f"source {number}"] = texts_of(forms)
    found = schedule(texts, batch_size=128, devices=8, seed=0)
    first = found.step(0)
    return f"{found.steps:,} steps of {sum(len(rows) for _, _, rows in first):,} rows"


if __name__ == "__main__":
    main()
