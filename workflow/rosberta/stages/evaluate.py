"""Stage `evaluate`: score a model on every task with mteb, as the leaderboard does, through the encoding room.

``results/scores/<model>/`` holds

- ``<name>/<revision>/``: a JSON a task of ruMTEB and ``model_meta.json``, in the layout that the leaderboard's public
  repository of results takes (mteb's own loaders read it);
- ``own/``: a JSON a task of one's own;
- ``examples/``: scores of single examples, for `rosberta.evidence.comparison`;
- ``summary.json``: every score, what it rests on (digests of data, settings, code and examples; prompt, splits, texts,
  and how many of them were cut), the averages, and facts of the model.

None of them says when, where or how long. A task's files are kept as soon as they exist, and a killed evaluation goes
on behind the last one.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from importlib.metadata import version
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from tqdm import tqdm

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

    scores: dict[str, dict[str, Any]] = {}
    kept = SCRATCH / "evaluate" / key
    with fresh_cache():
        progress = tqdm(tasks.items(), desc=f"evaluate {key}", unit="task")
        for name, task in progress:
            progress.set_postfix_str(name)
            place = kept / name
            inputs = canonical(identity | {"task": vars(entries[name]), "data": digest(BENCHMARK / name)})
            if _is_of(place, inputs):
                log.info("%s: %s was scored before, and is kept", key, name)
            else:
                with whole(place) as part:
                    part.mkdir()
                    _score(evaluated, task, part)
                    (part / "inputs.json").write_text(inputs, encoding="utf-8")
            scores[name] = {
                "category": task.metadata.type,
                **read_json(place / "score.json"),
                "prefix": applied[name],
                "splits": list(task.eval_splits),
                "data": digest(BENCHMARK / name),
                "settings": short({"seed": experiment.evaluate.seed, "task": vars(entries[name])}),
                "code": code,
                "origin": experiment.hub.origin,
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


def _score(evaluated: Evaluated, task: AbsTask, part: Path) -> None:
    """Score a task, and lay down its result, its score (0-100) and those of its examples."""
    import mteb

    # Loaded here, since mteb puts away again what it loads itself.
    task.load_data()
    listener = Listener(task, evaluated)
    before = evaluated.embedder.seen, evaluated.embedder.truncated
    with TemporaryDirectory() as folder, whole_columns(), one_thread_a_fit(), listener.fits():
        # A task's name may hold slashes, and mteb names its file after it.
        (Path(folder) / task.metadata.name).parent.mkdir(parents=True, exist_ok=True)
        result = mteb.evaluate(
            evaluated,
            task,
            co2_tracker=False,
            encode_kwargs={"show_progress_bar": False},
            cache=None,
            overwrite_strategy="always",
            # Of search this would be every document found.
            prediction_folder=folder if task.metadata.type in PREDICTED else None,
            show_progress_bar=False,
        )[0]
        examples = scores_of_examples(task, listener, next(Path(folder).rglob("*.json"), None))
    task.unload_data()
    write_json(part / "result.json", content(result.model_dump()))
    score = round(100 * float(result.get_score()), DECIMALS - 2)
    if isnan(score):
        log.warning("%s: its score is not defined for these embeddings (they may all be equal)", task.metadata.name)
    seen, cut = evaluated.embedder.seen - before[0], evaluated.embedder.truncated - before[1]
    write_json(
        part / "score.json",
        {
            "score": None if isnan(score) else score,
            "texts": seen,
            "texts_cut": cut,
            "ids": None if examples is None else short(examples["id"].to_pylist()),
        },
    )
    if examples is not None:
        pq.write_table(examples, part / "examples.parquet", compression="zstd")


def short(value: Any) -> str:
    """A digest of what can be written as JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
