"""Stage `evaluate`: score a model on every task with mteb, as the leaderboard does, through the encoding room.

``results/scores/<model>/`` holds

- ``<name>/<revision>/``: a JSON a task of ruMTEB and ``model_meta.json``, in the layout that the leaderboard's public
  repository of results takes (mteb's own loaders read it);
- ``own/``: a JSON a task of one's own;
- ``examples/``: scores of single examples, for `rosberta.evidence.comparison`;
- ``summary.json``: every score, what it rests on (digests of data, settings, code and examples; prompt, splits, texts,
  and how many of them were cut), the averages, and facts of the model.

None of them says when, where or how long. A task's files are kept as soon as they exist, and a killed evaluation goes
on behind the last one. Where a GPU embeds, a task's fits run beside the embedding of the next
(`rosberta.evaluation.aside`).
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from rosberta.evaluation.aside import aside_of
from rosberta.evaluation.averages import content, in_words, summarise
from rosberta.evaluation.example_scores import DECIMALS, PREDICTED, Listener, scores_of_examples
from rosberta.evaluation.libraries import fresh_cache, one_thread_a_fit, whole_columns
from rosberta.evaluation.models import applied_prompt, facts_of, instruction_of, load_evaluated, results_folder
from rosberta.evaluation.mteb_model import Evaluated
from rosberta.evaluation.prompts import model_prompts
from rosberta.evaluation.tasks import BENCHMARKS, load_task
from rosberta.frame.artifacts import BENCHMARK, OWN, SCORES, SCRATCH
from rosberta.frame.code import code_of
from rosberta.frame.files import canonical, digest, read_json, whole, write_json
from rosberta.frame.mistakes import Missing
from rosberta.frame.weights import pinned_model

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)

SCORING = ("rosberta.evaluation.example_scores", "rosberta.evaluation.tasks", "rosberta.evaluation.mteb_model")
"""What decides a score of given embeddings: scores under other code of these are of another measure."""


class Scored(NamedTuple):
    """What is found of a task."""

    result: dict[str, Any]
    """In the leaderboard's layout."""
    facts: dict[str, Any]
    """Its score, 0-100, and what it rests on."""
    examples: pa.Table | None
    """Scores of its examples."""


def run(experiment: Experiment, key: str) -> None:
    """Score one model of the experiment on all its tasks.

    Raises:
        Mistake: weights or tasks are missing, or a prompt would not reach the model.
    """
    import datasets
    import torch

    datasets.disable_progress_bars()
    torch.set_num_threads(experiment.evaluate.threads)
    with warnings.catch_warnings():
        # mteb warns of every task that has a newer version, which is the benchmark's matter; scikit-learn of labels
        # that a weak model never predicts.
        warnings.filterwarnings("ignore", module="mteb|sklearn|sentence_transformers")
        logging.getLogger("mteb").setLevel(logging.ERROR)
        _run(experiment, key)


