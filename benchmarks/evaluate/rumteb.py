"""A whole evaluation, mteb alone and through the project, on a made-up benchmark with the lengths of MTEB(rus, v1.1).

    python benchmarks/evaluate/rumteb.py --share 0.03      # on a GPU: a model of ru-en-RoSBERTa's size
    python benchmarks/evaluate/rumteb.py --share 1 --ours  # nothing carried over, and mteb alone left out
    python benchmarks/evaluate/rumteb.py --share 0.01      # on a CPU: a model of two layers

Texts have their true mean length, tasks their true number of labels. Search has `share` of its queries and documents,
and what it took is carried over to all of them; everything else has its true size. Weights are random, so scores mean
nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from encode import Texts, write_model

LABELS = {
    "GeoreviewClassification": 5, "HeadlineClassification": 6, "InappropriatenessClassification": 2,
    "KinopoiskClassification": 3, "MassiveIntentClassification": 59, "MassiveScenarioClassification": 18,
    "RuReviewsClassification": 3, "RuSciBenchGRNTIClassification": 28, "RuSciBenchOECDClassification": 29,
    "GeoreviewClusteringP2P": 50, "RuSciBenchGRNTIClusteringP2P": 28, "RuSciBenchOECDClusteringP2P": 29,
    "CEDRClassification": 6, "SensitiveTopicsClassification": 19,
}  # fmt: skip
SAME_TEXTS = {
    "RuSciBenchGRNTIClusteringP2P": "RuSciBenchGRNTIClassification",
    "RuSciBenchOECDClusteringP2P": "RuSciBenchOECDClassification",
    "MassiveScenarioClassification": "MassiveIntentClassification",
    "RuBQReranking": "RuBQRetrieval",
}
"""Tasks that ask other things of the texts of another."""

SCALED = ("Retrieval", "Reranking")
"""Categories of which a share is measured."""

WAITED = "(waited for)"
"""In place of a category: the time that nothing was done but to wait for other processes."""

OPTIONS: Any = {"show_progress_bar": False, "batch_size": 32}
"""Of encoding; the batch is mteb's default."""

CHARACTERS = 6.5
"""Of a word and its blank."""


class Made:
    """The made-up benchmark, laid out as the stage `benchmark` does it."""

    def __init__(self, folder: Path, share: float) -> None:
        from rosberta import published
        from rosberta.evaluation import layout
        from rosberta.experiment.benchmark import Task
        from rosberta.outside import pins

        self.folder, self.source, self.pool = folder, Texts(60_000), dict[str, list[str]]()
        self.entries: dict[str, Task] = {}
        self.texts: dict[str, int] = defaultdict(int)
        for task in published.tasks("v1.1"):
            raw = folder / "raw" / task.name
            raw.mkdir(parents=True)
            number = int((share if task.category in SCALED else 1) * task.mteb_evaluated)
            files = self.write(task, raw, number, int(share * (task.mteb_documents or 0)))
            self.entries[task.name] = Task(
                dataset=task.name, category=task.category, files={role: f"{role}.parquet" for role in files}
            )
        pins.fetch = lambda _, id: folder / "raw" / id  # type: ignore[assignment]
        pins.manifest = lambda _, id: {"files": [{"path": path.name} for path in (folder / "raw" / id).iterdir()]}
        (folder / "corpora").mkdir()
        for name, entry in self.entries.items():
            layout.lay_out(f"made-{name}", entry, folder / "laid" / name, folder / "corpora")

    def of(self, name: str, number: int, characters: float) -> list[str]:
        """Texts whose lengths scatter about a mean, or those of the task that has the same."""
        task, role = name.split("/")
        key = f"{SAME_TEXTS.get(task, task)}/{role}"
        have = self.pool.setdefault(key, [])
        if len(have) < number:
            mean = characters / CHARACTERS
            lengths = 1 + self.source.numbers.gamma(2.0, max(mean - 1, 0.5) / 2, number - len(have)).astype(int)
            have += self.source.of(lengths)
        return have[:number]

    def write(self, task: Any, raw: Path, number: int, documents: int) -> list[str]:
        draws = np.random.default_rng(0)

        def table(role: str, **columns: Any) -> str:
            pq.write_table(pa.table(columns), raw / f"{role}.parquet")
            return role

        if task.category in SCALED:
            corpus = self.of(f"{task.name}/corpus", documents, task.document_characters)
            asked = self.of(f"{task.name}/queries", number, task.characters)
            self.texts[task.category] += len(corpus) + len(asked)
            ids, queries = [f"d{i}" for i in range(documents)], [f"q{i}" for i in range(number)]
            right = draws.integers(documents, size=number)
            roles = [
                table("corpus", id=ids, text=corpus),
                table("queries", id=queries, text=asked),
                table("qrels", **{"query-id": queries, "corpus-id": [ids[i] for i in right], "score": [1] * number}),
            ]
            if task.category == "Reranking":
                lists = [
                    [ids[i], *(ids[j] for j in draws.choice(documents, 99, replace=False) if j != i)] for i in right
                ]
                roles.append(table("top_ranked", **{"query-id": queries, "corpus-ids": lists}))
            return roles
        self.texts[task.category] += number * (2 if task.category in ("STS", "PairClassification") else 1)
        if task.category in ("STS", "PairClassification"):
            both = self.of(f"{task.name}/test", 2 * number, task.characters / (2 if task.category == "STS" else 1))
            gold = (
                {"score": draws.random(number)} if task.category == "STS" else {"label": draws.integers(2, size=number)}
            )
            return [table("test", sentence1=both[:number], sentence2=both[number:], **gold)]
        labels = LABELS[task.name]
        roles = []
        for role, rows in (("train", 100 * labels), ("test", number)):
            if role == "train" and task.category == "Clustering":
                continue
            label: Any = np.arange(rows) % labels
            if task.category == "MultilabelClassification":
                label = [[int(each)] for each in label]
            roles.append(table(role, text=self.of(f"{task.name}/{role}", rows, task.characters), label=label))
        return roles

    def task(self, name: str) -> Any:
        from rosberta.evaluation.tasks import load_task

        return load_task(f"made-{name}", self.entries[name], self.folder / "laid" / name)


