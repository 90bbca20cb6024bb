"""The stages `collect`, `index`, `clean` and `deduplicate` on generated pairs, each in a process of its own.

    python benchmarks/clean/stages.py --rows 1000000

For each: wall-clock and processor seconds, and the peak of its memory. Words are made up as in `clean.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from clean import TEXT_WORDS, Language


def apart(what: str, work: Callable[[], object], **facts: object) -> None:
    """Do some work in a process of its own; print its wall-clock and processor seconds, and its peak of memory."""
    start = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{what} failed")
    line = {
        "what": what,
        **facts,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gb": round(usage.ru_maxrss / 1e6, 2),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def made(rows: int, raw: Path) -> None:
    """Write generated pairs, and the texts of a task.

    Of 100 rows 2 are copies of another, 2 nearly so, 20 have several lines, and 30 an anchor that others have, too: in
    crowds of 30 to 30,000, in each of which near twins stand.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from rosberta.frame.artifacts import BENCHMARK, DOCUMENTS

    raw.mkdir()
    language = Language(1)
    part = 100_000
    for start in range(0, rows, part):
        number = min(part, rows - start)
        anchors, positives = language.texts(number, 10), language.texts(number, TEXT_WORDS)
        anchors[1::50], positives[1::50] = anchors[0::50], positives[0::50]
        anchors[2::50], positives[2::50] = ([f"{text} и ещё" for text in side[0::50]] for side in (anchors, positives))
        for place in range(5, number, 10):
            # Three of ten; each tenth of the parts has larger crowds.
            size = 100 * 10 ** (start // part % 4)
            for crowded in range(place, min(place + 3, number)):
                anchors[crowded] = (
                    f"{language.words[(start + crowded) // size]} вопрос толпы об одном и том же предмете"
                )
        positives[6::100] = [f"{text} и ещё" for text in positives[5::100]][: len(positives[6::100])]
        positives[::5] = [text.replace(" ", "\n", 3) for text in positives[::5]]
        table = pa.table({"anchor": anchors, "positive": positives})
        pq.write_table(table, raw / f"train-{start // part:04}.parquet")
    texts = pa.table({"split": ["test"] * 20_000, "role": ["sentence"] * 20_000, "text": Language(2).texts(20_000, 20)})
    (BENCHMARK / "TERRa").mkdir(parents=True)
    pq.write_table(texts, BENCHMARK / "TERRa/texts.parquet")
    DOCUMENTS.mkdir()


def stages(rows: int) -> None:
    """The stages on one source of generated pairs (`made`), all of which its cap has room for."""
    from rosberta.commands import preset
    from rosberta.doors import parameters
    from rosberta.frame.artifacts import CLEANED, COLLECTED, DEDUPLICATED
    from rosberta.frame.rows import read_counts
    from rosberta.stages import clean, collect, deduplicate
    from rosberta.stages import index as indexed_texts

    with TemporaryDirectory() as folder:
        os.chdir(folder)
        raw = Path("raw")
        apart("generate", lambda: made(rows, raw), rows=rows)
        data = parameters.read(preset.PRESETS / "tiny.yaml")
        data["benchmark"]["tasks"] = {"TERRa": data["benchmark"]["tasks"]["TERRa"]}
        source = {**data["collect"]["sources"]["sberquad"], "adapter": "pairs", "files": "train-*", "cap": rows}
        data["collect"]["sources"] = {"made": source}
        data["mixtures"] = {"full": {"groups": ["basic_russian"]}}
        data["runs"], data["models"] = {}, {}
        experiment = parameters.check(data)
        collect.fetch = clean.fetch = lambda *_: raw
        collect.manifest = lambda *_: {"files": [{"path": path.name} for path in raw.iterdir()]}
        # Words for tokens: no model lies here.
        clean.tokenizer_of = lambda _: None
        clean.overlong = lambda texts, _, limit: {text for text in texts if len(text.split()) > limit}
        apart("collect", lambda: collect.run(experiment, "made"), rows=rows)
        apart("index", lambda: indexed_texts.run(experiment), rows=rows)
        apart("clean", lambda: clean.run(experiment, "made"), rows=rows)
        apart("deduplicate", lambda: deduplicate.run(experiment), rows=rows)
        counts = [read_counts(where / "made.parquet") for where in (COLLECTED, CLEANED, DEDUPLICATED)]
        sys.stdout.write(json.dumps([{"kept": each["kept"], "dropped": each["dropped"]} for each in counts]) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    stages(parser.parse_args().rows)