def _run(experiment: Experiment, key: str) -> None:
    model, entries = experiment.models[key], experiment.benchmark.tasks
    tasks = {}
    for name, entry in entries.items():
        folder = BENCHMARK / name
        if not folder.is_dir():
            raise Missing(folder, "benchmark")
        tasks[name] = load_task(name, entry, folder, experiment.evaluate.seed)
    told = {name: instruction_of(task) for name, task in tasks.items()}
    prompts = model_prompts(model.prompts, entries, told, pinned_model(model.weights))
    evaluated = load_evaluated(experiment, key, prompts)
    bare = model.prompts == "mteb"
    applied = {name: applied_prompt(evaluated, task, prompts, bare=bare) for name, task in tasks.items()}
    meta = evaluated.mteb_model_meta.to_dict()
    identity = {
        "code": code_of(__name__),
        "packages": {name: version(name) for name in ("mteb", "scikit-learn", "datasets")},
        "embeddings": evaluated.embedder.identity,
        "meta": meta,
        "model": model.model_dump(),
        "settings": experiment.evaluate.model_dump(),
    }
    code = short({"code": code_of(*SCORING), "packages": identity["packages"]})

    data = {name: digest(BENCHMARK / name) for name in tasks}
    kept = SCRATCH / "evaluate" / key
    with fresh_cache() as another, aside_of(evaluated.embedder) as aside:
        progress = tqdm(tasks.items(), desc=f"evaluate {key}", unit="task")
        for name, task in progress:
            progress.set_postfix_str(name)
            another()
            inputs = canonical(identity | {"task": vars(entries[name]), "data": data[name]})
            if _is_of(kept / name, inputs):
                log.info("%s: %s was scored before, and is kept", key, name)
                continue
            with aside.task(name):
                _keep(_score(evaluated, task, aside.leave), inputs, kept / name)
            task.unload_data()
    scores = {
        name: {
            "category": task.metadata.type,
            **read_json(kept / name / "score.json"),
            "prefix": applied[name],
            "splits": list(task.eval_splits),
            "data": data[name],
            "settings": short({"seed": experiment.evaluate.seed, "task": vars(entries[name])}),
            "code": code,
            "origin": experiment.hub.origin,
        }
        for name, task in tasks.items()
    }
    own = {name for name, entry in entries.items() if entry.category is not None}
    summary = summarise(scores, own, BENCHMARKS) | {"model": facts_of(evaluated, experiment, key)}
    with whole(SCORES / key) as part:
        submitted = part / results_folder(meta["name"], meta["revision"])
        submitted.mkdir(parents=True)
        for name in tasks:
            _copied(kept / name / "result.json", (part / OWN if name in own else submitted) / f"{name}.json")
            if (kept / name / "examples.parquet").is_file():
                _copied(kept / name / "examples.parquet", part / "examples" / f"{name}.parquet")
        write_json(submitted / "model_meta.json", meta)
        write_json(part / "summary.json", summary)
    shutil.rmtree(kept, ignore_errors=True)
    for line in in_words(summary):
        log.info("%s: %s", key, line)


def _copied(origin: Path, target: Path) -> None:
    """Copy a file; a task's name may hold slashes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, target)


def _is_of(place: Path, inputs: str) -> bool:
    """Whether what is kept of a task was computed from these inputs."""
    try:
        return (place / "inputs.json").read_text(encoding="utf-8") == inputs
    except FileNotFoundError:
        return False


def _score(evaluated: Evaluated, task: AbsTask, leave: Callable[[], None]) -> Scored:
    """Score a task; `leave` is called behind the last text that it embeds."""
    import mteb

    # Loaded here, since mteb puts away again what it loads itself.
    task.load_data()
    listener = Listener(task, evaluated, leave)
    before = evaluated.embedder.seen, evaluated.embedder.truncated
    # Of search predictions would be every document found.
    predicted = TemporaryDirectory() if task.metadata.type in PREDICTED else nullcontext()
    with predicted as folder, whole_columns(), one_thread_a_fit(), listener.fits():
        if folder:
            # A task's name may hold slashes, and mteb names its file after it.
            (Path(folder) / task.metadata.name).parent.mkdir(parents=True, exist_ok=True)
        result = mteb.evaluate(
            evaluated,
            task,
            co2_tracker=False,
            encode_kwargs={"show_progress_bar": False},
            cache=None,
            overwrite_strategy="always",
            prediction_folder=folder,
            show_progress_bar=False,
        )[0]
        predictions = next(Path(folder).rglob("*.json"), None) if folder else None
        examples = scores_of_examples(task, listener, predictions)
    score = round(100 * float(result.get_score()), DECIMALS - 2)
    if isnan(score):
        log.warning("%s: its score is not defined for these embeddings (they may all be equal)", task.metadata.name)
    seen, cut = evaluated.embedder.seen - before[0], evaluated.embedder.truncated - before[1]
    facts = {
        "score": None if isnan(score) else score,
        "texts": seen,
        "texts_cut": cut,
        "ids": None if examples is None else short(examples["id"].to_pylist()),
    }
    return Scored(content(result.model_dump()), facts, examples)


def _keep(scored: Scored, inputs: str, place: Path) -> None:
    """Lay down what was found of a task, and what it was computed from."""
    with whole(place) as part:
        part.mkdir()
        write_json(part / "result.json", scored.result)
        write_json(part / "score.json", scored.facts)
        if scored.examples is not None:
            pq.write_table(scored.examples, part / "examples.parquet", compression="zstd")
        (part / "inputs.json").write_text(inputs, encoding="utf-8")


def short(value: Any) -> str:
    """A digest of what can be written as JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