class Timer:
    """Adds up the time that a method takes."""

    def __init__(self, holder: Any, name: str) -> None:
        self.seconds, method = 0.0, getattr(holder, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = method(*arguments, **options)
            self.seconds += time.perf_counter() - start
            return result

        setattr(holder, name, timed)


def run(made: Made, model: Any, timer: Timer, *, ours: bool) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Evaluate on all tasks: by category seconds of embedding and of the rest, and each task's score.

    Ours leaves the ends of tasks to other processes where the stage `evaluate` does; what of them is waited
    for is a category of its own. Data is loaded before the clock runs.
    """
    import mteb
    from rosberta.evaluation.aside import Aside, aside_of
    from rosberta.evaluation.example_scores import Listener
    from rosberta.evaluation.libraries import fresh_cache, one_thread_a_fit, whole_columns

    seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    with fresh_cache():
        tasks = {name: made.task(name) for name in made.entries}
        for task in tasks.values():
            task.load_data()
        begun = time.perf_counter()
        with aside_of(model.embedder) if ours else Aside(0) as aside:
            waiting = Timer(aside, "_end")
            for name, task in tasks.items():
                before, waited, start = timer.seconds, waiting.seconds, time.perf_counter()
                with aside.task(name), ExitStack() as stack:
                    if ours:
                        stack.enter_context(whole_columns())
                        stack.enter_context(one_thread_a_fit())
                        stack.enter_context(Listener(task, model, aside.leave).fits())
                    result = mteb.evaluate(
                        model, task, cache=None, co2_tracker=False, encode_kwargs=OPTIONS, show_progress_bar=False
                    )[0]
                    (made.folder / f"{name}.score").write_text(str(100 * result.get_score()))
                waited = waiting.seconds - waited
                whole, embedding = time.perf_counter() - start - waited, timer.seconds - before
                category = made.entries[name].category
                assert category
                seconds[category][0] += embedding
                seconds[category][1] += whole - embedding
                sys.stderr.write(f"{name}: {embedding:.1f} + {whole - embedding:.1f} s\n")
        # The last of them end behind the last task.
        seconds[WAITED][1] = time.perf_counter() - begun - sum(map(sum, seconds.values()))
    return seconds, {name: float((made.folder / f"{name}.score").read_text()) for name in tasks}


def compared(
    made: Made, model: Any, share: float, precision: str, batch_tokens: int, cache: Path | None, *, only_ours: bool
) -> None:
    from mteb.models import SentenceTransformerEncoderWrapper
    from rosberta.embedding.cache import EmbeddingCache
    from rosberta.embedding.embedder import Embedder
    from rosberta.evaluation.mteb_model import Evaluated, meta_of
    from rosberta.evaluation.prompts import model_prompts

    prompts = model_prompts("rosberta", {f"made-{name}": entry for name, entry in made.entries.items()})
    meta = meta_of(model, "made/model", "0", prompts, 512)

    def ours() -> tuple[Any, Timer]:
        embedder = Embedder(
            model, revision="0", precision=precision, batch_tokens=batch_tokens,  # type: ignore[arg-type]
            cache=EmbeddingCache(cache, 10**11) if cache else None,
        )  # fmt: skip
        embedder.embed(["warm up " * 30] * 64)
        return Evaluated(embedder, prompts, meta), Timer(embedder, "embed")

    def stock() -> tuple[Any, Timer]:
        wrapper = SentenceTransformerEncoderWrapper(model)
        wrapper.model_prompts, wrapper.mteb_model_meta = prompts, meta
        model.encode(["warm up " * 30] * 64)
        return wrapper, Timer(wrapper, "encode")

    makers: dict[str, Callable[[], tuple[Any, Timer]]] = {"ours": ours}
    if not only_ours:
        makers["mteb alone"] = stock
    if cache:
        makers["ours again"] = ours
    measured = {}
    for name, maker in makers.items():
        sys.stderr.write(f"--- {name}\n")
        evaluated, timer = maker()
        measured[name] = run(made, evaluated, timer, ours=name != "mteb alone")
    columns = sorted(makers, key=lambda name: name != "mteb alone")
    print(
        "| category | texts | "
        + " | ".join(f"{name}: embed + rest, s | whole v1.1, min" for name in columns)
        + (" |" if only_ours else " | times as fast |")
    )
    print("|" + "---|" * (2 + 2 * len(columns) + (not only_ours)))
    totals = {name: [0.0, 0.0, 0.0] for name in columns}
    for category, texts in [*made.texts.items(), (WAITED, 0)]:
        cells, wholes = [], {}
        for name in columns:
            embedding, rest = measured[name][0][category]
            wholes[name] = (embedding + rest) / (share if category in SCALED else 1) / 60
            cells.append(f"{embedding:.1f} + {rest:.1f} | {wholes[name]:.2f}")
            totals[name] = [a + b for a, b in zip(totals[name], (embedding, rest, wholes[name]), strict=True)]
        if not only_ours:
            cells.append(f"{wholes['mteb alone'] / max(wholes['ours'], 1e-9):.1f}")
        print(f"| {category} | {texts:,} | " + " | ".join(cells) + " |")
    cells = [f"{embedding:.1f} + {rest:.1f} | {whole:.2f}" for embedding, rest, whole in totals.values()]
    if not only_ours:
        cells.append(f"{totals['mteb alone'][2] / totals['ours'][2]:.1f}")
    print(f"| all | {sum(made.texts.values()):,} | " + " | ".join(cells) + " |")
    if only_ours:
        return
    apart = [abs(measured["ours"][1][name] - score) for name, score in measured["mteb alone"][1].items()]
    print(f"\nscores apart: {np.mean(apart):.4f} on average, {max(apart):.4f} at most (random weights)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--precision", choices=["fp32", "bf16"])
    parser.add_argument("--batch-tokens", type=int)
    parser.add_argument("--cache", action="store_true", help="evaluate once more, with what the first kept")
    parser.add_argument("--ours", action="store_true", help="leave mteb alone out")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    cuda = torch.cuda.is_available()
    if not cuda:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    size = (
        {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096}
        if cuda
        else {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}
    )
    import datasets
    from rosberta.encoder.folder import load_sentence_transformer

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        datasets.config.HF_DATASETS_CACHE = folder / "datasets"
        made = Made(folder, asked.share)
        sample = made.of("RuBQRetrieval/corpus", 300, 449)
        write_model(folder / "model", sample, 40_000 if cuda else 2_000, 98_000 if cuda else 2_000, **size)
        model = load_sentence_transformer(folder / "model", "cls", 512).to("cuda:0" if cuda else "cpu")
        precision = asked.precision or ("bf16" if cuda else "fp32")
        tokens = asked.batch_tokens or (65_536 if cuda else 16_384)
        where = torch.cuda.get_device_name() if cuda else f"{len(os.sched_getaffinity(0))} CPU cores"
        print(f"{asked.share:g} of v1.1 on {where}; ours in {precision}, {tokens} tokens a batch\n")
        cache = folder / "cache" if asked.cache else None
        compared(made, model, asked.share, precision, tokens, cache, only_ours=asked.ours)


if __name__ == "__main__":
    main()
